/**
 * Faults: a gateway whose vault is slow, failing, gone, replayed, or past its time. It says that it cannot know, serves
 * nothing, does not end, and goes on by itself once the vault is as it should be.
 */
import assert from 'node:assert/strict';
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type S3StandIn, startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { plainCommit, plainModel } from '../story/models.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { type Serving, startServe, until } from './serving.ts';

const MODEL = 'org/model';
/** The bound of the gateway, and what a busy machine adds; a look that hangs counts as none. */
const WITHIN_MS = 5_000 + 5_000;

interface Said {
  readonly status: number;
  readonly message: string;
  readonly retryAfter: string | null;
  readonly text: string;
}

async function ask(gateway: Serving, route: string): Promise<Said> {
  const answer = await fetch(`${gateway.endpoint}${route}`, { redirect: 'manual' });
  return {
    status: answer.status,
    message: answer.headers.get('x-error-message') ?? '',
    retryAfter: answer.headers.get('retry-after'),
    text: await answer.text(),
  };
}

const ROUTES = [`/api/models/${MODEL}/revision/main`, `/${MODEL}/resolve/main/config.json`, '/api/models'];

/** Every route says that the gateway cannot know; it is alive, and not ready, and tells whoever runs it why. */
async function cannotKnow(gateway: Serving, code: string, why: RegExp): Promise<void> {
  await until(async () => (await ask(gateway, '/-/ready')).status === 503, {
    withinMs: WITHIN_MS,
    what: 'the gateway is not ready',
  });
  for (const route of ROUTES) {
    const { status, message, retryAfter } = await ask(gateway, route);
    assert.deepEqual([status, retryAfter], [503, '5'], route);
    assert.match(message, /cannot know now what is admitted/);
    assert.ok(message.includes(code), message);
  }
  assert.match(gateway.said(), why);
  assert.equal((await ask(gateway, '/-/health')).status, 200);
}

async function serves(gateway: Serving): Promise<void> {
  await until(async () => (await ask(gateway, ROUTES[1] ?? '')).status < 400, {
    withinMs: WITHIN_MS,
    what: 'the gateway serves',
  });
  assert.equal((await ask(gateway, '/-/ready')).status, 200);
}

describe('a gateway over a directory', () => {
  let stage: Stage;
  let gateway: Serving;
  before(async () => {
    stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    gateway = await startServe(stage, ['--anonymous']);
    await serves(gateway);
  });
  after(async () => {
    assert.equal(await gateway?.stop(), 0, 'it ends when it is told to, and not before');
    await stage?.[Symbol.asyncDispose]();
  });

  const state = () => path.join(stage.vault, 'registry/state');

  it('outlives a vault that is gone and comes back', async () => {
    renameSync(stage.vault, `${stage.vault}.away`);
    await cannotKnow(gateway, 'WL_VAULT_CORRUPT', /registry\/state is missing/);
    renameSync(`${stage.vault}.away`, stage.vault);
    await serves(gateway);
  });

  it('believes no state that is older than one it saw', async () => {
    cpSync(state(), `${state()}.old`);
    assert.equal(
      (await stage.here(['channel', 'set', `${MODEL}@${stage.hub.commitOf(MODEL)}`, 'next'])).exit,
      0,
    );
    await until(async () => (await ask(gateway, `/api/models/${MODEL}/revision/next`)).status === 200, {
      withinMs: WITHIN_MS,
      what: 'the gateway saw the newer state',
    });
    renameSync(state(), `${state()}.new`);
    cpSync(`${state()}.old`, state());
    await cannotKnow(
      gateway,
      'WL_STATE_ROLLED_BACK',
      /the vault shows state \d+, and state \d+ was already seen/,
    );
    renameSync(`${state()}.new`, state());
    rmSync(`${state()}.old`);
    await serves(gateway);
  });

  it('does not remember less after it was started again', async () => {
    cpSync(state(), `${state()}.old`);
    assert.equal(
      (await stage.here(['channel', 'set', `${MODEL}@${stage.hub.commitOf(MODEL)}`, 'more'])).exit,
      0,
    );
    await gateway.stop();
    gateway = await startServe(stage, ['--anonymous']);
    await serves(gateway);
    await gateway.stop();
    renameSync(state(), `${state()}.new`);
    cpSync(`${state()}.old`, state());
    gateway = await startServe(stage, ['--anonymous']);
    await cannotKnow(gateway, 'WL_STATE_ROLLED_BACK', /was already seen/);
    renameSync(`${state()}.new`, state());
    rmSync(`${state()}.old`);
    await serves(gateway);
  });

  it('believes no state that nobody of the trust file signed', async () => {
    cpSync(state(), `${state()}.good`);
    cpSync(path.join(stage.vault, 'registry/vault'), state());
    await cannotKnow(
      gateway,
      'WL_VAULT_CORRUPT',
      /registry\/state is (?:not signed|cut|malformed)|not an envelope/,
    );
    renameSync(`${state()}.good`, state());
    await serves(gateway);
  });
});

describe('a gateway whose state is past its time', () => {
  it('serves nothing until a gate renews it', async () => {
    await using stage = await openStage({ models: [plainModel(MODEL)] });
    const brief = path.join(stage.folder, 'weighlock.yaml');
    // Some six seconds.
    writeFileSync(brief, 'stateValidityDays: 0.00007\n');
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    await using gateway = await startServe(stage, ['--anonymous']);
    await cannotKnow(gateway, 'WL_STATE_EXPIRED', /./);
    rmSync(brief);
    const renewed = await stage.here(['state', 'refresh']);
    assert.equal(renewed.exit, 0, renewed.stderr);
    await serves(gateway);
  });
});

describe('a gateway over a bucket', () => {
  let server: S3StandIn;
  let stage: S3Stage;
  let gateway: Serving;
  before(async () => {
    server = await startS3StandIn();
    stage = await openS3Stage(server, { models: [plainModel(MODEL)] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    gateway = await startServe(stage, ['--anonymous']);
    await serves(gateway);
  });
  after(async () => {
    assert.equal(await gateway?.stop(), 0);
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
  });

  const FAULTS = [
    {
      what: 'fails',
      fault: { status: 500, code: 'InternalError' } as const,
      code: 'WL_VAULT_UNAVAILABLE',
      why: /not ready/,
    },
    {
      what: 'asks to slow down',
      fault: { status: 503, code: 'SlowDown' } as const,
      code: 'WL_VAULT_UNAVAILABLE',
      why: /not ready/,
    },
    {
      what: 'denies',
      fault: { status: 403, code: 'AccessDenied' } as const,
      code: 'WL_VAULT_DENIED',
      why: /s3:GetObject/,
    },
    {
      what: 'cuts every connection',
      fault: 'reset' as const,
      code: 'WL_VAULT_UNAVAILABLE',
      why: /not ready/,
    },
    {
      what: 'says nothing any more',
      fault: 'stall' as const,
      code: 'WL_VAULT_UNAVAILABLE',
      why: /does not answer in time/,
    },
  ];
  for (const { what, fault, code, why } of FAULTS)
    it(`outlives a store that ${what}`, async () => {
      server.fault({ operation: 'GetObject', target: /registry\/state/, times: 10_000, what: fault });
      try {
        await cannotKnow(gateway, code, why);
      } finally {
        server.faults.clear();
      }
      await serves(gateway);
    });

  it('says so where only the files are out of reach, and mends by itself', async () => {
    await gateway.stop();
    gateway = await startServe(stage, ['--anonymous']);
    server.fault({ operation: 'HeadObject', times: 10_000, what: { status: 503, code: 'SlowDown' } });
    const { status, retryAfter } = await ask(gateway, ROUTES[1] ?? '');
    assert.deepEqual([status, retryAfter], [503, '5']);
    assert.equal((await ask(gateway, ROUTES[0] ?? '')).status, 200);
    server.faults.clear();
    await serves(gateway);
  });
});
