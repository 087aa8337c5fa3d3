/** Deployments on this machine, through the command line, with a small real server in another process. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { copyProofPath } from '../../src/registry/copy-proof.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { plainCommit } from '../story/models.ts';
import { openS3Stage } from '../story/s3-stage.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { ask, load, runLocal } from './local-run.ts';

const MODEL = 'org/model';
const SERVER = path.join(import.meta.dirname, 'small-server.ts');

const command = (mood = 'well') =>
  `${process.execPath} --disable-warning=ExperimentalWarning ${SERVER} {folder}/README.md {port} ${mood}`;

interface Deployed {
  readonly statement: string;
  readonly target: string;
  readonly place: string;
  readonly commit: string;
  readonly url?: string;
  readonly resources: readonly string[];
}

describe('weighlock deploy local', () => {
  let stage: Stage;
  let commits: readonly string[];
  before(async () => {
    const seeds = ['one', 'two', 'dies at start'];
    const made = seeds.map((seed, at) => ({
      ...plainCommit(seed),
      refs: [`refs/tags/v${at}`, 'refs/heads/main'],
    }));
    stage = await openStage({ models: [{ id: MODEL, commits: made }] });
    commits = seeds.map((_, at) => stage.hub.commitOf(MODEL, `v${at}`));
    for (const commit of commits)
      assert.equal((await stage.here(['admit', `${MODEL}@${commit}`])).exit, 0, 'admitted');
  });
  after(() => stage?.[Symbol.asyncDispose]());

  const [first, second, third] = [0, 1, 2].map((at) => () => commits[at] ?? '');
  const named = (commit: (() => string) | undefined) => `${MODEL}@${commit?.()}`;
  const run = (model: string, ...more: readonly string[]) =>
    runLocal(stage, [model, '--apply', '--port', '0', '--command', command(), ...more], {
      HF_TOKEN: 'hf_secretsecret',
    });
  const deployed = async () => (await stage.ask<Deployed[]>(['deploy', 'list'])).json;
  const move = async (commit: (() => string) | undefined) =>
    assert.equal((await stage.here(['channel', 'set', named(commit)])).exit, 0);

  it('plans without running anything', async () => {
    const ran = await stage.here(['deploy', 'local', MODEL, '--command', command()]);
    assert.equal(ran.exit, 0, ran.stderr);
    assert.match(ran.stdout, /server [\s\S]*small-server\.ts <copy>\/README\.md 0 well/);
    assert.match(ran.stdout, /nothing was changed/);
    assert.deepEqual(await deployed(), []);
  });

  it('serves a verified copy offline, without the credentials of whoever deploys, and records it', async () => {
    await using stopped = stopping(run(named(first)));
    const { local } = stopped;
    const [, commit, url = ''] = await local.said(/serving +([0-9a-f]{12}) at (\S+)/);
    assert.ok(first?.().startsWith(commit ?? '-'));
    const answer = await ask(url, 'Hello');
    assert.equal(answer.revision, first?.());
    assert.deepEqual(JSON.parse(answer.content), {
      loaded: readFileSync(
        path.join(stage.folder, 'weighlock-local', MODEL, first?.() ?? '', 'README.md'),
        'utf8',
      ).trim(),
      token: null,
      offline: '1',
    });
    await local.said(/recorded +log entry \d+/);
    const [there] = await deployed();
    const elsewhere = url.replace('127.0.0.1', 'localhost');
    const probe = async (...more: string[]) =>
      stage.ask<{ deployment?: string | null; error?: { message: string } }>([
        ...[
          'probe',
          elsewhere,
          '--for',
          named(first),
          '--served-as',
          'x',
          '--only',
          'over-refusal',
          '--no-record',
          ...more,
        ],
      ]);
    assert.equal((await probe()).json.deployment, null);
    assert.equal((await probe('--deployment', there?.place ?? '')).json.deployment, there?.statement);
    assert.match(
      (await probe('--deployment', 'nowhere')).json.error?.message ?? '',
      /no deployment is on record/,
    );
    assert.deepEqual(
      (await deployed()).map(({ target, commit, url }) => [target, commit, url]),
      [['local', first?.(), url]],
    );
    assert.equal((await local.stop()).exit, 0);
    assert.deepEqual(await deployed(), []);
  });

  it('passes the API alone, and nothing of web pages', async () => {
    await using stopped = stopping(run(named(first)));
    const [, url = ''] = await stopped.local.said(/serving +\S+ at (\S+)/);
    const { port } = new URL(url);
    for (const [status, target, headers] of [
      [200, '/health', {}],
      [404, '/crash', {}],
      [404, '/v1/../crash', {}],
      [404, '/props', {}],
      [403, '/v1/models', { host: 'rebound.example' }],
      [403, '/v1/models', { origin: 'https://stranger.example' }],
      [403, '/health', { host: `127.0.0.1.stranger.example:${port}` }],
    ] as const)
      assert.equal(await statusOf(port, target, headers), status, `${target} ${JSON.stringify(headers)}`);
  });

  it('follows its channel without a failed request, also while a revision does not come up', async () => {
    await move(first);
    await using stopped = stopping(run(`${MODEL}@production`));
    const { local } = stopped;
    const [, url = ''] = await local.said(/serving +\S+ at (\S+)/);
    const running = load(url, { lanes: 4, questionsMax: 20_000 });
    await move(third);
    await local.said(
      /failed +\S+: the server did not come up: it ended while it was starting: cannot load: not enough memory/,
    );
    await move(second);
    await local.said(new RegExp(`serving +${second?.().slice(0, 12)} at`));
    await local.said(/recorded[\s\S]+recorded/);
    const served = () =>
      running.answers.some((answer) => !(answer instanceof Error) && answer.revision === second?.());
    for (let tries = 0; !served() && tries < 400; tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const answers = await running.stop();
    const statuses = new Set(
      answers.map((answer) => (answer instanceof Error ? answer.message : answer.status)),
    );
    assert.deepEqual([...statuses], [200], `${answers.length} answers`);
    const revisions = answers.map((answer) => (answer instanceof Error ? '' : answer.revision));
    assert.ok(revisions.includes(first?.() ?? '') && revisions.includes(second?.() ?? ''));
    assert.deepEqual(
      (await deployed()).map(({ commit }) => commit),
      [second?.()],
    );
  });

  it('starts a server again that ended by itself, and gives up when it keeps doing so', async () => {
    await using stopped = stopping(run(named(first)));
    const { local } = stopped;
    const [, url = ''] = await local.said(/serving +\S+ at (\S+)/);
    for (let death = 1; death <= 3; death++) {
      await assertServing(url);
      await ask(url, 'please crash').catch(() => {});
      await local.said(new RegExp(`(stopped[\\s\\S]+?){${death}}`));
    }
    const ran = await local.over;
    assert.equal(ran.exit, 69);
    assert.match(ran.stderr, /WL_DEPLOY_FAILED/);
    assert.deepEqual(await deployed(), []);
  });

  const onLinux = existsSync('/usr/bin/setpriv') ? false : 'needs setpriv, of util-linux';
  it('does not leave a server behind when it is killed itself', { skip: onLinux }, async () => {
    const local = run(named(first));
    await local.said(/recorded/);
    const [there] = await deployed();
    const pid = Number(/process (\d+)/.exec(there?.resources.join() ?? '')?.[1]);
    assert.ok(isAlive(pid));
    local.child.kill('SIGKILL');
    await local.over;
    for (let tries = 0; isAlive(pid) && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(!isAlive(pid), 'it ended with whoever started it');
    assert.equal((await stage.here(['deploy', 'end', 'local', there?.place ?? ''])).exit, 0);
  });

  it('says why a server does not come up, and leaves nothing running', async () => {
    const ran = await runLocal(stage, [named(first), '--apply', '--port', '0', '--command', command('dies')])
      .over;
    assert.equal(ran.exit, 69);
    assert.match(ran.stderr, /cannot load: not enough memory/);
    const never = await runLocal(stage, [
      ...[named(first), '--apply', '--port', '0', '--start-seconds', '1'],
      ...['--command', command('never-healthy')],
    ]).over;
    assert.equal(never.exit, 69);
    assert.match(never.stderr, /was not healthy within 1 s/);
    assert.deepEqual(await deployed(), []);
  });

  it('does not start from a copy that was changed', async () => {
    writeFileSync(path.join(stage.folder, 'weighlock-local', MODEL, first?.() ?? '', 'README.md'), 'changed');
    const ran = await run(named(first)).over;
    assert.equal(ran.exit, 1);
    assert.match(ran.stderr, /README\.md was changed/);
  });

  it('does not read a proof that is longer than any', async () => {
    const elsewhere = ['--copies', './long'];
    await using stopped = stopping(run(named(first), ...elsewhere));
    await stopped.local.said(/serving/);
    await stopped.local.stop();
    const copy = path.join(stage.folder, 'long', MODEL, first?.() ?? '');
    truncateSync(copyProofPath(copy), 3 * 2 ** 30);
    const ran = await run(named(first), ...elsewhere).over;
    assert.equal(ran.exit, 1, ran.stderr);
    assert.match(ran.stderr, /is too long for a proof[\s\S]*WL_VAULT_CORRUPT/);
  });

  it('stops at once what is revoked, cuts its answers, and goes on where the channel is moved', async () => {
    await move(second);
    await using stopped = stopping(
      runLocal(stage, [MODEL, '--apply', '--port', '0', '--command', command(), '--copies', './others']),
    );
    const { local } = stopped;
    const [, url = ''] = await local.said(/serving +\S+ at (\S+)/);
    const long = ask(url, 'take long').then(
      () => 'answered',
      () => 'cut',
    );
    assert.equal((await stage.here(['revoke', named(second), '--reason', 'it was tampered with'])).exit, 0);
    await local.said(/stopped +\S+:.* was revoked/);
    assert.equal(await long, 'cut');
    const refused = await ask(url, 'Hello');
    assert.equal(refused.status, 503);
    assert.match(refused.content, /was revoked.*tampered/);
    assert.deepEqual(await deployed(), []);
    await move(first);
    await local.said(new RegExp(`serving +${first?.().slice(0, 12)} at`));
    assert.equal((await ask(url, 'Hello')).revision, first?.());
  });

  it('ends where the very revision that was asked for is revoked, and does not start', async () => {
    const ran = await run(named(second)).over;
    assert.equal(ran.exit, 1);
    assert.match(ran.stderr, /WL_REVOKED/);
    await using stopped = stopping(run(named(first), '--copies', './others'));
    await stopped.local.said(/serving/);
    assert.equal((await stage.here(['revoke', named(first), '--reason', 'a weakness'])).exit, 0);
    assert.equal((await stopped.local.over).exit, 1);
  });

  for (const [title, args, exit, message] of [
    ['weights that llama.cpp does not load', [], 1, /llama\.cpp loads GGUF/],
    ['a command that does not say its port', ['--command', 'serve {folder}'], 64, /\{port\}/],
    ['a port that is none', ['--command', command(), '--port', 'x'], 64, /--port is a whole number/],
    ['the Hub', ['--from', 'hub'], 64, /from the vault alone/],
    [
      'weights that are not there',
      ['--command', 'x {file} {port}', '--file', 'no.gguf'],
      64,
      /no weights called/,
    ],
  ] as const)
    it(`refuses ${title}`, async () => {
      const ran = await stage.here(['deploy', 'local', named(third), ...args]);
      assert.equal(ran.exit, exit, ran.stderr);
      assert.match(ran.stderr, message);
    });
});

describe('weighlock deploy local, of a vault in a bucket', () => {
  it('goes on while the vault is out of reach', async (t) => {
    const server = await startS3StandIn({});
    const close = onlyOnce(() => server.close());
    t.after(close);
    await using s3 = await openS3Stage(server, { models: [{ id: MODEL, commits: [plainCommit('one')] }] });
    assert.equal((await s3.here(['admit', MODEL])).exit, 0);
    const local = runLocal(s3, [MODEL, '--apply', '--port', '0', '--command', command()]);
    const [, url = ''] = await local.said(/serving +\S+ at (\S+)/);
    await local.said(/recorded/);
    await close();
    await local.said(/vault +/);
    assert.equal((await ask(url, 'Hello')).status, 200);
    local.child.kill('SIGKILL');
    await local.over;
  });
});

function onlyOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

function stopping(local: ReturnType<typeof runLocal>) {
  return {
    local,
    async [Symbol.asyncDispose]() {
      await local.stop();
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    // What has ended and was not waited for is listed as well.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function assertServing(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await ask(url, 'Hello').catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('it does not serve');
}

function statusOf(port: string, target: string, headers: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asked = request({ host: '127.0.0.1', port, path: target, headers, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  asked.on('error', reject);
  asked.end();
  return promise;
}
