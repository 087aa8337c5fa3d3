import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { WeighlockError } from '../base/errors.ts';
import {
  commitOf,
  type Received,
  type SampleGateway,
  type SampleModel,
  startSample,
  tokenOf,
} from './samples.ts';

const [A, B] = [commitOf('a'), commitOf('b')];
const [HELD, REFUSED, UNFINISHED] = [commitOf('held'), commitOf('refused'), commitOf('unfinished')];
const [REVOKED, REMOVED] = [commitOf('revoked'), commitOf('removed')];
const FILES = { 'config.json': '{}' };

const MODELS: readonly SampleModel[] = [
  {
    name: 'acme/mixed',
    channels: { production: A, withdrawn: REVOKED },
    tags: { waiting: HELD, gone: REMOVED },
    revisions: [
      { commit: HELD, is: 'held', files: FILES },
      { commit: REFUSED, is: 'refused', files: FILES },
      { commit: UNFINISHED, is: 'unfinished', files: FILES },
      { commit: REVOKED, is: 'revoked', files: FILES },
      { commit: REMOVED, is: 'removed', files: FILES },
      { commit: A, files: FILES },
    ],
  },
  {
    name: 'acme/undecided',
    revisions: [
      { commit: B, files: FILES },
      { commit: A, files: FILES },
    ],
  },
  {
    name: 'acme/aside',
    channels: { candidate: A },
    revisions: [{ commit: A, files: FILES }],
  },
  { name: 'acme/held', revisions: [{ commit: HELD, is: 'held' }] },
  { name: 'acme/refused', revisions: [{ commit: REFUSED, is: 'refused' }] },
  { name: 'acme/unfinished', revisions: [{ commit: UNFINISHED, is: 'unfinished' }] },
  {
    name: 'acme/revoked',
    revisions: [
      { commit: HELD, is: 'held' },
      { commit: REVOKED, is: 'revoked' },
    ],
  },
  {
    name: 'acme/moved',
    channels: { production: REVOKED },
    revisions: [{ commit: REVOKED, is: 'revoked' }, { commit: A }],
  },
  { name: 'other/private', revisions: [{ commit: A, files: FILES }] },
];

/** What a client makes of an answer. */
function told({ status, headers }: Received): string {
  return `${status} ${headers['x-error-code'] ?? '-'}`;
}

describe('a refusal', () => {
  let sample: SampleGateway;
  before(async () => {
    sample = await startSample(MODELS);
  });
  beforeEach(() => {
    sample.readers.anonymous = 'refused';
    sample.limits.left = Number.MAX_SAFE_INTEGER;
    sample.catalog.unbelievable = undefined;
  });
  after(() => sample[Symbol.asyncDispose]());

  const everywhere = (model: string, revision: string): [string, string][] => [
    ['GET', `/api/models/${model}/revision/${revision}`],
    ['GET', `/api/models/${model}/tree/${revision}`],
    ['GET', `/api/models/${model}/commits/${revision}`],
    ['POST', `/api/models/${model}/paths-info/${revision}`],
    ['HEAD', `/${model}/resolve/${revision}/config.json`],
    ['GET', `/${model}/resolve/${revision}/config.json`],
    ['HEAD', `/${model}/raw/${revision}/config.json`],
  ];

  const REVISIONS: readonly (readonly [string, string, string, RegExp])[] = [
    ['acme/mixed', HELD, '403 GatedRepo', /is held, for a reason/],
    ['acme/mixed', REFUSED, '403 GatedRepo', /is refused, for a reason/],
    ['acme/mixed', UNFINISHED, '403 GatedRepo', /is unfinished, for a reason/],
    ['acme/mixed', 'waiting', '403 GatedRepo', /is held, for a reason/],
    ['acme/mixed', REVOKED, '404 RevisionNotFound', /is revoked, for a reason/],
    ['acme/mixed', 'withdrawn', '404 RevisionNotFound', /is revoked, for a reason/],
    ['acme/mixed', REMOVED, '404 RevisionNotFound', /is removed, for a reason/],
    ['acme/mixed', 'gone', '404 RevisionNotFound', /is removed, for a reason/],
    ['acme/mixed', 'f'.repeat(40), '404 RevisionNotFound', new RegExp(`admitted: ${A}$`)],
    ['acme/mixed', 'nope', '404 RevisionNotFound', new RegExp(`admitted: ${A}$`)],
    ['acme/mixed', 'refs%2Fpr%2F1', '404 RevisionNotFound', /no revision of that name/],
    ['acme/mixed', A.toUpperCase(), '404 RevisionNotFound', /no revision of that name/],
    ['acme/mixed', A.slice(0, 12), '404 RevisionNotFound', /no revision of that name/],
    ['acme/mixed', 'Production', '404 RevisionNotFound', /no revision of that name/],
    ['acme/mixed', 'constructor', '404 RevisionNotFound', /no revision of that name/],
    ['acme/mixed', 'refs%2Ftags%2Fproduction', '404 RevisionNotFound', /no revision of that name/],
    ['acme/undecided', 'main', '404 RevisionNotFound', new RegExp(`no production channel.*: ${B}, ${A}$`)],
    ['acme/aside', 'main', '404 RevisionNotFound', /no production channel/],
    ['acme/held', 'main', '403 GatedRepo', /is held, for a reason/],
    ['acme/refused', 'main', '403 GatedRepo', /is refused, for a reason/],
    ['acme/unfinished', 'main', '403 GatedRepo', /is unfinished, for a reason/],
    // Held since, but it was served once: whoever has it in a cache must be told.
    ['acme/revoked', 'main', '404 RevisionNotFound', /is revoked, for a reason/],
    ['acme/moved', 'main', '404 RevisionNotFound', /is revoked, for a reason/],
    [
      'acme/none',
      'main',
      '403 GatedRepo',
      /acme\/none is not admitted here\. Ask for it: `weighlock admit acme\/none`$/,
    ],
    ['acme/none', A, '403 GatedRepo', /not admitted here/],
  ];
  for (const [model, revision, expected, why] of REVISIONS) {
    it(`for ${model}@${revision.slice(0, 30)} is ${expected} wherever it is asked for, and says why`, async () => {
      for (const [method, target] of everywhere(model, revision)) {
        const received = await sample.ask(target, { method, ...(method === 'POST' && { body: '{}' }) });
        assert.equal(told(received), expected, `${method} ${target}`);
        assert.match(received.headers['x-error-message'] ?? '', why);
        if (method !== 'HEAD') assert.match((received.json() as { error: string }).error, why);
      }
    });
  }

  it('of a model that was never on record is 404 where its existence is asked for', async () => {
    assert.equal(told(await sample.ask('/api/models/acme/none')), '404 RepoNotFound');
    assert.equal(told(await sample.ask('/api/models/acme/held')), '403 GatedRepo');
    assert.equal(told(await sample.ask('/api/models/acme/revoked')), '404 RevisionNotFound');
    for (const page of ['refs', 'auth-check', 'scan', 'discussions'])
      assert.equal(told(await sample.ask(`/api/models/acme/none/${page}`)), '403 GatedRepo', page);
  });

  it('names the commit wherever a file is not there', async () => {
    for (const revision of ['main', A]) {
      const received = await sample.ask(`/acme/mixed/resolve/${revision}/nope`);
      assert.deepEqual([told(received), received.headers['x-repo-commit']], ['404 EntryNotFound', A]);
    }
    assert.equal(told(await sample.ask('/api/models/acme/mixed/tree/main/nope')), '404 EntryNotFound');
  });

  for (const [target, expected] of [
    ['/api/datasets/acme/mixed', '404 RepoNotFound'],
    ['/api/datasets?search=x', '404 RepoNotFound'],
    ['/datasets/acme/mixed/resolve/main/x', '404 RepoNotFound'],
    ['/api/spaces/acme/mixed', '404 RepoNotFound'],
    ['/api/models/not--a--name', '404 RepoNotFound'],
    ['/acme/mixed.git/info/refs?service=git-upload-pack', '404 -'],
    ['/acme/mixed', '404 -'],
    ['/favicon.ico', '404 -'],
    ['/api/models/acme/mixed/nothing', '404 -'],
    ['/api/models/acme/mixed/paths-info/main', '404 -'],
    ['/acme/mixed/resolve/main/%', '400 -'],
    [`/${'x'.repeat(9000)}`, '414 -'],
  ] as const) {
    it(`for ${target.slice(0, 50)} is ${expected}, with a sentence`, async () => {
      const received = await sample.ask(target);
      assert.equal(told(received), expected);
      assert.match((received.json() as { error: string }).error, /\w+ \w+/);
    });
  }

  for (const [method, target] of [
    ['POST', '/api/models/acme/mixed/commit/main'],
    ['POST', '/api/models/acme/mixed/preupload/main'],
    ['POST', '/acme/mixed.git/info/lfs/objects/batch'],
    ['POST', '/api/repos/create'],
    ['DELETE', '/api/repos/delete'],
    ['PUT', '/acme/mixed/resolve/main/config.json'],
    ['POST', '/acme/mixed/resolve/main/config.json'],
    ['PATCH', '/api/models/acme/mixed'],
    ['DELETE', '/-/metrics'],
    ['OPTIONS', '/api/models'],
    ['TRACE', '/api/models'],
  ] as const) {
    it(`for ${method} ${target} says that nothing is written here`, async () => {
      const received = await sample.ask(target, { method, body: '{"a":1}' });
      assert.equal(received.status, 405);
      assert.equal(received.headers.allow, 'GET, HEAD');
      assert.match(received.headers['x-error-message'] ?? '', /read-only.*weighlock admit/);
    });
  }

  describe('of a reader', () => {
    it('without a token asks for one', async () => {
      for (const target of [
        '/api/models',
        '/api/models/acme/mixed',
        '/acme/none/resolve/main/x',
        '/api/whoami-v2',
        '/nothing',
      ]) {
        const received = await sample.ask(target, { token: null });
        assert.equal(told(received), '401 GatedRepo', target);
        assert.match(
          received.headers['x-error-message'] ?? '',
          /set HF_TOKEN to one made by `weighlock access grant`/,
        );
        assert.equal(received.headers['www-authenticate'], 'Bearer');
      }
    });

    it('without a token reads where anybody may', async () => {
      sample.readers.anonymous = 'reads';
      assert.equal((await sample.ask('/api/models/acme/mixed', { token: null })).status, 200);
      assert.equal(told(await sample.ask('/api/whoami-v2', { token: null })), '401 GatedRepo');
    });

    it('with a token that is not known never sees it again, nor does the log', async () => {
      for (const anonymous of ['refused', 'reads'] as const) {
        sample.readers.anonymous = anonymous;
        const received = await sample.ask('/api/models/acme/mixed', { token: tokenOf('mallory') });
        assert.equal(told(received), '401 GatedRepo');
        assert.doesNotMatch(JSON.stringify(received.headers) + received.body, /mallory/);
      }
      assert.doesNotMatch(sample.text(), /mallory|hf_alice/);
    });

    for (const authorization of [
      'Bearer',
      'Bearer x',
      'Basic YTpi',
      `Bearer  ${tokenOf('alice')}`,
      `Bearer ${tokenOf('alice')},`,
      'Bearer hf_',
    ]) {
      it(`with Authorization: ${authorization} is not known, even where anybody may read`, async () => {
        sample.readers.anonymous = 'reads';
        const received = await sample.ask('/api/models/acme/mixed', {
          token: null,
          headers: { Authorization: authorization },
        });
        assert.equal(told(received), '401 GatedRepo');
      });
    }

    it('learns nothing of a model that the token does not cover', async () => {
      const answers = new Map<string, string>();
      for (const model of ['other/private', 'other/missing', 'legacy']) {
        for (const [method, target] of [
          ...everywhere(model, 'main'),
          ...everywhere(model, HELD),
          ['GET', `/api/models/${model}`],
          ['GET', `/api/models/${model}/refs`],
          ['GET', `/api/models/${model}/auth-check`],
          ['GET', `/${model}/resolve/main/%2e%2e`],
        ] as const) {
          const received = await sample.ask(target, { method, token: 'bob' });
          assert.equal(told(received), '403 GatedRepo', target);
          const {
            date,
            'x-request-id': id,
            ratelimit,
            'content-length': length,
            ...headers
          } = received.headers;
          const said = JSON.stringify([headers, received.body.toString()])
            .replaceAll(model, 'the model')
            // The topic stands for the sentence, name and all.
            .replace(/refused [0-9a-f]+;/, 'refused;');
          answers.set(`${method === 'HEAD'} ${said}`, target);
        }
      }
      assert.equal(answers.size, 2, [...answers].join('\n'));
    });

    it('who looks but does not download gets metadata and HEADs alone', async () => {
      const ask = (target: string, method = 'GET', headers = {}) =>
        sample.ask(target, { method, token: 'audit', headers });
      assert.equal((await ask('/api/models/acme/mixed/tree/main')).status, 200);
      assert.equal((await ask('/acme/mixed/resolve/main/config.json', 'HEAD')).status, 200);
      assert.equal(told(await ask('/acme/mixed/resolve/main/config.json')), '403 GatedRepo');
      assert.equal(
        told(await ask('/acme/mixed/resolve/main/config.json', 'GET', { Range: 'bytes=0-0' })),
        '403 GatedRepo',
      );
      assert.equal(told(await ask('/acme/mixed/raw/main/config.json')), '403 GatedRepo');
    });

    it('is told with every answer how much is left, and when to come back', async () => {
      sample.limits.left = 2;
      const first = await sample.ask('/api/models/acme/mixed');
      assert.deepEqual([first.status, first.headers.ratelimit], [200, '"api";r=1;t=55']);
      const second = await sample.ask('/acme/mixed/resolve/main/config.json');
      assert.deepEqual([second.status, second.headers.ratelimit], [200, '"resolvers";r=0;t=55']);
      for (const token of ['alice', tokenOf('mallory'), null]) {
        const third = await sample.ask('/api/models/acme/mixed', { token });
        assert.equal(third.status, 429);
        assert.equal(third.headers['retry-after'], '55');
        assert.equal(third.headers.ratelimit, '"api";r=0;t=55');
      }
      assert.equal((await sample.ask('/-/health', { token: null })).status, 200);
    });
  });

  describe('of a vault that cannot be believed', () => {
    for (const [error, code] of [
      [new WeighlockError('WL_STATE_EXPIRED', 'secret place'), 'WL_STATE_EXPIRED'],
      [new WeighlockError('WL_STATE_ROLLED_BACK', 'secret place'), 'WL_STATE_ROLLED_BACK'],
      [new WeighlockError('WL_VAULT_UNAVAILABLE', 'secret place'), 'WL_VAULT_UNAVAILABLE'],
      [new Error('secret place'), 'the vault cannot be read'],
    ] as const) {
      it(`(${code}) is 503 until it can be, and says nothing of where it is`, async () => {
        sample.catalog.unbelievable = error;
        for (const target of [
          '/api/models',
          '/api/models/acme/mixed',
          '/acme/mixed/resolve/main/config.json',
        ]) {
          const { status, headers, body } = await sample.ask(target);
          assert.deepEqual([status, headers['retry-after']], [503, '5']);
          assert.ok(headers['x-error-message']?.includes(code));
          assert.doesNotMatch(body.toString(), /secret/);
        }
        assert.equal((await sample.ask('/-/ready', { token: null })).status, 503);
        assert.equal((await sample.ask('/-/health', { token: null })).status, 200);
        sample.catalog.unbelievable = undefined;
        assert.equal((await sample.ask('/-/ready', { token: null })).status, 200);
        assert.equal((await sample.ask('/api/models/acme/mixed')).status, 200);
      });
    }
  });

  it('of our own mistake says nothing but where to look', async () => {
    sample.data.instead = async () => {
      throw new TypeError('cannot read properties of undefined at /srv/weighlock/x.ts');
    };
    const { status, headers, json } = await sample.ask('/acme/mixed/resolve/main/config.json');
    sample.data.instead = undefined;
    assert.equal(status, 500);
    assert.deepEqual(json(), {
      error: `Weighlock made a mistake; its log says more under ${headers['x-request-id']}`,
    });
    const line = await sample.logged(({ error }) => String(error).startsWith('cannot read properties'));
    assert.equal(line.id, headers['x-request-id']);
  });
});
