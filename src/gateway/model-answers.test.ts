import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gitBlobSha1, sha256 } from '../base/digest.ts';
import { parseModelName } from '../base/name.ts';
import type { ServedRevision } from './catalog.ts';
import { ModelAnswers } from './model-answers.ts';
import { NO_QUERY } from './query.ts';
import { RenderedAnswers } from './rendered-answers.ts';
import {
  commitOf,
  MemoryCatalog,
  type Received,
  type SampleGateway,
  type SampleModel,
  startSample,
} from './samples.ts';

const [NEW, OLD, CANDIDATE] = [commitOf('new'), commitOf('old'), commitOf('candidate')];
const WEIGHTS = Buffer.alloc(100_000, 7);

const TINY: SampleModel = {
  name: 'acme/tiny',
  channels: { production: NEW, candidate: CANDIDATE },
  tags: { main: NEW, 'v1.0': OLD, candidate: OLD },
  revisions: [
    { commit: CANDIDATE, decidedAt: '2026-11-03T00:00:00Z', files: { 'config.json': '{"new":1}' } },
    {
      commit: NEW,
      decidedAt: '2026-11-02T00:00:00Z',
      license: 'mit',
      warnings: ['a waiver is in force; “x”', 'second'],
      card: { tags: ['llama', 'license:mit'], pipelineTag: 'text-generation', cardData: { license: 'mit' } },
      files: { 'config.json': '{}', 'model.safetensors': WEIGHTS, 'sub/dir/a b.txt': 'x', 'sub/b.txt': 'y' },
    },
    { commit: OLD, decidedAt: '2026-11-01T00:00:00Z', files: { 'config.json': '{"old":1}' } },
    { commit: commitOf('held'), is: 'held' },
  ],
};

const GPT2: SampleModel = {
  name: 'gpt2',
  revisions: [{ commit: OLD, files: { 'config.json': '{"legacy":1}' } }],
};

/** A model with more files than a page has entries. */
const LARGE: SampleModel = {
  name: 'acme/large',
  revisions: [
    {
      commit: NEW,
      files: Object.fromEntries(
        Array.from({ length: 10_050 }, (_, at) => [`part-${String(at).padStart(5, '0')}`, '']),
      ),
    },
  ],
};

type Item = Record<string, unknown> & { readonly path: string };

describe('what the gateway says of a model', () => {
  let sample: SampleGateway;
  before(async () => {
    sample = await startSample([TINY, GPT2, LARGE], { publicUrl: 'https://models.test/hf/' });
  });
  after(() => sample[Symbol.asyncDispose]());

  const json = async <T = Record<string, unknown>>(target: string): Promise<T> => {
    const received = await sample.ask(target);
    assert.equal(received.status, 200, `${target}: ${received.body}`);
    return received.json() as T;
  };
  const shaOf = async (target: string) => (await json(target)).sha;

  it('is its production channel under main, HEAD, and no name at all', async () => {
    for (const name of ['', '/revision/main', '/revision/HEAD', '/revision/refs%2Fheads%2Fmain'])
      assert.equal(await shaOf(`/api/models/acme/tiny${name}`), NEW, name);
  });

  it('follows channels, upstream’s names and commits, channels before upstream’s names', async () => {
    for (const [name, commit] of [
      ['production', NEW],
      ['candidate', CANDIDATE],
      ['refs%2Fheads%2Fcandidate', CANDIDATE],
      ['refs/heads/candidate', CANDIDATE],
      ['refs%2Ftags%2Fcandidate', OLD],
      ['v1.0', OLD],
      ['refs/tags/v1.0', OLD],
      [OLD, OLD],
    ])
      assert.equal(await shaOf(`/api/models/acme/tiny/revision/${name}`), commit, name);
  });

  it('is the one published revision where there is no channel', async () => {
    assert.equal(await shaOf('/api/models/gpt2'), OLD);
  });

  it('has the fields that clients read', async () => {
    const info = await json('/api/models/acme/tiny');
    const { siblings, ...rest } = info;
    assert.deepEqual(rest, {
      _id: sha256('acme/tiny').slice(0, 24),
      id: 'acme/tiny',
      modelId: 'acme/tiny',
      author: 'acme',
      sha: NEW,
      lastModified: '2026-11-02T00:00:00Z',
      createdAt: '2026-11-01T00:00:00Z',
      private: false,
      gated: false,
      disabled: false,
      downloads: 0,
      likes: 0,
      tags: ['llama', 'license:mit'],
      pipeline_tag: 'text-generation',
      cardData: { license: 'mit' },
      usedStorage: WEIGHTS.length + 4,
    });
    assert.deepEqual(
      (siblings as { rfilename: string }[]).map(({ rfilename }) => rfilename),
      ['config.json', 'model.safetensors', 'sub/b.txt', 'sub/dir/a b.txt'],
    );
  });

  it('has sizes and digests of files with blobs=true', async () => {
    const { siblings } = await json<{ siblings: Record<string, unknown>[] }>(
      '/api/models/acme/tiny?blobs=true',
    );
    assert.deepEqual(siblings[0], {
      rfilename: 'config.json',
      size: 2,
      blobId: gitBlobSha1(Buffer.from('{}')),
    });
    const { lfs, blobId } = siblings[1] ?? {};
    assert.match(String(blobId), /^[0-9a-f]{40}$/);
    assert.deepEqual(lfs, { sha256: sha256(WEIGHTS), size: WEIGHTS.length, pointerSize: 131 });
  });

  it('has only what was named with expand, in every spelling', async () => {
    for (const query of [
      'expand=sha&expand=tags',
      'expand[]=sha&expand[]=tags',
      'expand%5B%5D=sha&expand%5B%5D=tags',
    ])
      assert.deepEqual(Object.keys(await json(`/api/models/acme/tiny?${query}`)), [
        '_id',
        'id',
        'sha',
        'tags',
      ]);
    assert.deepEqual(Object.keys(await json('/api/models/acme/tiny?expand=likes&expand=nothing')), [
      '_id',
      'id',
      'likes',
    ]);
  });

  it('carries its warnings, each under a topic of its own', async () => {
    const { headers } = await sample.ask('/api/models/acme/tiny');
    assert.equal(
      headers['x-hf-warning'],
      `acme/tiny@${NEW.slice(0, 12)} 1; a waiver is in force; "x"\nacme/tiny@${NEW.slice(0, 12)} 2; second`,
    );
  });

  it('lists a tree, one folder or all', async () => {
    const paths = async (rest: string) =>
      (await json<Item[]>(`/api/models/acme/tiny/tree/${rest}`)).map(({ path, type }) => `${type} ${path}`);
    assert.deepEqual(await paths('main'), ['directory sub', 'file config.json', 'file model.safetensors']);
    assert.deepEqual(await paths('main?recursive=false'), await paths('main'));
    for (const folder of ['sub%2Fdir', 'sub/dir'])
      assert.deepEqual(await paths(`main/${folder}`), ['file sub/dir/a b.txt']);
    for (const set of ['true', 'True', '1'])
      assert.deepEqual(await paths(`main?recursive=${set}`), [
        'directory sub',
        'directory sub/dir',
        'file config.json',
        'file model.safetensors',
        'file sub/b.txt',
        'file sub/dir/a b.txt',
      ]);
  });

  it('names the digest of what is in LFS twice, and never leads to Xet', async () => {
    const { body, json: items } = await sample.ask(
      '/api/models/acme/tiny/tree/main?recursive=true&expand=true',
    );
    const weights = (items() as Item[]).find(({ path }) => path === 'model.safetensors');
    assert.deepEqual(weights?.lfs, { oid: sha256(WEIGHTS), size: WEIGHTS.length, pointerSize: 131 });
    assert.notEqual(weights.oid, sha256(WEIGHTS));
    assert.doesNotMatch(body.toString(), /xet/i);
  });

  it('says with expand when a file came in, and what was not scanned by others not at all', async () => {
    for (const item of await json<Item[]>('/api/models/acme/tiny/tree/main?expand=true&recursive=true')) {
      assert.deepEqual(item.lastCommit, {
        id: NEW,
        title: `Admitted: ${NEW.slice(0, 12)}`,
        date: '2026-11-02T00:00:00Z',
      });
      assert.ok(!('securityFileStatus' in item));
    }
  });

  it('cuts a long tree into pages that lead to each other on the public address', async () => {
    const first = await sample.ask('/api/models/acme/large/tree/main?recursive=true');
    assert.equal((first.json() as Item[]).length, 10_000);
    const seen = new Set((first.json() as Item[]).map(({ path }) => path));
    const next = nextOf(first);
    assert.match(
      next,
      new RegExp(`^https://models\\.test/hf/api/models/acme/large/tree/${NEW}\\?recursive=true&`),
    );
    const second = await sample.ask(next.slice('https://models.test/hf'.length));
    for (const { path } of second.json() as Item[]) seen.add(path);
    assert.equal(seen.size, 10_050);
    assert.equal(second.headers.link, undefined);
  });

  it('gives pages of the length that was asked for', async () => {
    const seen: string[] = [];
    for (let target = '/api/models/acme/tiny/tree/main/sub?recursive=1&limit=1'; target !== ''; ) {
      const page = await sample.ask(target);
      const items = page.json() as Item[];
      assert.equal(items.length, 1);
      seen.push(...items.map(({ path }) => path));
      target = page.headers.link ? nextOf(page).slice('https://models.test/hf'.length) : '';
    }
    assert.deepEqual(seen, ['sub/dir', 'sub/b.txt', 'sub/dir/a b.txt']);
  });

  for (const query of [
    'limit=0',
    'limit=-1',
    'limit=a',
    'limit=1e3',
    'limit=',
    'cursor=!',
    'cursor=YQ',
    'cursor=%2F',
  ]) {
    it(`refuses a tree with ${query}`, async () => {
      assert.equal((await sample.ask(`/api/models/acme/tiny/tree/main?${query}`)).status, 400);
    });
  }

  it('answers paths-info from a form and from JSON, leaving out what there is not', async () => {
    const paths = ['config.json', 'sub', 'nope', '../x', '', 'config.json', 'sub/dir/a b.txt'];
    const form = `${paths.map((path) => `paths=${encodeURIComponent(path)}`).join('&')}&expand=False`;
    const bodies = [
      ['application/x-www-form-urlencoded', form],
      ['application/json', JSON.stringify({ paths, expand: false })],
      ['application/json; charset=utf-8', JSON.stringify({ paths })],
    ] as const;
    for (const [type, body] of bodies) {
      const received = await sample.ask('/api/models/acme/tiny/paths-info/main', {
        method: 'POST',
        headers: { 'Content-Type': type },
        body,
      });
      assert.equal(received.status, 200);
      assert.deepEqual(
        (received.json() as Item[]).map(({ type, path }) => `${type} ${path}`),
        ['file config.json', 'directory sub', 'file sub/dir/a b.txt'],
      );
    }
  });

  it('shows as refs what can be asked for, main first', async () => {
    assert.deepEqual(await json('/api/models/acme/tiny/refs?include_prs=1'), {
      branches: [
        { name: 'main', ref: 'refs/heads/main', targetCommit: NEW },
        { name: 'candidate', ref: 'refs/heads/candidate', targetCommit: CANDIDATE },
      ],
      tags: [{ name: 'v1.0', ref: 'refs/tags/v1.0', targetCommit: OLD }],
      converts: [],
      pullRequests: [],
    });
  });

  it('lists as commits the published revisions up to the one that was asked for', async () => {
    const commits = async (rest: string) =>
      (await json<{ id: string }[]>(`/api/models/acme/tiny/commits/${rest}`)).map(({ id }) => id);
    assert.deepEqual(await commits('main'), [NEW, OLD]);
    assert.deepEqual(await commits('candidate'), [CANDIDATE, NEW, OLD]);
    assert.deepEqual(await commits(OLD), [OLD]);
    const first = await sample.ask('/api/models/acme/tiny/commits/candidate?limit=2');
    assert.equal(first.headers['x-total-count'], '3');
    assert.equal(
      nextOf(first),
      `https://models.test/hf/api/models/acme/tiny/commits/${CANDIDATE}?p=1&limit=2`,
    );
    assert.deepEqual(await commits(`${CANDIDATE}?p=1&limit=2`), [OLD]);
    assert.deepEqual(await commits('main?p=9'), []);
  });

  it('has small answers for small questions', async () => {
    assert.deepEqual(await json('/api/models/acme/tiny/auth-check'), {});
    assert.deepEqual(await json('/api/models/acme/tiny/discussions'), {
      discussions: [],
      count: 0,
      start: 0,
    });
    assert.equal((await sample.ask('/api/models/acme/tiny/scan')).status, 404);
    assert.deepEqual(await json('/api/agent-harnesses'), {});
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    for (const target of ['/api/models/acme/tiny', '/api/models/acme/tiny/tree/main', '/']) {
      const [get, head] = [await sample.ask(target), await sample.ask(target, { method: 'HEAD' })];
      assert.equal(head.status, 200);
      assert.equal(head.body.length, 0);
      assert.equal(head.headers['content-length'], String(get.body.length));
      assert.equal(head.headers['content-type'], get.headers['content-type']);
    }
  });

  it('takes a new state up at once', async () => {
    const fresh: SampleModel = { name: 'acme/moving', revisions: [{ commit: OLD }, { commit: NEW }] };
    sample.catalog.set({ ...fresh, channels: { production: OLD } });
    assert.equal(await shaOf('/api/models/acme/moving'), OLD);
    sample.catalog.set({ ...fresh, channels: { production: NEW } });
    assert.equal(await shaOf('/api/models/acme/moving'), NEW);
    sample.catalog.set({
      ...fresh,
      revisions: [{ commit: NEW, is: 'revoked' }],
      channels: { production: NEW },
    });
    assert.equal((await sample.ask('/api/models/acme/moving')).headers['x-error-code'], 'RevisionNotFound');
  });
});

function nextOf({ headers }: Received): string {
  return /^<([^>]+)>; rel="next"$/.exec(headers.link ?? '')?.[1] ?? assert.fail('no Link');
}

describe('an answer made while the card could not be read', () => {
  it('is not kept, so that whoever asks next in the same state reads the card', async () => {
    const snapshot = new MemoryCatalog([TINY]).now();
    const name = parseModelName(TINY.name);
    const model = (await snapshot.model(name)) ?? assert.fail();
    const revision = await snapshot.revision({ model: name, commit: NEW });
    const card = { ...revision.card, tags: [], pipelineTag: undefined, cardData: undefined };
    const answers = new ModelAnswers({ publicUrl: 'http://g', rendered: new RenderedAnswers() });
    const tagOf = (shown: ServedRevision) => {
      const { body } = answers.info({ sequence: 1, model, revision: shown }, NO_QUERY);
      assert.ok(body.is === 'bytes');
      return JSON.parse(Buffer.from(body.bytes).toString()).pipeline_tag;
    };
    assert.equal(tagOf({ ...revision, card, passing: true }), undefined);
    assert.equal(tagOf(revision), 'text-generation');
    assert.equal(tagOf({ ...revision, card }), 'text-generation');
  });
});
