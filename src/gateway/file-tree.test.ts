import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { ServedRevision } from './catalog.ts';
import { identityOf } from './file-identity.ts';
import { treeOf } from './file-tree.ts';
import { commitOf, MemoryCatalog } from './samples.ts';

const COMMIT = commitOf('one');

async function revisionWith(files: Record<string, string>): Promise<ServedRevision> {
  const catalog = new MemoryCatalog([{ name: 'acme/tiny', revisions: [{ commit: COMMIT, files }] }]);
  const model = await catalog.now().model('acme/tiny' as ServedRevision['id']['model']);
  assert.ok(model);
  return catalog.now().revision({ model: model.name, commit: COMMIT });
}

/** Names of which git's order is not the order of their text: `b.txt` comes before the folder `b`, `b0` after it. */
const FILES = {
  'a.txt': 'a',
  'b.txt': 'b',
  'b/inner.txt': 'inner',
  'b/deep/er/file.json': '{}',
  b0: '',
  'ünï/cödé.txt': 'text',
  'z/1': '1',
};

describe('a file tree', () => {
  it('gives folders the ids that git gives them', async () => {
    const tree = treeOf(await revisionWith(FILES));
    const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-tree-'));
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'core.autocrlf=false', ...args], { cwd: folder, encoding: 'utf8' }).trim();
    try {
      git('init', '--quiet');
      for (const [name, content] of Object.entries(FILES)) {
        mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
        writeFileSync(path.join(folder, name), content);
      }
      git('add', '--all');
      const root = git('write-tree');
      assert.equal(tree.folder('')?.treeId, root);
      for (const name of ['b', 'b/deep', 'b/deep/er', 'z', 'ünï'])
        assert.equal(tree.folder(name)?.treeId, git('rev-parse', `${root}:${name}`));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('lists one folder, or everything below it', async () => {
    const tree = treeOf(await revisionWith(FILES));
    const paths = (...args: Parameters<typeof tree.list>) =>
      tree.list(...args).map((entry) => (entry.is === 'folder' ? `${entry.folder.path}/` : entry.file.path));
    assert.deepEqual(paths('', 'this folder'), ['b/', 'z/', 'ünï/', 'a.txt', 'b.txt', 'b0']);
    assert.deepEqual(paths('b', 'this folder'), ['b/deep/', 'b/inner.txt']);
    assert.deepEqual(paths('b', 'everything below'), [
      'b/deep/',
      'b/deep/er/',
      'b/deep/er/file.json',
      'b/inner.txt',
    ]);
    assert.deepEqual(paths('b/deep/er', 'this folder'), ['b/deep/er/file.json']);
  });

  it('knows folders by their exact paths', async () => {
    const tree = treeOf(await revisionWith(FILES));
    for (const name of ['a.txt', 'B', 'b/', '/b', 'b/deep/er/file.json', 'zz', 'constructor'])
      assert.equal(tree.folder(name), undefined, name);
  });

  it('names what is in LFS by its pointer, as git does', async () => {
    const { files } = await revisionWith({ 'model.bin': 'weights' });
    const [file] = files.values();
    assert.ok(file);
    const identity = identityOf(file);
    assert.equal(identity.kind, 'lfs');
    const pointer = identity.kind === 'lfs' ? identity.pointer : Buffer.alloc(0);
    assert.equal(
      pointer.toString(),
      `version https://git-lfs.github.com/spec/v1\noid sha256:${file.sha256}\nsize 7\n`,
    );
    const byGit = execFileSync('git', ['hash-object', '--stdin'], {
      input: pointer,
      encoding: 'utf8',
    }).trim();
    assert.equal(identity.oid, byGit);
  });

  it('of ten thousand files in folders of folders is made once', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, at) => [`${at % 100}/x/${at}.txt`, '']),
    );
    const revision = await revisionWith(files);
    assert.equal(treeOf(revision), treeOf(revision));
    assert.equal(treeOf(revision).list('', 'everything below').length, 10_000 + 200);
  });
});
