/** Copies: from a bucket onto a disk, over an air gap to a machine that knows only trust files, into a third vault. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors } from './models.ts';
import { filesBelow, openStage, type Ran, type Stage } from './stage.ts';

const MODEL = 'org/model';
const [{ name, skip, start }] = S3_SERVERS as [(typeof S3_SERVERS)[number]];

interface Machine {
  run(...args: readonly string[]): Promise<Ran>;
  /** As `run`; the command must end well. */
  done(...args: readonly string[]): Promise<Ran>;
  readonly home: string;
}

describe(`a copy through ${name}`, { skip }, () => {
  let server: S3Server;
  let stage: Stage;
  let origin: Machine;
  let inside: Machine;

  before(async () => {
    server = await start();
    for (const bucket of ['origin', 'third', 'fourth']) await server.makeBucket(bucket, { versioning: 'on' });
    const large = bytesFile('large.safetensors', safetensors('large', 9_000_000));
    stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('model', [large])] }] });
    origin = machine('home');
    // Behind the air gap there is no Hub.
    inside = machine('inside', { WEIGHLOCK_HUB_ENDPOINT: 'http://127.0.0.1:9' });
    await origin.done('admit', MODEL, '--vault', 's3://origin/models');
    await origin.done('copy', MODEL, '--from', 's3://origin/models', '--to', './bundle');
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
  });

  function machine(home: string, environment: NodeJS.ProcessEnv = {}): Machine {
    const env = { ...server.environment, ...environment, WEIGHLOCK_HOME: path.join(stage.folder, home) };
    const run = (...args: readonly string[]) => stage.run(args, env);
    return {
      run,
      home: env.WEIGHLOCK_HOME,
      async done(...args) {
        const ran = await run(...args);
        assert.equal(ran.exit, 0, `${args.join(' ')}\n${ran.stdout}${ran.stderr}`);
        return ran;
      },
    };
  }

  /** The folder as it arrives behind the air gap. */
  function carried(as: string): string {
    cpSync(path.join(stage.folder, 'bundle'), path.join(stage.folder, as), { recursive: true });
    return `./${as}`;
  }

  it('holds the model, the origin’s record and its proof, and is a vault of its own', async () => {
    await origin.done('verify', '--vault', './bundle');
    const { stdout } = await origin.done('show', MODEL, '--vault', './bundle', '--json');
    const record = JSON.parse(stdout) as {
      source: Record<string, unknown>;
      evidence: { type: string }[];
    };
    const { source, evidence } = record;
    const { endpoint } = stage.hub;
    assert.deepEqual(
      [source.kind, source.endpoint, Object.keys(source.via as object)],
      ['hub', endpoint, ['vault', 'record']],
    );
    for (const type of ['origin-record', 'origin-log-proof'])
      assert.ok(
        evidence.some((one) => one.type === type),
        type,
      );
    const commit = stage.hub.commitOf(MODEL);
    const asked = stage.hub.requests.length;
    await origin.done('copy', `${MODEL}@${commit}`, '--from', 's3://origin/models', '--to', './bundle');
    assert.equal(stage.hub.requests.length, asked, 'nothing is asked of the Hub');
  });

  it('is believed behind the air gap by its trust file, and goes on into a third vault', async () => {
    const bundle = carried('carried');
    const strange = await inside.run('verify', '--vault', bundle);
    assert.match(strange.stderr, /WL_TRUST_MISSING/);
    for (const file of filesBelow(path.join(origin.home, 'trust')))
      await inside.done('trust', 'pin', path.join(origin.home, 'trust', file), '--vault', bundle);
    await inside.done('verify', '--vault', bundle);
    await inside.done('copy', MODEL, '--from', bundle, '--to', 's3://third');
    await inside.done('verify', '--vault', 's3://third');
    const commit = stage.hub.commitOf(MODEL);
    await inside.done('pull', `${MODEL}@${commit}`, './pulled', '--vault', 's3://third');
    await inside.done('verify', './pulled', '--expect', `${MODEL}@${commit}`);
    const published = path.join(stage.folder, 'bundle/models', MODEL, commit);
    for (const file of filesBelow(published)) {
      if (file === 'model.sig') continue; // Each vault signs for itself.
      const there = readFileSync(path.join(published, file));
      assert.deepEqual(readFileSync(path.join(stage.folder, 'pulled', file)), there, file);
    }
  });

  it('goes nowhere where something was changed on the way', async () => {
    const commit = stage.hub.commitOf(MODEL);
    const changes: Readonly<Record<string, string>> = {
      'a weight': `models/${MODEL}/${commit}/large.safetensors`,
      'a small file': `models/${MODEL}/${commit}/config.json`,
      'the record': `registry/records/${MODEL}/${commit}/0`,
      'the log proof': `registry/proofs/${MODEL}/${commit}/0`,
      'the receipt': `registry/receipts/${MODEL}/${commit}/0`,
      'the state': 'registry/state',
      'the log': 'log/tile/0/000.p/1',
    };
    for (const [what, file] of Object.entries(changes)) {
      const bundle = carried(`changed ${what}`.replaceAll(' ', '-'));
      const target = path.join(stage.folder, bundle, file);
      const bytes = readFileSync(target);
      const at = bytes.length - 20;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(target, bytes);
      const to = `s3://fourth/${path.basename(bundle)}`;
      const { exit, stderr, stdout } = await inside.run('copy', MODEL, '--from', bundle, '--to', to);
      assert.ok(exit === 1 || exit === 65, `${what}: ${exit} ${stdout}${stderr}`);
      assert.match(stderr, /WL_(VAULT_CORRUPT|DIGEST_MISMATCH|LOG_CORRUPT)/, what);
      const listed = await inside.run('list', '--vault', to, '--json');
      assert.ok(listed.exit !== 0 || !listed.stdout.includes(MODEL), listed.stdout);
    }
  });

  it('is refused where it is no copy', async () => {
    const same = await origin.run('copy', MODEL, '--from', './bundle', '--to', './bundle');
    assert.deepEqual([same.exit, /same vault/.test(same.stderr)], [64, true], same.stderr);
    const unknown = await origin.run('copy', 'org/other', '--from', './bundle', '--to', './new');
    assert.match(unknown.stderr, /WL_NOT_ADMITTED/);
  });
});
