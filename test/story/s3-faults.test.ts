/**
 * Faults of the store: answers that get lost, errors that pass, credentials that expire, uploads that vanish. An
 * admission finishes, or stops with an error that says what to do, and then the next run finishes.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { FaultRule, FaultWhat } from '../s3/fault.ts';
import { type FaultProxy, startFaultProxy } from '../s3/fault-proxy.ts';
import { WRITES } from '../s3/operation.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { type S3StandIn, startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { bytesFile, plainCommit, safetensors } from './models.ts';
import { openS3Stage, type S3Stage } from './s3-stage.ts';

const MODEL = 'org/model';
/** Of more than one part. */
const LARGE = 'large.safetensors';
const COMMIT = plainCommit('model', [bytesFile(LARGE, safetensors('large', 2_300_000))]);

/** More calls than an admission makes: the loop ends when none is left to strike. */
const CALLS_MAX = 400;
/** Each fault meets every kind of call in turn, at every third call; or every call meets every fault. */
const ALL_FAULTS = process.env.WL_TEST_ALL_FAULTS !== undefined;
const PASSING_STRIDE = ALL_FAULTS ? 1 : 3;
/** Calls between two at which credentials expire, or the store says no. */
const STRIDE = Number(process.env.WL_TEST_FAULT_STRIDE ?? 13);

function openStage(server: S3Server): Promise<S3Stage> {
  return openS3Stage(server, { models: [{ id: MODEL, commits: [COMMIT] }] });
}

/** How often each file was asked for. */
function fetches(stage: S3Stage): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { method, path } of stage.hub.requests) {
    const [, file] = /\/resolve\/[0-9a-f]{40}\/([^?]+)/.exec(path) ?? [];
    if (method === 'GET' && file) counts.set(file, (counts.get(file) ?? 0) + 1);
  }
  return counts;
}

/** One record, one entry, nothing lost on the way, all of it verified. */
async function requireAdmitted(stage: S3Stage, what: string): Promise<void> {
  assert.equal(await stage.logSize(), 1, `${what}: one decision is one entry`);
  assert.equal((await stage.keys('registry/records/')).length, 1, `${what}: one record`);
  const place = `models/${MODEL}/${stage.hub.commitOf(MODEL)}/`;
  const whole = [...COMMIT.files.map(({ path }) => path), 'model.sig'].map((file) => `${place}${file}`);
  assert.deepEqual(await stage.keys('models/'), whole.sort(), what);
  const verified = await stage.here(['verify']);
  assert.equal(verified.exit, 0, `${what}: ${verified.stdout}${verified.stderr}`);
}

for (const { name, skip, start } of S3_SERVERS) {
  describe(`a bucket of ${name} whose answers get lost`, { skip }, () => {
    let server: S3Server;
    let proxy: FaultProxy;
    before(async () => {
      server = await start();
      proxy = await startFaultProxy(server);
    });
    after(async () => {
      await proxy?.close();
      await server?.close();
    });

    it('the first answer to every distinct write: the admission ends well, and nothing is done twice', async (t) => {
      await using stage = await openStage(proxy);
      const struck = proxy.faults.struck.length;
      proxy.fault({ operation: WRITES, each: 'distinct', what: 'drop-response' });
      const ran = await stage.run(['admit', MODEL, '--json']);
      proxy.faults.clear();
      assert.equal(ran.exit, 0, ran.stderr);
      assert.equal((JSON.parse(ran.stdout) as { outcome: string }).outcome, 'decided');
      const lost = proxy.faults.struck.slice(struck).map(({ operation }) => operation);
      t.diagnostic(`${lost.length} answers were lost`);
      for (const operation of ['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])
        assert.ok(lost.includes(operation), `no answer to ${operation} was lost`);
      for (const [file, times] of fetches(stage))
        assert.equal(times, 1, `${file} was fetched ${times} times`);
      await requireAdmitted(stage, 'answers lost');
      // The answer that named this one never arrived: nobody can know of it but the bucket's lifecycle.
      assert.ok((await stage.uploads()).length <= 1);
    });
  });
}

describe('a store with faults', () => {
  let server: S3StandIn;
  before(async () => {
    server = await startS3StandIn();
  });
  after(() => server?.close());

  /** Arms a rule for the requests on the stage's bucket; says whether it struck once the work is done. */
  const struckDuring = async (stage: S3Stage, rule: FaultRule, work: () => Promise<void>) => {
    const before = server.faults.struck.length;
    server.fault({ target: new RegExp(`^/${stage.bucket}(?:[/?]|$)`), ...rule });
    try {
      await work();
    } finally {
      server.faults.clear();
    }
    return server.faults.struck[before]?.operation;
  };

  const PASSING: readonly (readonly [string, FaultWhat])[] = [
    ['500 InternalError', { status: 500, code: 'InternalError' }],
    ['503 SlowDown', { status: 503, code: 'SlowDown' }],
    ['a reset', 'reset'],
    ['a lost answer', 'drop-response'],
  ];

  it('that answers any one call by 500, 503, a reset or not at all admits as if nothing had been', async (t) => {
    const struck = new Map<string, number>();
    let calls = 0;
    for (let nth = 1; nth <= CALLS_MAX; nth += PASSING_STRIDE) {
      const faults = ALL_FAULTS ? PASSING : PASSING.filter((_, number) => nth % PASSING.length === number);
      let ended = false;
      for (const [fault, what] of faults) {
        await using stage = await openStage(server);
        const at = await struckDuring(stage, { nth, what }, async () => {
          const ran = await stage.here(['admit', MODEL]);
          assert.equal(ran.exit, 0, `${fault} at call ${nth}: ${ran.stderr}`);
        });
        ended ||= at === undefined;
        if (at === undefined) break;
        struck.set(`${at} ${fault}`, (struck.get(`${at} ${fault}`) ?? 0) + 1);
        for (const [file, times] of fetches(stage))
          assert.equal(times, 1, `${fault} at call ${nth}, ${at}: ${file} was fetched ${times} times`);
        await requireAdmitted(stage, `${fault} at call ${nth}, ${at}`);
      }
      if (ended) break;
      calls = nth;
    }
    t.diagnostic(`${calls} calls: ${[...struck].map(([what, times]) => `${what} ${times}`).join(', ')}`);
    assert.ok(calls > 60 && calls < CALLS_MAX, `${calls} calls`);
  });

  const LASTING: readonly (readonly [string, FaultWhat, RegExp])[] = [
    [
      'expired credentials',
      'expired-token',
      /the AWS credentials for s3:.* have expired[\s\S]*WL_VAULT_DENIED/,
    ],
    [
      'a permission that is missing',
      { status: 403, code: 'AccessDenied' },
      /s3:.* refuses \w+ on [\s\S]*WL_VAULT_DENIED {2}The role needs s3:\w+/,
    ],
    [
      'a store that keeps failing',
      { status: 503, code: 'ServiceUnavailable' },
      /did not carry out \w+ on [\s\S]*WL_VAULT_UNAVAILABLE/,
    ],
  ];

  for (const [fault, what, says] of LASTING) {
    it(`stops with a clear error at ${fault}, and the next run finishes and keeps what was finished`, async (t) => {
      const struck: string[] = [];
      for (let nth = 1; nth <= CALLS_MAX; nth += STRIDE) {
        await using stage = await openStage(server);
        const at = await struckDuring(stage, { nth, times: CALLS_MAX, what }, async () => {
          // In a process of its own, as people run it: what it held ends with it.
          const ran = await stage.run(['admit', MODEL]);
          if (ran.exit === 0) return;
          assert.match(ran.stderr, says, `${fault} from call ${nth}`);
          assert.ok(ran.exit === 77 || ran.exit === 69, `${fault} from call ${nth}: exit ${ran.exit}`);
        });
        if (at === undefined) break;
        struck.push(at);
        const again = await stage.here(['admit', MODEL]);
        assert.equal(again.exit, 0, `${fault} from call ${nth}, ${at}: ${again.stderr}`);
        await requireAdmitted(stage, `${fault} from call ${nth}, ${at}`);
      }
      t.diagnostic(`at ${struck.join(', ')}`);
      assert.ok(struck.length > 5);
    });
  }

  const LOSSES: readonly {
    readonly title: string;
    readonly rule: FaultRule;
    readonly ends: 'well' | RegExp;
    readonly largeFetched: number;
  }[] = [
    {
      title: 'that has aborted the upload when it is completed gets the file again',
      rule: { operation: 'CompleteMultipartUpload', what: 'abort-upload' },
      ends: 'well',
      largeFetched: 2,
    },
    {
      title: 'that answers a completion by 409 gets the file by a new upload',
      rule: { operation: 'CompleteMultipartUpload', what: 'conflict' },
      ends: 'well',
      largeFetched: 2,
    },
    {
      title: 'that fails a completion after a status of 200 is asked again',
      rule: {
        operation: 'CompleteMultipartUpload',
        what: { status: 200, code: 'InternalError' },
      },
      ends: 'well',
      largeFetched: 1,
    },
    {
      title: 'that answers the creation of the record by 409 is asked again',
      rule: { operation: 'PutObject', target: /registry\/records\//, times: 3, what: 'conflict' },
      ends: 'well',
      largeFetched: 1,
    },
    {
      title: 'that answers the move of the log’s head by 409 is asked again',
      rule: { operation: 'PutObject', target: /log\/head/, times: 3, what: 'conflict' },
      ends: 'well',
      largeFetched: 1,
    },
    {
      title: 'that answers the move of the state by 409 is asked again',
      rule: { operation: 'PutObject', target: /registry\/state/, times: 3, what: 'conflict' },
      ends: 'well',
      largeFetched: 1,
    },
    {
      title: 'that aborts the upload while parts are sent stops the run, and the next one sends them again',
      rule: { operation: 'UploadPart', what: 'abort-upload' },
      ends: /dropped the upload of .*large\.safetensors while it was under way[\s\S]*WL_STAGING_LOST/,
      largeFetched: 2,
    },
  ];

  for (const { title, rule, ends, largeFetched } of LOSSES) {
    it(title, async () => {
      await using stage = await openStage(server);
      const at = await struckDuring(stage, { target: new RegExp(stage.bucket), ...rule }, async () => {
        const ran = await stage.run(['admit', MODEL]);
        if (ends === 'well') assert.equal(ran.exit, 0, ran.stderr);
        else assert.match(ran.stderr, ends);
      });
      assert.equal(at, rule.operation);
      if (ends !== 'well') assert.equal((await stage.here(['admit', MODEL])).exit, 0);
      assert.equal(fetches(stage).get(LARGE), largeFetched, 'times that the large file was fetched');
      await requireAdmitted(stage, title);
      assert.deepEqual(await stage.uploads(), [], 'no upload is left');
    });
  }

  it('whose KMS key is denied says so, and the next run finishes', async () => {
    const denied = await startS3StandIn({ kms: 'denied' });
    try {
      await using stage = await openS3Stage(denied, {
        models: [{ id: MODEL, commits: [COMMIT] }],
      });
      const place = { place: stage.vault, kmsKey: 'arn:aws:kms:eu-west-1:111122223333:key/one' };
      writeFileSync(`${stage.folder}/weighlock.yaml`, JSON.stringify({ vaults: { prod: place } }));
      const ran = await stage.run(['admit', MODEL], { WEIGHLOCK_VAULT: 'prod' });
      assert.equal(ran.exit, 77, ran.stderr);
      assert.match(ran.stderr, /the KMS key of s3:.* cannot be used[\s\S]*kms:GenerateDataKey/);
      assert.deepEqual(await stage.keys(), [], 'nothing was written');
      assert.equal((await stage.here(['admit', MODEL])).exit, 0, 'by the bucket’s own key');
    } finally {
      await denied.close();
    }
  });
});
