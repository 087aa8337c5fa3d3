import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommit, parseModelName } from '../base/name.ts';
import { ASPECTS, type Sides } from './aspect.ts';
import { compare } from './compare.ts';
import type { HubSide } from './hub-side.ts';
import { markdownOf } from './markdown.ts';
import { pageOf } from './page.ts';
import type { VaultSide } from './vault-side.ts';

const MODEL = parseModelName('org/model');
const COMMIT = parseCommit('a'.repeat(40));

const SPEED = { bytes: 4e9, complete: true } as const;

const HUB: HubSide = {
  endpoint: 'https://hub.example',
  files: 4,
  weights: [{ path: 'model.safetensors', sizeBytes: 4e9 }],
  publisher: { name: 'org', kind: 'organisation', verified: true },
  gated: false,
  scan: 'safe',
  coverage: { safe: 4, against: 0, unknown: 0 },
  activity: { behind: 0 },
  update: undefined,
  pythonFiles: 0,
  pickledWeights: 0,
  measured: {
    ...SPEED,
    firstByteMs: [100, 90, 120],
    medianFirstByteMs: 100,
    seconds: 40,
    bytesPerSecond: 1e8,
    secondsForAll: 40,
  },
  hosts: ['hub.example', 'cdn.example'],
  requests: 30,
  authenticated: false,
};

const VAULT = {
  location: 's3://acme',
  kind: 'bucket',
  host: 'acme.s3.eu-west-1.amazonaws.com',
  id: { model: MODEL, commit: COMMIT },
  record: {
    decidedAt: '2026-01-01T00:00:00Z',
    verdict: 'admitted',
    policy: { name: 'default' },
    manifest: { files: [{}, {}, {}, {}], excluded: [] },
    source: { publisher: { name: 'org', id: 'o1' }, repoId: 'r1', hubScan: 'safe' },
    evidence: [],
  } as unknown as VaultSide['record'],
  logIndex: 7,
  coverage: { safe: 4, against: 0, unknown: 0 },
  weights: HUB.weights,
  problems: [],
  deployments: 0,
  channels: ['production'],
  posture: { passed: 30, failed: [], unanswered: 0 },
  drift: { looked: 1, drifted: [] },
  measured: {
    ...SPEED,
    firstByteMs: [10, 9, 12],
    medianFirstByteMs: 10,
    seconds: 4,
    bytesPerSecond: 1e9,
    secondsForAll: 4,
  },
} satisfies VaultSide;

function sides(vault: Partial<VaultSide> | 'absent' = {}, hub: Partial<HubSide> = {}): Sides {
  return {
    model: MODEL,
    commit: COMMIT,
    madeAt: '2026-02-01T00:00:00Z',
    vault: vault === 'absent' ? { absent: 'not there', location: 's3://acme' } : { ...VAULT, ...vault },
    hub: { ...HUB, ...hub },
  };
}

const ROUTES: readonly (readonly [string, Sides, string, string])[] = [
  ['admitted, verified and in a sound bucket', sides(), 'vault', 'admitted'],
  [
    'admitted, in a bucket nobody looked at',
    sides({ posture: { unknown: 'no permission' } }),
    'vault',
    'admitted',
  ],
  [
    'admitted, in a bucket with a critical weakness',
    sides({ posture: { passed: 1, failed: [{ title: 'public', severity: 'critical' }], unanswered: 0 } }),
    'neither',
    'open-bucket',
  ],
  [
    'admitted, in a bucket with a lesser weakness',
    sides({ posture: { passed: 1, failed: [{ title: 'logging', severity: 'high' }], unanswered: 0 } }),
    'vault',
    'admitted',
  ],
  [
    'changed in the bucket',
    sides({ problems: ['model.safetensors was changed'] }),
    'neither',
    'broken-record',
  ],
  ['not admitted, and harmless at the Hub', sides('absent'), 'hub', 'harmless-from-the-hub'],
  ['not admitted, and warned of', sides('absent', { scan: 'unsafe' }), 'neither', 'warned-of'],
  ['not admitted, and not scanned', sides('absent', { scan: 'unknown' }), 'neither', 'admit-first'],
  ['not admitted, with Python', sides('absent', { pythonFiles: 2 }), 'neither', 'admit-first'],
  ['not admitted, with pickles', sides('absent', { pickledWeights: 1 }), 'neither', 'admit-first'],
  [
    'not admitted, by a stranger',
    sides('absent', { publisher: { name: 'x', kind: 'user' } }),
    'neither',
    'admit-first',
  ],
  [
    'admitted, slower than the Hub',
    sides({ measured: { ...VAULT.measured, secondsForAll: 400 } }),
    'vault',
    'admitted',
  ],
];

for (const [name, given, route, rule] of ROUTES) {
  test(`a model that is ${name}: ${route}, by the rule ${rule}`, () => {
    const { recommendation } = compare(given);
    assert.equal(recommendation.route, route);
    assert.equal(recommendation.rules.find(({ applies }) => applies)?.rule, rule);
    assert.notEqual(recommendation.because, '');
  });
}

test('every aspect has a line, with evidence, whether the vault has the model or not', () => {
  for (const given of [sides(), sides('absent')]) {
    const { lines } = compare(given);
    assert.deepEqual([...new Set(lines.map(({ aspect }) => aspect))], [...ASPECTS]);
    assert.ok(
      lines.every(({ what, vault, hub, evidence }) =>
        [what, vault, hub, evidence].every((text) => text !== ''),
      ),
    );
  }
});

test('a vault without the model is never favoured for what it would do with it', () => {
  const favoured = compare(sides('absent')).lines.filter(({ favours }) => favours === 'vault');
  assert.deepEqual(
    favoured.map(({ what }) => what),
    ['other scanners and rules of yours'],
  );
});

test('what is about as fast favours neither', () => {
  const close = {
    ...HUB.measured,
    ...VAULT.measured,
    medianFirstByteMs: 10.5,
    secondsForAll: 4.2,
    bytesPerSecond: 0.95e9,
  };
  const latency = compare(sides({}, { measured: close })).lines.filter(({ aspect }) => aspect === 'latency');
  assert.deepEqual(
    latency.map(({ favours }) => favours),
    ['neither', 'neither', 'neither'],
  );
});

test('the arithmetic counts bytes of weights as bits of a line', () => {
  const [slowest] = compare(sides()).arithmetic;
  assert.equal(slowest?.seconds, 32);
});

/** What a stranger can put into a comparison: the title of a discussion, the name of a publisher. */
const HOSTILE = '<script>alert(1)</script> "\' | [x](javascript:y) `a` \u001b[31m\n# h';

test('titles of strangers stay text, in the page and in Markdown', () => {
  const comparison = compare(
    sides(
      {},
      {
        activity: { behind: 1, discussions: { open: 1, all: 1, security: [HOSTILE] } },
        publisher: { name: HOSTILE, kind: 'user' },
      },
    ),
  );
  const page = pageOf(comparison);
  assert.doesNotMatch(page, /<script|\u001b/);
  assert.match(page, /default-src 'none'/);
  assert.doesNotMatch(page, /(?:src|href|url)\s*[=(]\s*["']?(?!#)[a-z/]/i, 'nothing is loaded from anywhere');
  const markdown = markdownOf(comparison);
  assert.doesNotMatch(markdown, /(?<!\\)<script|\u001b|(?<!\\)\[x\]\(/);
  const widths = markdown
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split(/(?<!\\)\|/).length);
  assert.deepEqual([...new Set(widths)].sort(), [5, 7], 'no title opens a cell of its own');
});
