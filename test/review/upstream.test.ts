/** Watching upstream: updates come in as a model is followed, and a repo that goes wrong is noticed. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Fault } from '../../src/hub-stand-in/fault.ts';
import type { Organisation } from '../../src/hub-stand-in/model.ts';
import { listenForHub, signatureOf } from '../../src/upstream/webhook.ts';
import { plainCommit, textFile } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

const MODEL = 'org/model';

interface Told {
  readonly event: {
    readonly kind: string;
    readonly what?: string;
    readonly commit?: string;
    readonly because?: string;
  };
  readonly reaction: { readonly kind: string; readonly channels?: readonly string[] };
  readonly notified?: boolean;
}

interface Watched {
  readonly stage: Stage;
  readonly organisations: Organisation[];
  watch(...more: readonly string[]): Promise<readonly Told[]>;
  channels(): Promise<Readonly<Record<string, string>>>;
}

async function watched(t: TestContext, update: string): Promise<Watched> {
  const organisations: Organisation[] = [{ name: 'org', verified: true, id: 'owner-1' }];
  const stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }], organisations });
  t.after(() => stage[Symbol.asyncDispose]());
  assert.equal((await stage.here(['admit', MODEL])).exit, 0);
  const followed = await stage.here(['upstream', 'follow', MODEL, '--update', update]);
  assert.equal(followed.exit, 0, followed.stderr);
  const watch = async (...more: readonly string[]) => {
    const ran = await stage.ask<readonly Told[]>(['upstream', 'watch', '--once', ...more]);
    assert.equal(ran.exit, 0, ran.stderr);
    return ran.json;
  };
  // What is there when it is followed is known: the first look finds nothing.
  assert.deepEqual(await watch(), []);
  const channels = async () => {
    const { json } = await stage.ask<readonly { channel: string; commit: string }[]>(['channel', 'list']);
    return Object.fromEntries(json.map(({ channel, commit }) => [channel, commit]));
  };
  return { stage, organisations, watch, channels };
}

/** A receiver of notices, and what it took. */
async function receiving(t: TestContext) {
  const taken: { readonly body: string; readonly signature: string; readonly timestamp: string }[] = [];
  const receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { 'x-weighlock-signature': signature, 'x-weighlock-timestamp': timestamp } = request.headers;
    taken.push({ body, signature: String(signature), timestamp: String(timestamp) });
    response.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  t.after(() => receiver.close());
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  return { taken, url };
}

describe('a watch', () => {
  it('asks one conditional question where nothing changed', async (t) => {
    const { stage, watch } = await watched(t, 'notify');
    const before = stage.hub.requests.length;
    assert.deepEqual(await watch(), []);
    assert.deepEqual(
      stage.hub.requests.slice(before).map(({ path }) => path),
      [`/api/models/${MODEL}/revision/main`],
    );
  });

  it('that is to notify tells of an update once, and brings nothing in', async (t) => {
    const { stage, watch } = await watched(t, 'notify');
    const commit = stage.hub.publish(MODEL, plainCommit('two'));
    const [one, ...more] = await watch();
    assert.deepEqual(
      [one?.event.kind, one?.event.commit, one?.reaction.kind, more.length],
      ['update', commit, 'told', 0],
    );
    assert.deepEqual(await watch(), []);
  });

  it('that is to bring candidates leaves what is live alone', async (t) => {
    const { stage, watch, channels } = await watched(t, 'candidate');
    const first = (await channels()).production;
    const commit = stage.hub.publish(MODEL, plainCommit('two'));
    const [one] = await watch();
    assert.deepEqual(one?.reaction, { kind: 'admitted', channels: ['candidate'] });
    assert.deepEqual(await channels(), { production: first, candidate: commit });
  });

  it('that is told to bring candidates, and only told of updates before, brings what it has seen', async (t) => {
    const { stage, watch, channels } = await watched(t, 'notify');
    const commit = stage.hub.publish(MODEL, plainCommit('two'));
    await watch();
    assert.deepEqual(await watch(), []);
    assert.equal((await stage.here(['upstream', 'follow', MODEL, '--update', 'candidate'])).exit, 0);
    await watch();
    assert.equal((await channels()).candidate, commit);
  });

  it('takes up an update that came in, and whose channel could not be moved', async (t) => {
    const { stage, watch, channels } = await watched(t, 'candidate');
    const commit = stage.hub.publish(MODEL, plainCommit('two'));
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    const folder = path.join(String(stage.environment.WEIGHLOCK_HOME), 'upstream');
    const file = path.join(folder, readdirSync(folder)[0] ?? '');
    const seen = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ [MODEL]: { ...seen[MODEL], pending: commit } }));
    const [one] = await watch();
    assert.deepEqual(one?.reaction, { kind: 'admitted', channels: ['candidate'] });
    assert.equal((await channels()).candidate, commit);
    assert.deepEqual(await watch(), []);
  });

  it('moves what is live only where it was told to', async (t) => {
    const { stage, watch, channels } = await watched(t, 'auto');
    const commit = stage.hub.publish(MODEL, plainCommit('two'));
    await watch();
    assert.deepEqual(await channels(), { production: commit, candidate: commit });
  });

  it('holds an update that a rule holds, and says so', async (t) => {
    const { stage, watch, channels } = await watched(t, 'auto');
    const files = plainCommit('two').files.filter(({ path }) => path !== 'config.json');
    stage.hub.publish(MODEL, {
      files: [
        ...files,
        textFile('config.json', '{"auto_map": {"AutoModel": "m.Net"}}'),
        textFile('m.py', 'import torch\n'),
      ],
    });
    const [one] = await watch();
    assert.equal(one?.reaction.kind, 'held');
    assert.deepEqual(Object.keys(await channels()), ['production']);
  });

  const TROUBLE: readonly (readonly [string, string, Fault | undefined])[] = [
    [
      'gone',
      'gone',
      { at: 'model', kind: 'status', status: 404, headers: { 'X-Error-Code': 'RepoNotFound' } },
    ],
    [
      'registered again by a stranger',
      'registered-again',
      { at: 'model', kind: 'json', change: (value) => ({ ...(value as object), _id: 'f'.repeat(24) }) },
    ],
    [
      'flagged by the Hub',
      'flagged',
      {
        at: 'tree',
        kind: 'json',
        change: (value) =>
          (value as { path: string }[]).map((one) => ({ ...one, securityFileStatus: { status: 'unsafe' } })),
      },
    ],
    ['owned by somebody else', 'new-owner', undefined],
  ];
  for (const [how, what, fault] of TROUBLE) {
    it(`records with what is live that the repo is ${how}, once`, async (t) => {
      const { stage, organisations, watch } = await watched(t, 'notify');
      stage.hub.publish(MODEL, plainCommit('two'));
      if (fault) stage.hub.faults.replace([fault]);
      else organisations[0] = { name: 'org', verified: true, id: 'owner-2' };
      const told = await watch();
      const [trouble] = told.filter(({ event }) => event.kind === 'trouble');
      assert.equal(trouble?.event.what, what, JSON.stringify(told));
      assert.equal(trouble?.reaction.kind, 'recorded');
      const { stdout } = await stage.here(['show', MODEL]);
      assert.match(stdout, new RegExp(`upstream[\\s\\S]*${what}`));
      const again = (await watch()).filter(({ event }) => event.kind === 'trouble');
      assert.ok(again.every(({ reaction }) => reaction.kind === 'told'));
    });
  }

  it('goes on where the Hub is away, and says so', async (t) => {
    const { stage, watch } = await watched(t, 'notify');
    stage.hub.faults.replace([{ at: 'model', kind: 'status', status: 400 }]);
    const [one] = await watch();
    assert.equal(one?.event.kind, 'unavailable');
  });

  it('tells a receiver, signed', async (t) => {
    const { taken, url } = await receiving(t);
    const { stage } = await watched(t, 'notify');
    stage.hub.publish(MODEL, plainCommit('two'));
    const ran = await stage.run(['upstream', 'watch', '--once', '--json', '--notify', url], {
      WEIGHLOCK_NOTIFY_SECRET: 'shared',
    });
    assert.equal(ran.exit, 0, ran.stderr);
    const [one] = taken;
    assert.equal(taken.length, 1);
    assert.equal(one?.signature, signatureOf('shared', one?.timestamp ?? '', one?.body ?? ''));
    assert.equal(JSON.parse(one?.body ?? '').event.kind, 'update');
  });

  it('tells a receiver once what stays as it is', async (t) => {
    const { taken, url } = await receiving(t);
    const { stage } = await watched(t, 'notify');
    const away = { at: 'model', kind: 'status', status: 404, headers: { 'X-Error-Code': 'RepoNotFound' } };
    stage.hub.faults.replace([away as Fault]);
    for (let look = 0; look < 3; look++) {
      const ran = await stage.run(['upstream', 'watch', '--once', '--json', '--notify', url], {
        WEIGHLOCK_NOTIFY_SECRET: 'shared',
      });
      assert.equal(JSON.parse(ran.stdout)[0].event.what, 'gone');
    }
    assert.equal(taken.length, 1);
  });
});

describe('the Hub’s webhook', () => {
  it('makes a watch look sooner only with its secret', async () => {
    const sooner: string[] = [];
    const listening = await listenForHub({ port: 0, secret: 'known' }, (model) => sooner.push(model));
    try {
      const post = (headers: Record<string, string>, body: string) =>
        fetch(`http://127.0.0.1:${listening.port}/`, { method: 'POST', headers, body });
      const hook = JSON.stringify({ event: { scope: 'repo.content' }, repo: { name: MODEL } });
      assert.equal((await post({}, hook)).status, 403);
      assert.equal((await post({ 'x-webhook-secret': 'guessed' }, hook)).status, 403);
      assert.equal((await post({ 'x-webhook-secret': 'known' }, 'no json')).status, 403);
      assert.equal((await post({ 'x-webhook-secret': 'known' }, hook)).status, 202);
      assert.deepEqual(sooner, [MODEL]);
    } finally {
      await listening.close();
    }
  });
});
