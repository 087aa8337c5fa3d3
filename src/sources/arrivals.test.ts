import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { arrivals } from './arrivals.ts';

const CHUNK_BYTES = 2 ** 16;

describe('arrivals', () => {
  it('gives all chunks in order', async () => {
    const chunks = Array.from({ length: 40 }, (_, at) => Buffer.alloc(CHUNK_BYTES + at, at));
    assert.deepEqual(await gathered(Readable.from(chunks, { objectMode: false })), Buffer.concat(chunks));
  });

  it('gives nothing of an empty body', async () => {
    assert.equal((await gathered(Readable.from([], { objectMode: false }))).length, 0);
  });

  it('gives what came before a failure, and then the failure', async () => {
    const body = new Readable({ read() {} });
    body.push(Buffer.from('before'));
    const all = arrivals(body);
    const first = await all.next();
    assert.deepEqual(Buffer.concat(first.value ?? []), Buffer.from('before'));
    body.destroy(new Error('broken'));
    await assert.rejects(all.next(), /broken/);
  });

  it('takes a body that is closed without an end for a failure', async () => {
    const body = new Readable({ read() {} });
    const all = arrivals(body);
    const next = all.next();
    body.destroy();
    await assert.rejects(next, /closed before its end/);
  });

  it('destroys a body that is not read to its end', async () => {
    const body = new Readable({ read: () => body.push(Buffer.alloc(CHUNK_BYTES)) });
    for await (const _ of arrivals(body)) break;
    assert.equal(body.destroyed, true);
  });

  it('lets a body run only so far ahead of whoever takes it', async () => {
    let sentBytes = 0;
    const body = new Readable({
      highWaterMark: CHUNK_BYTES,
      read() {
        sentBytes += CHUNK_BYTES;
        setImmediate(() => this.push(Buffer.alloc(CHUNK_BYTES)));
      },
    });
    const all = arrivals(body);
    await all.next();
    await once(body, 'pause');
    assert.ok(sentBytes < 2 ** 20, `${sentBytes} bytes were sent`);
    const before = sentBytes;
    await all.next();
    await once(body, 'pause');
    assert.ok(sentBytes > before, 'it goes on once the batch was taken');
    await all.return(undefined);
  });
});

async function gathered(body: Readable): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const batch of arrivals(body)) all.push(...batch);
  return Buffer.concat(all);
}
