import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { listModels } from './model-list.ts';
import { parseQuery } from './query.ts';
import type { Reader } from './reader.ts';
import { commitOf, MemoryCatalog, type SampleGateway, type SampleModel, startSample } from './samples.ts';

const ONE = commitOf('one');
const TWO = commitOf('two');

const MODELS: readonly SampleModel[] = [
  {
    name: 'acme/llama',
    channels: { production: TWO },
    revisions: [
      { commit: ONE, files: { 'a.txt': '' } },
      {
        commit: TWO,
        files: { 'b.txt': '' },
        license: 'mit',
        card: {
          tags: ['llama'],
          pipelineTag: 'text-generation',
          libraryName: 'transformers',
          cardData: { a: 1 },
        },
      },
    ],
  },
  { name: 'acme/Whisper', revisions: [{ commit: ONE, card: { tags: ['audio'] } }] },
  { name: 'other/llama', revisions: [{ commit: ONE, card: { tags: ['llama'] } }] },
  { name: 'other/held', revisions: [{ commit: ONE, is: 'held' }] },
  { name: 'other/revoked', revisions: [{ commit: ONE, is: 'revoked' }] },
  ...Array.from({ length: 250 }, (_, at) => ({ name: `zoo/m${1000 + at}`, revisions: [{ commit: ONE }] })),
];

describe('the list of models', () => {
  let sample: SampleGateway;
  before(async () => {
    sample = await startSample(MODELS);
  });
  after(() => sample[Symbol.asyncDispose]());

  /** Names on the page, and on all that follow it. */
  const names = async (query: string, token = 'alice'): Promise<string[]> => {
    const found: string[] = [];
    let target = `/api/models?${query}`;
    for (let page = 0; page < 400 && target !== ''; page++) {
      const { status, json, headers } = await sample.ask(target, { token });
      assert.equal(status, 200);
      found.push(...(json() as { id: string }[]).map(({ id }) => id));
      const next = /^<(.*)>; rel="next"$/.exec(headers.link ?? '')?.[1] ?? '';
      assert.ok(next === '' || next.startsWith(`${sample.gateway.url}/api/models?`), next);
      target = next.slice(sample.gateway.url.length);
    }
    return found;
  };

  const SERVED = 253;

  it('has every model with a published revision once, by name, over all pages', async () => {
    for (const query of ['', 'limit=7', 'limit=1000', 'limit=253', 'sort=downloads&direction=-1']) {
      const all = await names(query);
      assert.equal(all.length, SERVED, query);
      assert.deepEqual(all, [...new Set(all)].sort(), query);
      assert.ok(!all.includes('other/held') && !all.includes('other/revoked'));
    }
  });

  it('has no next page because of models that the reader may not read', async () => {
    const { headers } = await sample.ask('/api/models?limit=2', { token: 'bob' });
    assert.equal(headers.link, undefined);
    assert.match((await sample.ask('/api/models?limit=1', { token: 'bob' })).headers.link ?? '', /next/);
  });

  for (const [query, expected] of [
    ['search=LLAMA', ['acme/llama', 'other/llama']],
    ['search=whisper', ['acme/Whisper']],
    ['search=acme%2Fll', ['acme/llama']],
    ['author=acme', ['acme/Whisper', 'acme/llama']],
    ['author=acm', []],
    ['author=acme&search=llama', ['acme/llama']],
    ['filter=llama', ['acme/llama', 'other/llama']],
    ['filter=llama&filter=license%3Amit', ['acme/llama']],
    ['filter=llama,license:mit', ['acme/llama']],
    ['tags=audio', ['acme/Whisper']],
    ['filter=text-generation', ['acme/llama']],
    ['pipeline_tag=text-generation', ['acme/llama']],
    ['library=transformers', ['acme/llama']],
    ['filter=nothing', []],
    ['gated=true&author=acme', []],
    ['gated=false&author=acme', ['acme/Whisper', 'acme/llama']],
  ] as const) {
    it(`with ${query} has ${expected.join(' and ') || 'nothing'}`, async () =>
      assert.deepEqual(await names(query), expected));
  }

  it('has only what the reader may read', async () => {
    assert.deepEqual(await names('', 'bob'), ['acme/Whisper', 'acme/llama']);
    assert.deepEqual(await names('limit=1', 'bob'), ['acme/Whisper', 'acme/llama']);
  });

  it('shows what main is, and more where it is asked for', async () => {
    const one = async (query: string) => {
      const { json } = await sample.ask(`/api/models?author=acme&search=llama&${query}`);
      return (json() as Record<string, unknown>[])[0] ?? {};
    };
    assert.equal((await one('')).sha, TWO);
    assert.ok(!('siblings' in (await one(''))));
    assert.deepEqual((await one('full=True')).siblings, [{ rfilename: 'b.txt' }]);
    assert.deepEqual((await one('cardData=true')).cardData, { a: 1 });
    assert.deepEqual(Object.keys(await one('expand=sha&expand=gated')), ['_id', 'id', 'sha', 'gated']);
  });

  it('looks at a bounded number of models for one page', async () => {
    const many = Array.from({ length: 5_200 }, (_, at) => ({
      name: `n/m${at}`,
      revisions: [{ commit: ONE }],
    }));
    await using large = await startSample(many);
    const page = await large.ask('/api/models?search=nothing');
    assert.deepEqual(page.json(), []);
    assert.match(page.headers.link ?? '', /search=nothing.*rel="next"/);
  });

  it('names no model that the reader may not read, wherever a page begins and ends', async () => {
    const secrets = Array.from({ length: 6_000 }, (_, at) => `b/secret-${10_000 + at}`);
    const shown = ['acme/first', 'acme/second'];
    const revisions = [{ commit: ONE }];
    const names = [...shown, ...secrets];
    await using large = await startSample(names.map((name) => ({ name, revisions })));
    for (const from of ['', 'acme/first', 'acme/second', 'b/secret-10007', 'b/secret-15500']) {
      for (const limit of [1, 2, 100]) {
        const cursor = Buffer.from(from).toString('base64url');
        const page = await large.ask(`/api/models?limit=${limit}&cursor=${cursor}`, { token: 'bob' });
        const expected = shown.filter((name) => name > from).slice(0, limit);
        assert.deepEqual(
          (page.json() as { id: string }[]).map(({ id }) => id),
          expected,
        );
        const next = /cursor=([\w-]+)/.exec(page.headers.link ?? '')?.[1];
        const isLast = expected.length < limit || expected.at(-1) === 'acme/second';
        assert.equal(next && Buffer.from(next, 'base64url').toString(), isLast ? undefined : 'acme/first');
      }
    }
  });

  it('is not looked through for a client that is gone', async () => {
    const models = Array.from({ length: 2_000 }, (_, at) => ({
      name: `n/m${at}`,
      revisions: [{ commit: ONE }],
    }));
    const snapshot = new MemoryCatalog(models).now();
    const reader = { mayRead: () => false } as unknown as Reader;
    const query = parseQuery('') ?? assert.fail();
    const options = { snapshot, reader, query, publicUrl: 'http://gateway.test' };
    await assert.rejects(listModels({ ...options, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  for (const query of ['limit=0', 'limit=x', 'cursor=!!', 'cursor=Li4v']) {
    it(`is refused with ${query}`, async () =>
      assert.equal((await sample.ask(`/api/models?${query}`)).status, 400));
  }
});
