/** The conformance table, run by two clients against the stand-in and every real server that is at hand. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { type Answer, CALLERS, type Caller } from './caller.ts';
import type { Case, Expectation } from './conformance.ts';
import { CONDITIONS, LIMITS, READS } from './conformance-objects.ts';
import { CHECKSUMS, COPIES, UPLOADS } from './conformance-uploads.ts';
import { S3_SERVERS, type S3Server } from './server.ts';

const CASES: readonly Case[] = [...CONDITIONS, ...READS, ...UPLOADS, ...COPIES, ...CHECKSUMS, ...LIMITS];

let buckets = 0;

for (const { name: serverName, skip: noServer, start } of S3_SERVERS) {
  for (const { name: callerName, skip: noCaller, open } of CALLERS) {
    describe(`${serverName}, asked by ${callerName}`, { skip: noServer || noCaller }, () => {
      let server: S3Server;
      let caller: Caller;
      before(async () => {
        server = await start();
        caller = open(server);
      });
      after(async () => {
        await caller?.close();
        await server?.close();
      });
      for (const item of CASES) it(item.title, () => play(item, server, caller));
    });
  }
}

async function play(item: Case, server: S3Server, caller: Caller): Promise<void> {
  buckets += 1;
  const bucket = `conformance-${buckets}`;
  await server.makeBucket(bucket, item.versioning ? { versioning: item.versioning } : {});
  const answers: Answer[] = [];
  for (const [at, step] of item.steps.entries()) {
    const known = { bucket, answers };
    const input = resolved(step.input, known) as Record<string, unknown>;
    const answer = await caller.call(step.call, { Bucket: bucket, ...input });
    answers.push(answer);
    const unlike = server.kind === 'stand-in' ? undefined : step.unlike?.[server.kind];
    check(`step ${at + 1}, ${step.call}`, answer, resolved(unlike ?? step.expect, known) as Expectation);
  }
}

function check(where: string, answer: Answer, expected: Expectation): void {
  const got = `${answer.status} ${answer.code ?? ''}`;
  if (typeof expected === 'string') {
    const bare = /^\d+$/.test(expected);
    const seen = bare ? String(answer.status) : got;
    assert.equal(seen, expected, `${where}: ${JSON.stringify(answer)}`);
    return;
  }
  assert.ok(answer.output, `${where}: ${got} ${answer.message ?? ''}`);
  for (const [path, value] of Object.entries(expected)) {
    assert.deepEqual(fieldOf(answer.output, path), value, `${where}: ${path}`);
  }
}

interface Known {
  readonly bucket: string;
  readonly answers: readonly Answer[];
}

/** The value with every reference in it replaced by what it stands for. */
function resolved(value: unknown, known: Known): unknown {
  if (typeof value === 'string') return resolvedText(value, known);
  if (Array.isArray(value)) return value.map((item) => resolved(item, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, resolved(item, known)]));
}

function resolvedText(text: string, { bucket, answers }: Known): string {
  const digest = /^\$((?:crc32|md5|sha256)(?::sha256)?):(.*)$/.exec(text);
  if (digest) return digestOf(digest[1] ?? '', digest[2] ?? '');
  return text
    .replaceAll('$bucket', bucket)
    .replace(/\$(\d+)\.([\w.]+)/g, (_, step, path) =>
      String(fieldOf(answers[Number(step) - 1]?.output, path)),
    );
}

function digestOf(kind: string, text: string): string {
  if (kind === 'sha256:sha256') {
    const inner = createHash('sha256').update(text).digest();
    return `${createHash('sha256').update(inner).digest('base64')}-1`;
  }
  if (kind !== 'crc32') return createHash(kind).update(text).digest('base64');
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}

function fieldOf(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], value);
}
