/** The gateway's access log as a file that anybody may have written into. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { pullsIn } from './access-log.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-access-log-'));
after(() => rmSync(folder, { recursive: true }));
const COMMIT = 'a'.repeat(40);
const WANTED = [{ model: 'org/model', commit: COMMIT }];

const line = (more: object = {}): string =>
  JSON.stringify({
    time: '2026-01-02T00:00:00.000Z',
    reader: 'nodes',
    from: '10.0.0.1',
    method: 'GET',
    model: 'org/model',
    commit: COMMIT,
    path: 'model.safetensors',
    status: 200,
    bytes: 10,
    ...more,
  });

function file(text: string): string {
  const place = path.join(folder, `${Math.random()}.log`);
  writeFileSync(place, text);
  return place;
}

describe('the access log', () => {
  const counted: Readonly<Record<string, readonly [string, number]>> = {
    'a file that was read': [line(), 1],
    'a part of one': [line({ status: 206 }), 1],
    'one that was sent to the bucket': [line({ status: 302 }), 1],
    'a reader without a name': [line({ reader: undefined }), 1],
    'a look': [line({ method: 'HEAD' }), 0],
    'a refusal': [line({ status: 403 }), 0],
    'another commit': [line({ commit: 'b'.repeat(40) }), 0],
    'a list of files': [line({ path: undefined }), 0],
    'a name that is an object': [line({ model: { toString: 'org/model' } }), 0],
    nothing: ['', 0],
  };
  for (const [title, [text, expected]] of Object.entries(counted)) {
    it(`${expected === 1 ? 'counts' : 'leaves out'} ${title}`, async () => {
      const { pulls, unread } = await pullsIn([file(`${text}\n`)], WANTED);
      assert.deepEqual([pulls.length, unread], [expected, 0]);
    });
  }

  it('counts only the files that are asked for', async () => {
    const log = file(`${line()}\n${line({ path: 'config.json' })}`);
    const { pulls } = await pullsIn(
      [log],
      [{ model: 'org/model', commit: COMMIT, paths: new Set(['config.json']) }],
    );
    assert.equal(pulls[0]?.requests, 1);
  });

  it('joins what one reader did, over several files and without a newline at the end', async () => {
    const { pulls } = await pullsIn([file(`${line()}\n${line({ from: '10.0.0.2' })}`), file(line())], WANTED);
    assert.deepEqual(pulls, [
      {
        reader: 'nodes',
        model: 'org/model',
        commit: COMMIT,
        requests: 3,
        bytes: 30,
        first: '2026-01-02T00:00:00.000Z',
        last: '2026-01-02T00:00:00.000Z',
        addresses: ['10.0.0.1', '10.0.0.2'],
      },
    ]);
  });

  it('counts lines that are none, and keeps none that is too long', async () => {
    const place = path.join(folder, 'long.log');
    const target = openSync(place, 'w');
    for (let i = 0; i < 128; i += 1) writeSync(target, Buffer.alloc(1 << 20, 'x'));
    writeSync(target, `\n${line()}\n[1,\n"text"\nnull\n`);
    closeSync(target);
    const before = process.memoryUsage().rss;
    const { pulls, unread } = await pullsIn([place], WANTED);
    assert.deepEqual([pulls.length, unread], [1, 4]);
    assert.ok(process.memoryUsage().rss - before < 100 << 20, 'a line of 128 MiB was kept');
  });

  it('says that there were more readers than are kept', async () => {
    const lines = Array.from({ length: 10_050 }, (_, i) => line({ reader: `reader-${i}` }));
    const { pulls, more } = await pullsIn([file(lines.join('\n'))], WANTED);
    assert.deepEqual([pulls.length, more], [10_000, true]);
  });

  it('names a file that cannot be read', async () => {
    await assert.rejects(pullsIn([path.join(folder, 'nowhere')], WANTED), { code: 'WL_FILE_UNREADABLE' });
  });
});
