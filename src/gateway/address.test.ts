import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isCommit, parseModelName, parseRepoPath } from '../base/name.ts';
import { type Address, parseAddress, TARGET_BYTES_MAX } from './address.ts';
import type { parseRevisionName } from './revision-name.ts';

const COMMIT = 'a'.repeat(40);

/** What a test says of an address: its parts as text. */
function told(address: Address): string {
  switch (address.route) {
    case 'none':
      return `none: ${address.because}`;
    case 'tree':
    case 'resolve':
    case 'raw':
      return `${address.route} ${address.model} ${revisionText(address.revision)} ${address.path ?? '(no path)'}`;
    case 'revision':
    case 'commits':
    case 'paths-info':
      return `${address.route} ${address.model} ${revisionText(address.revision)}`;
    case 'info':
    case 'refs':
    case 'auth-check':
    case 'scan':
    case 'discussions':
      return `${address.route} ${address.model}`;
    default:
      return address.route;
  }
}

function revisionText(revision: ReturnType<typeof parseRevisionName>): string {
  switch (revision?.by) {
    case undefined:
      return '(no revision)';
    case 'default':
      return 'main';
    case 'commit':
      return revision.commit;
    case 'name':
      return `${revision.among}:${revision.name}`;
  }
}

const TARGETS: readonly (readonly [string, string])[] = [
  ['/', 'welcome'],
  ['/-/health', 'health'],
  ['/-/ready', 'ready'],
  ['/-/metrics', 'metrics'],
  ['/-/metrics/', 'none: unknown'],
  ['/-', 'none: unknown'],
  ['/api/models', 'search'],
  ['/api/models?search=a&limit=5', 'search'],
  ['/api/models/', 'none: no model name'],
  ['/api/whoami-v2', 'whoami'],
  ['/api/telemetry/transformers/x', 'telemetry'],
  ['/api/agent-harnesses', 'agent-harnesses'],
  ['/api/datasets/a/b', 'datasets'],
  ['/datasets/a/b/resolve/main/x', 'datasets'],
  ['/api/spaces/a/b', 'spaces'],
  ['/spaces/a/b/resolve/main/app.py', 'spaces'],
  ['/api', 'none: unknown'],
  ['/api/organizations/acme/overview', 'none: unknown'],
  ['/api/models/gpt2', 'info gpt2'],
  ['/api/models/acme/tiny', 'info acme/tiny'],
  ['/api/models/acme/tiny?expand=sha&expand=tags', 'info acme/tiny'],
  ['/api/models/acme/tiny/', 'none: unknown'],
  ['/api/models/acme/tiny/refs', 'refs acme/tiny'],
  ['/api/models/gpt2/refs', 'refs gpt2'],
  ['/api/models/acme/tiny/auth-check', 'auth-check acme/tiny'],
  ['/api/models/acme/tiny/auth-check/write', 'none: unknown'],
  ['/api/models/acme/tiny/revision/main', 'revision acme/tiny main'],
  ['/api/models/acme/tiny/revision/HEAD', 'revision acme/tiny main'],
  ['/api/models/acme/tiny/revision/refs%2Fheads%2Fmain', 'revision acme/tiny main'],
  [`/api/models/acme/tiny/revision/${COMMIT}`, `revision acme/tiny ${COMMIT}`],
  ['/api/models/acme/tiny/revision/v1.0', 'revision acme/tiny all:v1.0'],
  ['/api/models/acme/tiny/revision/refs/tags/v1.0', 'revision acme/tiny tags:v1.0'],
  ['/api/models/acme/tiny/revision/refs%2Fheads%2Fcandidate', 'revision acme/tiny channels:candidate'],
  ['/api/models/acme/tiny/revision/refs%2Fpr%2F1', 'revision acme/tiny (no revision)'],
  ['/api/models/acme/tiny/revision/refs/pr/1', 'revision acme/tiny (no revision)'],
  ['/api/models/acme/tiny/revision/feature%2Fx', 'revision acme/tiny all:feature/x'],
  ['/api/models/acme/tiny/revision/a..b', 'revision acme/tiny (no revision)'],
  ['/api/models/acme/tiny/revision', 'none: unknown'],
  ['/api/models/gpt2/revision/main', 'revision gpt2 main'],
  ['/api/models/acme/tiny/commits/main?p=1', 'commits acme/tiny main'],
  ['/api/models/acme/tiny/paths-info/main', 'paths-info acme/tiny main'],
  ['/api/models/acme/tiny/tree/main', 'tree acme/tiny main '],
  ['/api/models/acme/tiny/tree/main/sub%2Fdir', 'tree acme/tiny main sub/dir'],
  ['/api/models/acme/tiny/tree/main/sub/dir', 'tree acme/tiny main sub/dir'],
  ['/api/models/acme/tiny/tree/refs%2Fheads%2Fx/sub', 'tree acme/tiny channels:x sub'],
  ['/api/models/acme/tiny/tree/refs/heads/x/sub', 'tree acme/tiny channels:x sub'],
  ['/api/models/acme/tiny/tree/main/', 'tree acme/tiny main (no path)'],
  ['/api/models/acme/tiny/tree/main//sub', 'tree acme/tiny main (no path)'],
  ['/api/models/gpt2/tree/main', 'tree gpt2 main '],
  ['/gpt2/resolve/main/config.json', 'resolve gpt2 main config.json'],
  ['/acme/tiny/resolve/main/config.json', 'resolve acme/tiny main config.json'],
  ['/acme/tiny/resolve/main/sub/a.json?download=true', 'resolve acme/tiny main sub/a.json'],
  ['/acme/tiny/resolve/main/sub%2Fa.json', 'resolve acme/tiny main sub/a.json'],
  ['/acme/tiny/resolve/main/a%20b%C3%A4+c.txt', 'resolve acme/tiny main a bä+c.txt'],
  ['/acme/tiny/resolve/main/50%25.txt', 'resolve acme/tiny main 50%.txt'],
  ['/acme/tiny/resolve/main/%252e%252e/x', 'resolve acme/tiny main %2e%2e/x'],
  ['/acme/tiny/raw/main/README.md', 'raw acme/tiny main README.md'],
  ['/acme/tiny/resolve/main', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/..', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/%2e%2e/x', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/a/./b', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main//a', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/%2Fetc%2Fpasswd', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/a%00b', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/a%5Cb', 'resolve acme/tiny main (no path)'],
  ['/acme/tiny/resolve/main/a%0D%0AX:1', 'resolve acme/tiny main (no path)'],
  // Fixed words and names as they are written, and no other way.
  ['/ACME/tiny/resolve/main/a', 'resolve ACME/tiny main a'],
  ['/acme%2Ftiny/resolve/main/a', 'none: no model name'],
  ['/acme/t%69ny/resolve/main/a', 'none: no model name'],
  ['/acme/tiny/Resolve/main/a', 'none: unknown'],
  ['/acme/tiny/re%73olve/main/a', 'none: unknown'],
  ['/API/models/acme/tiny', 'none: unknown'],
  ['/a%70i/models/acme/tiny', 'none: unknown'],
  ['//api/models/acme/tiny', 'none: unknown'],
  ['/api//models/acme/tiny', 'none: unknown'],
  ['/api/models//acme/tiny', 'none: no model name'],
  ['/api/./models/acme/tiny', 'none: unknown'],
  ['/x/../acme/tiny/resolve/main/a', 'none: unknown'],
  ['/acme/../tiny/resolve/main/a', 'none: unknown'],
  ['/../resolve/main/a', 'none: no model name'],
  ['/./tiny/resolve/main/a', 'none: no model name'],
  ['/ac--me/tiny/resolve/main/a', 'none: no model name'],
  ['/api/models/acme/tiny/TREE/main', 'none: unknown'],
  ['/api/models/../../registry/state', 'none: no model name'],
  ['/registry/state', 'none: unknown'],
  ['/models/acme/tiny/resolve/main/a', 'none: unknown'],
  ['/staging/x/resolve', 'none: unknown'],
  // A word of the protocol is never a part of a name.
  ['/acme/resolve/resolve/main/a', 'resolve acme all:resolve main/a'],
  ['/api/models/acme/tree/main', 'tree acme main '],
  // Malformed.
  ['', 'none: malformed'],
  ['*', 'none: malformed'],
  ['http://other.test/acme/tiny/resolve/main/a', 'none: malformed'],
  ['acme/tiny/resolve/main/a', 'none: malformed'],
  ['/acme/tiny/resolve/main/a#b', 'none: malformed'],
  ['/acme/tiny/resolve/main/a b', 'none: malformed'],
  ['/acme/tiny/resolve/main/\u00e4', 'none: malformed'],
  ['/acme/tiny/resolve/main/a%', 'none: malformed'],
  ['/acme/tiny/resolve/main/a%2', 'none: malformed'],
  ['/acme/tiny/resolve/main/a%zz', 'none: malformed'],
  ['/acme/tiny/resolve/main/%ff', 'none: malformed'],
  ['/acme/tiny/resolve/main/%c0%af', 'none: malformed'],
  ['/acme/tiny/resolve/main/%ed%a0%80', 'none: malformed'],
  ['/api/models?search=%', 'none: malformed'],
  [`/api/models?${'a=1&'.repeat(63)}a=1`, 'search'],
  [`/api/models?${'a=1&'.repeat(64)}a=1`, 'none: malformed'],
  [`/${'a/'.repeat(500)}`, 'none: unknown'],
  [`/${'a'.repeat(TARGET_BYTES_MAX - 1)}`, 'none: unknown'],
  [`/${'a'.repeat(TARGET_BYTES_MAX)}`, 'none: too long'],
];

describe('an address', () => {
  for (const [target, expected] of TARGETS) {
    const shown = target.length > 80 ? `${target.slice(0, 80)}… (${target.length})` : target;
    it(`of ${JSON.stringify(shown)} is ${expected}`, () =>
      assert.equal(told(parseAddress(target)), expected));
  }

  it('holds nothing but what the parsers of names let through, whatever is sent', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'acme',
        'tiny',
        'main',
        'resolve',
        'raw',
        'api',
        'models',
        'tree',
        'revision',
        'refs',
        'heads',
      ),
      fc.constantFrom(
        '..',
        '.',
        '',
        '%2e',
        '%2E%2e',
        '%2f',
        '%5c',
        '%00',
        '%',
        '%25',
        '%ff',
        COMMIT,
        'registry',
      ),
      fc.string({ maxLength: 8 }),
      fc.string({ unit: 'binary', maxLength: 4 }).map((text) => encodeURIComponent(text.toWellFormed())),
    );
    const target = fc.array(piece, { maxLength: 9 }).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(target, (text) => {
        const address = parseAddress(text);
        if ('model' in address) {
          assert.equal(parseModelName(address.model), address.model);
          assert.ok(text.includes(`/${address.model}/`) || text.endsWith(`/${address.model}`));
        }
        if ('path' in address && address.path !== undefined && address.path !== '') {
          assert.equal(parseRepoPath(address.path), address.path);
        }
        if ('revision' in address && address.revision?.by === 'commit')
          assert.ok(isCommit(address.revision.commit));
      }),
      { numRuns: 5_000 },
    );
  });

  it('leads to exactly the file that was encoded, by every spelling that clients use', () => {
    const part = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
      .filter((text) => isPath(text) && !text.includes('/'));
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(path.filter(isPath), (file) => {
        const raw = file.split('/').map(encodeURIComponent).join('/');
        for (const spelling of [raw, encodeURIComponent(file)]) {
          const address = parseAddress(`/acme/tiny/resolve/${COMMIT}/${spelling}`);
          assert.equal(told(address), `resolve acme/tiny ${COMMIT} ${file}`);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('of two files is never one', () => {
    const file = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter(isPath);
    fc.assert(
      fc.property(file, file, (one, other) => {
        const [a, b] = [one, other].map((text) =>
          parseAddress(`/acme/tiny/resolve/main/${encodeURIComponent(text)}`),
        );
        assert.equal(one === other, told(a as Address) === told(b as Address));
      }),
    );
  });
});

function isPath(text: string): boolean {
  try {
    parseRepoPath(text);
    return true;
  } catch {
    return false;
  }
}
