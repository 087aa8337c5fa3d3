/**
 * Statements: what a gate logs can be read back by everybody for ever, counts by keys in force alone, and holds also for
 * what was under way when it was made.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generateKeys, keyIdOf, LocalSigner } from '../../src/attest/key.ts';
import { openState, signState } from '../../src/attest/state.ts';
import { signStatement } from '../../src/attest/statement.ts';
import { openTrust, signTrust, type Trust } from '../../src/attest/trust.ts';
import { sha256 } from '../../src/base/digest.ts';
import { parseCommit, parseModelName } from '../../src/base/name.ts';
import { plainCommit } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

const MODEL = 'org/model';

describe('a statement', () => {
  let stage: Stage;
  let commit: string;
  before(async () => {
    stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    commit = stage.hub.commitOf(MODEL);
  });
  after(() => stage?.[Symbol.asyncDispose]());

  const logSize = async () => (await stage.ask<{ size: number }>(['log', 'show'])).json.size;
  const statements = () => path.join(stage.vault, 'registry/statements');

  const LONG = 'x'.repeat(2001);
  const patterns = Array.from({ length: 101 }, (_, number) => ['--model', `org/m${number}`]).flat();
  for (const { what, args } of [
    {
      what: 'a channel move with a reason that is too long',
      args: ['channel', 'set', '', 'next', '--reason', LONG],
    },
    { what: 'a revocation with a reason that is too long', args: ['revoke', '', '--reason', LONG] },
    { what: 'a grant of too many patterns', args: ['access', 'grant', 'many', ...patterns] },
  ])
    it(`that nobody could read back is not logged: ${what}`, async () => {
      const before = await logSize();
      const ran = await stage.here(args.map((arg) => (arg === '' ? `${MODEL}@${commit}` : arg)));
      assert.equal(ran.exit, 64, ran.stderr);
      assert.match(ran.stderr, /nothing was logged/);
      assert.equal(await logSize(), before);
      assert.equal((await stage.here(['state', 'refresh'])).exit, 0);
    });

  it('that a run left unlogged is named by verify, and is no damage', async () => {
    const key = gateKey(stage);
    const { vault } = trustOf(stage);
    const left = await signStatement(
      {
        type: 'weighlock.channel/v1',
        vault,
        madeAt: '2026-01-01T00:00:00Z',
        logSize: 1,
        tool: { name: 'weighlock', version: '0' },
        model: parseModelName(MODEL),
        channel: 'late',
        commit: parseCommit(commit),
        record: sha256('a record'),
        before: null,
      },
      key,
    );
    mkdirSync(statements(), { recursive: true });
    writeFileSync(path.join(statements(), left.digest), left.bytes);
    const verified = await stage.here(['verify']);
    assert.equal(verified.exit, 0, verified.stdout);
    assert.match(verified.stdout, /not logged: a run that died/);
    writeFileSync(path.join(statements(), sha256('stranger')), 'stranger');
    assert.equal((await stage.here(['verify'])).exit, 1);
  });
});

describe('a state of a key that is no longer in force', () => {
  it('is believed by nobody who did not believe it before, and by nobody once there is a newer one', async () => {
    await using stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    const old = gateKey(stage);
    const trust = trustOf(stage);
    const next = generateKeys();
    const write = (name: string, text: string) => {
      const file = path.join(stage.folder, name);
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    };
    const gates = [
      { publicKey: old.publicKey, from: 0, until: 1 },
      { publicKey: new LocalSigner(next.gate).publicKey, from: 1 },
    ];
    const rotated = write('trust2.json', await signTrust({ ...trust, version: 2, gates }, old));
    const stranger = { WEIGHLOCK_HOME: path.join(stage.folder, 'elsewhere') };
    const unknown = await stage.run(['list', '--trust', rotated], stranger);
    assert.equal(unknown.exit, 1, unknown.stdout);
    assert.match(
      unknown.stderr,
      /signed by a gate key that is no longer in force[\s\S]*weighlock state refresh/,
    );
    const byNext = { WEIGHLOCK_KEY: write('next.pem', next.gate) };
    const refreshed = await stage.run(['state', 'refresh', '--trust', rotated], byNext);
    assert.equal(refreshed.exit, 0, refreshed.stderr);
    assert.equal((await stage.run(['list', '--trust', rotated], stranger)).exit, 0);

    const file = path.join(stage.vault, 'registry/state');
    const state = openState(
      readFileSync(file),
      gates.map(({ publicKey }) => ({ keyId: keyIdOf(publicKey), publicKey })),
    );
    writeFileSync(file, await signState({ ...state, sequence: state.sequence + 1, grants: {} }, old));
    const forged = await stage.run(['list', '--trust', rotated], stranger);
    assert.match(forged.stderr, /no longer in force/);
  });
});

function gateKey(stage: Stage): LocalSigner {
  return new LocalSigner(readFileSync(path.join(stage.folder, 'home/gate.key.pem'), 'utf8'));
}

function trustOf(stage: Stage): Trust {
  const folder = path.join(stage.folder, 'home/trust');
  const [file = ''] = readdirSync(folder);
  return openTrust(readFileSync(path.join(folder, file), 'utf8'));
}
