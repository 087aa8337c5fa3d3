/** The judge must find each way in which an answer can be wrong: a matrix of nothing but "exact" would say nothing. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { directoryFiles } from '../../src/hub-stand-in/model.ts';
import { type ExpectedModel, expectedFiles } from './expected.ts';
import { differencesOf } from './judge.ts';
import type { Answer } from './observation.ts';

const COMMIT = 'c'.repeat(40);
const FILES = { 'config.json': '{}', 'deep/er/notes.txt': 'notes', 'model.safetensors': 'weights' };

let root: string;
let model: ExpectedModel;

before(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'weighlock-judge-'));
  const folder = await folderOf('model', FILES);
  model = {
    id: 'acme/model',
    commit: COMMIT,
    folder,
    files: await expectedFiles(await directoryFiles(folder)),
  };
});
after(() => rm(root, { recursive: true }));

describe('A downloaded folder', () => {
  for (const [title, change, expected] of [
    ['is exact', {}, []],
    ['may hold what clients keep for themselves', { '.cache/huggingface/x': '1' }, []],
    ['with other bytes of equal size is not', { 'config.json': '[]' }, ['config.json: other bytes (2 of 2)']],
    ['with a file too many is not', { 'more.txt': '' }, ['more.txt: not part of the model']],
    ['with a file too few is not', { 'config.json': undefined }, ['config.json: missing']],
  ] as const) {
    test(title, async () => {
      const folder = await folderOf(title, { ...FILES, ...change });
      assert.deepEqual(await judged({ form: 'folder', folder }), expected);
    });
  }
});

describe('A listing', () => {
  const listed = (change: Record<string, object | null> = {}) => {
    const all = [...model.files].map(([file, { sizeBytes: size, oid, sha256, isLfs }]) => {
      const whole = { size, oid, sha256: isLfs ? sha256 : null, etag: isLfs ? sha256 : oid, xet: null };
      return [file, change[file] === null ? null : { ...whole, ...change[file] }] as const;
    });
    return { form: 'listing', listing: Object.fromEntries(all), folders: ['deep', 'deep/er'] } as const;
  };

  test('is exact', async () => assert.deepEqual(await judged(listed()), []));

  for (const [what, make, difference] of [
    ['size', () => listed({ 'config.json': { size: 3 } }), /config\.json: 3 bytes/],
    ['git name', () => listed({ 'config.json': { oid: 'x' } }), /config\.json: oid x/],
    ['digest', () => listed({ 'model.safetensors': { sha256: null } }), /LFS sha256 null/],
    ['ETag', () => listed({ 'model.safetensors': { etag: 'md5-1' } }), /ETag md5-1/],
    ['storage', () => listed({ 'model.safetensors': { xet: 'hash' } }), /past the endpoint/],
    ['presence', () => listed({ 'config.json': null }), /config\.json: not there/],
    ['model', () => ({ ...listed(), id: 'acme/other' }), /calls the model acme\/other/],
    ['commit', () => ({ ...listed(), sha: 'd'.repeat(40) }), /it is at d+, not c+/],
    ['last commit', () => ({ ...listed(), lastCommits: [] }), /last commits are/],
    ['set of folders', () => ({ ...listed(), folders: ['deep'] }), /folders are deep, not deep, deep\/er/],
    ['set of files', () => ({ ...listed(), listing: {} }), /config\.json: missing/],
  ] as const) {
    test(`with another ${what} is not`, async () => {
      const differences = await judged(make());
      assert.ok(
        differences.some((said) => difference.test(said)),
        differences.join('; '),
      );
    });
  }
});

describe('Other answers', () => {
  for (const [title, answer, difference] of [
    ['another head of main', { form: 'refs', branches: { main: 'd' } }, /branches are/],
    ['no commits', { form: 'commits', commits: [] }, /commits are \[\]/],
    ['a fact that is none', { form: 'facts', facts: { exists: false } }, /"exists":false/],
    [
      'a file that failed',
      { form: 'files', files: {}, errors: { 'config.json': 'gone' } },
      /config\.json: gone/,
    ],
    ['a file that was not brought', { form: 'files', files: {} }, /config\.json: missing/],
  ] as const) {
    test(`${title} is found`, async () => assert.match((await judged(answer)).join('; '), difference));
  }

  test('an error is a difference', async () => {
    const observed = { operation: 'exists', error: 'HTTPError', message: '503' };
    assert.deepEqual(await differencesOf(observed, expectation()), ['HTTPError: 503']);
  });
});

function expectation() {
  return { model, paths: ['config.json'], facts: { exists: { exists: true } } };
}

function judged(answer: Answer): Promise<string[]> {
  return differencesOf({ operation: 'exists', answer }, expectation());
}

async function folderOf(name: string, files: Readonly<Record<string, string | undefined>>): Promise<string> {
  const folder = path.join(root, name);
  for (const [file, text] of Object.entries(files)) {
    if (text === undefined) continue;
    const place = path.join(folder, file);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, text);
  }
  return folder;
}
