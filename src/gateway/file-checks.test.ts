import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { sha256 } from '../base/digest.ts';
import { FileChecks } from './file-checks.ts';

/** Checks that go on when they are told to; `begun` names them in the order in which they were begun. */
function held() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  const turns: string[] = [];
  const checks = new FileChecks(async (_, signal) => {
    const name = turns.shift() ?? '';
    begun.push(name);
    const end = Promise.withResolvers<string>();
    ends.set(name, end);
    signal.addEventListener('abort', () => end.reject(signal.reason));
    return end.promise;
  });
  const file = (identity: string) => ({
    identity,
    open: async () => {
      turns.push(identity);
      return open(import.meta.filename);
    },
  });
  /** Resolves when all that may begin has begun. */
  const settled = async (count: number) => {
    while (begun.length < count) await setImmediate();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    return [...begun];
  };
  return { checks, file, settled, end: (name: string) => ends.get(name)?.resolve(name), ends };
}

describe('the digests of files', () => {
  it('are those of their bytes', async () => {
    const checks = new FileChecks();
    const bytes = Buffer.alloc(700_000, 'some bytes');
    const handle = await open(import.meta.filename);
    let read = 0;
    Object.assign(handle, {
      read: async (into: Buffer, at: number, length: number, position: number) => {
        read += 1;
        return { bytesRead: bytes.copy(into, at, position, position + length), buffer: into };
      },
    });
    assert.equal(await checks.digestOf({ identity: 'a', open: async () => handle }), sha256(bytes));
    assert.equal(read, 4);
  });

  it('are made once, however many wait for them', async () => {
    const { checks, file, settled, end } = held();
    const all = ['a', 'a', 'a'].map((name) => checks.digestOf(file(name)));
    checks.ahead(file('a'));
    await settled(1);
    end('a');
    assert.deepEqual(await Promise.all(all), ['a', 'a', 'a']);
    assert.equal(await checks.digestOf(file('a')), 'a');
    assert.deepEqual(await settled(1), ['a']);
  });

  it('are made four at a time', async () => {
    const { checks, file, settled, end } = held();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) void checks.digestOf(file(name));
    assert.deepEqual(await settled(4), ['a', 'b', 'c', 'd']);
    end('c');
    assert.deepEqual(await settled(5), ['a', 'b', 'c', 'd', 'e']);
  });

  it('are made ahead two at a time, behind what somebody waits for', async () => {
    const { checks, file, settled, end } = held();
    for (const name of ['a', 'b', 'c', 'd']) checks.ahead(file(name));
    assert.deepEqual(await settled(2), ['a', 'b']);
    // One that stands behind others comes first once it is waited for, and so does a new one.
    const late = [checks.digestOf(file('d')), checks.digestOf(file('e'))];
    assert.deepEqual(await settled(4), ['a', 'b', 'd', 'e']);
    for (const name of ['d', 'e']) end(name);
    assert.deepEqual(await Promise.all(late), ['d', 'e']);
    assert.deepEqual(await settled(4), ['a', 'b', 'd', 'e']);
    end('a');
    assert.deepEqual(await settled(5), ['a', 'b', 'd', 'e', 'c']);
  });

  it('are made again where the first time failed', async () => {
    const { checks, file, settled, end, ends } = held();
    const first = checks.digestOf(file('a'));
    await settled(1);
    ends.get('a')?.reject(new Error('the disk'));
    await assert.rejects(first, /the disk/);
    const second = checks.digestOf(file('a'));
    await settled(2);
    end('a');
    assert.equal(await second, 'a');
  });

  it('are given up where nobody needs them any more', async () => {
    const { checks, file, settled } = held();
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => checks.digestOf(file(name)));
    checks.ahead(file('f'));
    await settled(4);
    checks.close();
    for (const digest of all) await assert.rejects(digest, { name: 'AbortError' });
    await assert.rejects(checks.digestOf(file('g')), { name: 'AbortError' });
    assert.equal((await settled(4)).length, 4);
  });
});
