/** Nothing but files of published revisions is ever served, whatever is on record and whatever is asked for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../base/digest.ts';
import type { RevisionStanding } from './catalog.ts';
import { commitOf, type SampleModel, startSample } from './samples.ts';

const NAMES = ['acme/tiny', 'acme/Tiny', 'gpt2', 'other/tiny'] as const;
const COMMITS = ['one', 'two', 'three'].map(commitOf);
const PATHS = ['config.json', 'Config.json', 'sub/config.json', 'a.bin', '%2e%2e', 'a b', 'é'] as const;
const STANDINGS: readonly RevisionStanding['is'][] = [
  'published',
  'published',
  'held',
  'refused',
  'unfinished',
  'removed',
  'revoked',
];

/** Every file's content says where it belongs, so that no file can be taken for another. */
function contentOf(name: string, commit: string, path: string): string {
  return `${name}@${commit}:${path}`;
}

const model = (name: string): fc.Arbitrary<SampleModel> =>
  fc
    .record({
      standings: fc.array(fc.constantFrom(...STANDINGS), { minLength: 2, maxLength: 3 }),
      paths: fc.subarray([...PATHS], { minLength: 4 }),
      channels: fc.dictionary(fc.constantFrom('production', 'candidate'), fc.constantFrom(...COMMITS)),
      tags: fc.dictionary(fc.constantFrom('v1', 'main', 'candidate'), fc.constantFrom(...COMMITS)),
    })
    .map(({ standings, paths, channels, tags }) => ({
      name,
      channels,
      tags,
      revisions: standings.map((is, at) => {
        const commit = COMMITS[at] ?? commitOf('none');
        return {
          commit,
          is,
          files: Object.fromEntries(paths.map((path) => [path, contentOf(name, commit, path)])),
        };
      }),
    }));

const vault = fc
  .subarray([...NAMES], { minLength: 3 })
  .chain((names) => fc.tuple(...names.map(model)).map((models): readonly SampleModel[] => models));

const part = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...NAMES, ...PATHS, ...COMMITS, 'main', 'v1', 'candidate', 'production'),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom('resolve', 'raw', 'api', 'models', 'tree', 'refs', 'heads', 'tags'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('..', '.', '', 'registry', 'state', 'staging', 'model.sig', 'records'),
  },
);
const spelling = fc.constantFrom(
  (text: string) => text,
  (text: string) => encodeURI(text),
  (text: string) => encodeURIComponent(text),
  (text: string) => encodeURIComponent(encodeURIComponent(text)),
  (text: string) => text.toUpperCase(),
  (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  (text: string) => `${text}/`,
  (text: string) => `./${text}`,
  (text: string) => `x/../${text}`,
  (text: string) => `${text}%00`,
  (text: string) => text.replaceAll('/', '\\'),
);
const spelt = fc.tuple(part, spelling).map(([text, spell]) => spell(text));
/** Most of them well formed, so that files are met and not only missed. */
const wellFormed = fc
  .tuple(
    fc.constantFrom(...NAMES),
    fc.constantFrom('resolve', 'resolve', 'raw'),
    fc.constantFrom(...COMMITS, 'main', 'v1', 'candidate', 'refs%2Ftags%2Fmain'),
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...PATHS).map((path) => encodeURIComponent(path)) },
      { weight: 1, arbitrary: spelt },
    ),
  )
  .map((parts) => `/${parts.join('/')}`);
const target = fc.oneof(
  { weight: 2, arbitrary: wellFormed },
  { weight: 1, arbitrary: fc.array(spelt, { maxLength: 8 }).map((parts) => `/${parts.join('/')}`) },
);

describe('a gateway over any vault', () => {
  it('serves what is published under exactly the names that were asked for, and nothing else', async () => {
    let served = 0;
    const ask = fc.array(fc.tuple(target, fc.constantFrom('GET', 'GET', 'HEAD')), {
      minLength: 30,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(vault, ask, async (models, requests) => {
        const published = new Set<string>();
        for (const { name, revisions } of models)
          for (const { commit, is, files = {} } of revisions)
            if (is === 'published')
              for (const path of Object.keys(files)) published.add(contentOf(name, commit, path));
        await using sample = await startSample(models);
        for (const [text, method] of requests) {
          // What cannot stand in a request line at all is another test's.
          if (!/^[!-~]*$/.test(text)) continue;
          const { status, headers, body } = await sample.ask(text, { method });
          const isFile =
            headers['x-linked-etag'] !== undefined || headers['content-disposition'] !== undefined;
          assert.ok(status !== 500, text);
          if (status !== 200 || !isFile || method === 'HEAD') continue;
          served += 1;
          const [word, revision = '', ...rest] = text.split('/').slice(text.startsWith('/gpt2/') ? 2 : 3);
          const path = decodeURIComponent(rest.join('/'));
          const name = text.startsWith('/gpt2/') ? 'gpt2' : text.split('/').slice(1, 3).join('/');
          const expected = contentOf(name, headers['x-repo-commit'] ?? '', path);
          assert.ok(published.has(expected), `${text} served ${body}`);
          const isPointer = word === 'raw' && path.endsWith('.bin');
          const oid = `oid sha256:${sha256(expected)}`;
          if (isPointer) assert.ok(body.toString().includes(oid));
          else assert.equal(body.toString(), expected);
          if (/^[0-9a-f]{40}$/.test(revision)) assert.equal(headers['x-repo-commit'], revision);
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(served > 50, `${served} files were met`);
  });
});
