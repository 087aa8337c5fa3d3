import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { ErrorCode } from '../base/errors.ts';
import { parseModelName } from '../base/name.ts';
import { CONTRACT_FILES, fileOf, readAll, sourceContract, whole } from './contract.ts';
import { DirectorySource } from './directory.ts';
import { openSource } from './open.ts';

const MODEL = parseModelName('local/model');

sourceContract('DirectorySource', async () => {
  const path = await mkdtemp(join(tmpdir(), 'weighlock-directory-'));
  await writeFiles(path, CONTRACT_FILES);
  const source = new DirectorySource({ kind: 'directory', path });
  return {
    source,
    model: MODEL,
    again: () => openSource(source.ticket),
    missing: { model: MODEL, revision: 'main', code: 'WL_REVISION_NOT_FOUND' },
    close: async () => {
      await source.close();
      await rm(path, { recursive: true });
    },
  };
});

describe('DirectorySource', () => {
  test('a directory has no commit and declares no digests', async (t) => {
    const { source } = await given(t, { 'config.json': '{}' });
    const revision = await source.resolve(MODEL, undefined);
    assert.equal(revision.commit, undefined);
    assert.deepEqual(fileOf(revision, 'config.json').declared, { kind: 'none' });
  });

  test('git’s folder and the Hub client’s bookkeeping are not part of the model', async (t) => {
    const { source } = await given(t, {
      'config.json': '{}',
      '.git/HEAD': 'ref',
      '.cache/huggingface/download/config.json.lock': '',
      'sub/.git/kept': 'a folder of that name elsewhere is content',
    });
    const revision = await source.resolve(MODEL, undefined);
    assert.deepEqual(
      revision.files.map(({ path }) => path),
      ['config.json', 'sub/.git/kept'],
    );
  });

  test('a snapshot in a Hub client’s cache is read through its links', async (t) => {
    const { path } = await given(t, { 'models--acme--m/blobs/abc': 'content' });
    const snapshot = join(path, 'models--acme--m/snapshots/0000');
    await mkdir(snapshot, { recursive: true });
    await symlink('../../blobs/abc', join(snapshot, 'config.json'));
    const source = new DirectorySource({ kind: 'directory', path: snapshot });
    const revision = await source.resolve(MODEL, undefined);
    const file = fileOf(revision, 'config.json');
    assert.equal((await readAll(source.read(revision, file, whole(file)))).toString(), 'content');
  });

  test('a link to a file inside is that file', async (t) => {
    const { path, source } = await given(t, { 'real.txt': 'real' });
    await symlink('real.txt', join(path, 'link.txt'));
    const revision = await source.resolve(MODEL, undefined);
    assert.equal(fileOf(revision, 'link.txt').sizeBytes, 4);
  });

  const hostile: readonly {
    readonly title: string;
    readonly code: ErrorCode;
    readonly message: RegExp;
    readonly plant: (path: string) => unknown;
  }[] = [
    {
      title: 'a link to a file outside',
      code: 'WL_PATH_REFUSED',
      message: /"key" is a link that leaves the directory/,
      plant: (path) => symlink('/etc/hostname', join(path, 'key')),
    },
    {
      title: 'a link to a sibling whose name starts like the directory’s',
      code: 'WL_PATH_REFUSED',
      message: /"key" is a link that leaves the directory/,
      plant: async (path) => {
        await writeFiles(`${path}-other`, { secret: 's' });
        await symlink(`${path}-other/secret`, join(path, 'key'));
      },
    },
    {
      title: 'a link to a folder',
      code: 'WL_PATH_REFUSED',
      message: /"up" is a link/,
      plant: (path) => symlink('.', join(path, 'up')),
    },
    {
      title: 'a link to a folder inside',
      code: 'WL_PATH_REFUSED',
      message: /"alias" is a link to something that is not a regular file/,
      plant: async (path) => {
        await mkdir(join(path, 'folder'));
        await symlink('folder', join(path, 'alias'));
      },
    },
    {
      title: 'links in a circle',
      code: 'WL_PATH_REFUSED',
      message: /leads in circles/,
      plant: async (path) => {
        await symlink('b', join(path, 'a'));
        await symlink('a', join(path, 'b'));
      },
    },
    {
      title: 'a link to nothing',
      code: 'WL_SOURCE_CHANGED',
      message: /"gone" is not there/,
      plant: (path) => symlink('nothing', join(path, 'gone')),
    },
    {
      title: 'a named pipe',
      code: 'WL_PATH_REFUSED',
      message: /"pipe" is a named pipe/,
      plant: (path) => execFileSync('mkfifo', [join(path, 'pipe')]),
    },
    {
      title: 'a link to a named pipe',
      code: 'WL_PATH_REFUSED',
      message: /"[lp]i.." is a (?:named pipe|link to something)/,
      plant: async (path) => {
        execFileSync('mkfifo', [join(path, 'pipe')]);
        await symlink('pipe', join(path, 'link'));
      },
    },
    {
      title: 'a name with a control character',
      code: 'WL_PATH_REFUSED',
      message: /holds a control character/,
      plant: (path) => writeFile(join(path, 'a\u001bb'), ''),
    },
    {
      title: 'a name that is not UTF-8',
      code: 'WL_PATH_REFUSED',
      message: /is not UTF-8/,
      plant: (path) => writeFile(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0x61, 0xff])]), ''),
    },
    {
      title: 'two names that differ in case only',
      code: 'WL_PATH_REFUSED',
      message: /clash/,
      plant: (path) => writeFiles(path, { 'Config.json': 'other' }),
    },
    {
      title: 'folders without end',
      code: 'WL_LIMIT',
      message: /deeper than 32 folders/,
      plant: (path) => mkdir(join(path, ...Array.from({ length: 40 }, () => 'd')), { recursive: true }),
    },
  ];
  for (const { title, code, message, plant } of hostile) {
    test(`it refuses ${title}`, async (t) => {
      const { path, source } = await given(t, { 'config.json': '{}' });
      await plant(path);
      await assert.rejects(source.resolve(MODEL, undefined), { code, message });
    });
  }

  test('it refuses a socket', async (t) => {
    const { path, source } = await given(t, { 'config.json': '{}' });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(path, 'socket'), resolve));
    t.after(() => server.close());
    await assert.rejects(source.resolve(MODEL, undefined), {
      code: 'WL_PATH_REFUSED',
      message: /is a socket/,
    });
  });

  test('a directory that is not there, or is a file, is no model', async (t) => {
    const { path } = await given(t, { 'config.json': '{}' });
    for (const wrong of [join(path, 'nothing'), join(path, 'config.json')]) {
      const source = new DirectorySource({ kind: 'directory', path: wrong });
      await assert.rejects(source.resolve(MODEL, undefined), { code: 'WL_MODEL_NOT_FOUND' });
    }
  });

  const changes: readonly { readonly title: string; readonly change: (file: string) => Promise<void> }[] = [
    { title: 'grew', change: (file) => appendFile(file, 'more') },
    { title: 'was shortened', change: (file) => writeFile(file, 'x') },
    {
      title: 'was written with the same size',
      change: (file) => writeFile(file, Buffer.alloc(LARGE_BYTES, 1)),
    },
    {
      title: 'was replaced by another file of the same size and date',
      change: async (file) => {
        await writeFile(`${file}.new`, Buffer.alloc(LARGE_BYTES, 2));
        await utimes(`${file}.new`, 1, 1);
        await rename(`${file}.new`, file);
      },
    },
    { title: 'vanished', change: (file) => unlink(file) },
    {
      title: 'was replaced by a link',
      change: async (file) => {
        await unlink(file);
        await symlink('/etc/hostname', file);
      },
    },
  ];
  for (const { title, change } of changes) {
    test(`a file that ${title} since it was listed is not read`, async (t) => {
      const { path, source } = await given(t, { 'large.bin': Buffer.alloc(LARGE_BYTES) });
      await utimes(join(path, 'large.bin'), 1, 1);
      const revision = await source.resolve(MODEL, undefined);
      await change(join(path, 'large.bin'));
      const file = fileOf(revision, 'large.bin');
      await assert.rejects(readAll(source.read(revision, file, whole(file))), {
        code: title === 'was replaced by a link' ? 'WL_PATH_REFUSED' : 'WL_SOURCE_CHANGED',
      });
    });
  }

  for (const { title, change } of changes.slice(0, 3)) {
    test(`a file that ${title} while it is read ends the read with an error`, async (t) => {
      const { path, source } = await given(t, { 'large.bin': Buffer.alloc(LARGE_BYTES) });
      // Far from now, so that a change in the same tick of the file system's clock shows.
      await utimes(join(path, 'large.bin'), 1, 1);
      const revision = await source.resolve(MODEL, undefined);
      const file = fileOf(revision, 'large.bin');
      // Another thread has only the ticket, and has not seen the file before.
      const other = openSource(source.ticket);
      let bytes = 0;
      const reading = async () => {
        for await (const chunk of other.read(revision, file, whole(file))) {
          if (bytes === 0) await change(join(path, 'large.bin'));
          bytes += chunk.length;
        }
      };
      await assert.rejects(reading(), { code: 'WL_SOURCE_CHANGED' });
      assert.ok(bytes > 0);
    });
  }
});

const LARGE_BYTES = 3 * 2 ** 20;

async function given(t: TestContext, files: Readonly<Record<string, Uint8Array | string>>) {
  const parent = await mkdtemp(join(tmpdir(), 'weighlock-directory-'));
  t.after(() => rm(parent, { recursive: true }));
  const path = join(parent, 'model');
  await writeFiles(path, files);
  return { path, source: new DirectorySource({ kind: 'directory', path }) };
}

async function writeFiles(root: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}
