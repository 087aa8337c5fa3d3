/** Triage of what is elsewhere: it blocks what it sees, says what it has not seen, and reads next to nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { StandInFile, StandInModel } from '../../src/hub-stand-in/model.ts';
import { bytes, call, proto, u32 } from '../pickles.ts';
import { connect } from '../s3/server.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { commandLine } from '../story/command-line.ts';

const GIB = 2 ** 30;

interface Report {
  readonly verdict: string;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly verdict: string;
    readonly sha256: string | null;
    readonly coverage: {
      readonly seen: readonly { readonly offset: number; readonly length: number }[];
      readonly gaps: readonly { readonly offset: number; readonly length: number }[];
    };
  }[];
  readonly stats: { readonly sizeBytes: number; readonly readBytes: number; readonly requests: number };
}

const SHARDS = 163;
const TENSORS_PER_SHARD = 560;
const SHARD_BYTES = 4 * GIB;

/** Shards of the size and number of DeepSeek-R1's, made on the fly; nobody hashes them, so their digests are made up. */
function r1Shaped(): StandInModel {
  const zeros = Buffer.alloc(1 << 20);
  const weightMap: Record<string, string> = {};
  const shards = Array.from({ length: SHARDS }, (_, number): StandInFile => {
    const path = `model-${String(number + 1).padStart(5, '0')}-of-000163.safetensors`;
    const header = shardHeader(number, (name) => {
      weightMap[name] = path;
    });
    const make = (offset: number, length: number): Uint8Array =>
      offset < header.length ? header.subarray(offset, offset + length) : zeros.subarray(0, length);
    const sha256 = number.toString(16).padStart(64, '0') as never;
    return { path, lfs: true, sha256, content: { kind: 'made', sizeBytes: SHARD_BYTES, make } };
  });
  const text = (path: string, json: unknown): StandInFile => ({
    path,
    content: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(json)) },
  });
  const small = [
    text('config.json', { model_type: 'deepseek_v3' }),
    text('model.safetensors.index.json', { metadata: {}, weight_map: weightMap }),
  ];
  return { id: 'test/r1-shaped', commits: [{ files: [...shards, ...small] }] };
}

/** Tensors of equal size that fill the shard, the last one to its end. */
function shardHeader(shard: number, named: (name: string) => void): Buffer {
  const reserved = 128 << 10;
  const each = Math.floor((SHARD_BYTES - reserved) / TENSORS_PER_SHARD);
  const entries: Record<string, object> = {};
  for (let number = 0; number < TENSORS_PER_SHARD; number++) {
    const name = `model.layers.${shard}.mlp.experts.${number}.down_proj.weight`;
    named(name);
    const last = number === TENSORS_PER_SHARD - 1;
    const end = last ? SHARD_BYTES - reserved : (number + 1) * each;
    entries[name] = { dtype: 'U8', shape: [end - number * each], data_offsets: [number * each, end] };
  }
  const header = Buffer.alloc(reserved, ' ');
  header.writeBigUInt64LE(BigInt(reserved - 8));
  header.write(JSON.stringify(entries), 8);
  return header;
}

describe('triage', () => {
  it('of 163 shards of the size of R1 reads at most a thousandth', { timeout: 300_000 }, async (t) => {
    const line = await commandLine(t, [r1Shaped()]);
    const { exit, out } = await line.run('scan', 'test/r1-shaped', '--triage', '--json');
    const report: Report = JSON.parse(out);
    assert.equal(exit, 2, 'not everything was seen');
    assert.ok(report.files.filter(({ path }) => path.endsWith('.safetensors')).length === 163);
    assert.ok(report.stats.sizeBytes > 600 * GIB);
    assert.ok(report.stats.readBytes <= report.stats.sizeBytes / 1000, `${report.stats.readBytes} bytes`);
    assert.ok(report.files.some(({ path, verdict }) => path === 'config.json' && verdict === 'clean'));
    for (const { size, coverage } of report.files) {
      const told = [...coverage.seen, ...coverage.gaps].reduce((sum, { length }) => sum + length, 0);
      assert.equal(told, size, 'what was seen and what was not make up the file');
    }
  });

  it('blocks a pickle behind a gigabyte of numbers without reading them', async (t) => {
    // A BINBYTES8 of zeros, made on the fly, between two calls.
    const head = bytes(proto(4), 'B', u32(0x3fff_ff00));
    const tail = bytes('0', call('posix', 'system'), '.');
    const sizeBytes = head.length + 0x3fff_ff00 + tail.length;
    const zeros = Buffer.alloc(1 << 20);
    const make = (offset: number, length: number): Uint8Array => {
      if (offset < head.length) return head.subarray(offset, offset + length);
      const behind = offset - (sizeBytes - tail.length);
      if (behind >= 0) return tail.subarray(behind, behind + length);
      return zeros.subarray(0, Math.min(length, -behind));
    };
    const content = { kind: 'made', sizeBytes, make } as const;
    const file = { path: 'pytorch_model.bin', content, lfs: true, sha256: 'a'.repeat(64) as never };
    const line = await commandLine(t, [{ id: 'bad/model', commits: [{ files: [file] }] }]);
    const { exit, out } = await line.run('scan', 'bad/model', '--triage', '--json');
    assert.equal(exit, 1);
    const report: Report = JSON.parse(out);
    assert.equal(report.verdict, 'blocked');
    assert.ok(report.stats.readBytes < 1 << 20, `${report.stats.readBytes}`);
    assert.equal(report.files[0]?.sha256, null, 'nobody hashed it');
  });

  it('calls a small repo clean that it has read to the last byte', async (t) => {
    const content = { kind: 'bytes', bytes: Buffer.from('{"model_type":"llama"}') } as const;
    const line = await commandLine(t, [
      { id: 'good/model', commits: [{ files: [{ path: 'config.json', content }] }] },
    ]);
    const { exit, out } = await line.run('scan', 'good/model', '--triage', '--json');
    assert.equal(exit, 0, out);
  });

  it('blocks in a bucket what it sees there', async (t) => {
    const server = await startS3StandIn();
    t.after(() => server.close());
    await server.makeBucket('models');
    const client = connect(server);
    const Body = bytes(proto(4), call('posix', 'system'), '.');
    await client.send(new PutObjectCommand({ Bucket: 'models', Key: 'a/pytorch_model.bin', Body }));
    await client.send(new PutObjectCommand({ Bucket: 'models', Key: 'ab/other.bin', Body: 'x' }));
    client.destroy();
    Object.assign(process.env, server.environment);
    const line = await commandLine(t, [], server.environment);
    const { exit, out } = await line.run('scan', 's3://models/a', '--triage', '--json');
    assert.equal(exit, 1, out);
    const report: Report = JSON.parse(out);
    assert.deepEqual(
      report.files.map(({ path }) => path),
      ['pytorch_model.bin'],
    );
    assert.equal((await line.run('scan', 's3://models/a/pytorch_model.bin')).exit, 1);
    const nothing = await line.run('scan', 's3://models/c');
    assert.equal(nothing.exit, 69);
    assert.match(nothing.err, /there is nothing at s3:\/\/models\/c/);
  });

  it('is refused for files of this machine', async (t) => {
    const line = await commandLine(t, []);
    const { exit, err } = await line.run('scan', line.folder, '--triage');
    assert.equal(exit, 64);
    assert.match(err, /read completely/);
  });
});
