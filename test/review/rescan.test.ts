/** Rescans: what is on record, judged by rules that came later, from the facts that are stored. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import { bytes, proto, stackGlobal } from '../pickles.ts';
import { bytesFile, plainCommit, plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

const PLAIN = 'org/plain';
const PICKLED = 'org/pickled';

/** A class that is known, in a file of its own: admitted by the default policy. */
const KNOWN = bytes(proto(4), stackGlobal('collections', 'OrderedDict'), ')R.');

const WEIGHTS_ONLY = `version: 1
rules:
  - name: no-pickles
    REFUSE: files.exists(f, f.tier != "")
    because: we take no pickles any more
`;

interface Report {
  readonly looked: number;
  readonly earlierFacts: number;
  readonly differing: readonly {
    readonly id: { readonly model: string; readonly commit: string };
    readonly was: string;
    readonly now: string;
    readonly facts: string;
    readonly rules: readonly { readonly rule: string }[];
    readonly channels: readonly string[];
    readonly deployments: readonly { readonly target: string }[];
  }[];
}

async function vault(t: TestContext): Promise<Stage> {
  const stage = await openStage({
    models: [
      plainModel(PLAIN),
      { id: PICKLED, commits: [plainCommit('pickled', [bytesFile('extra.pkl', KNOWN)])] },
    ],
  });
  t.after(() => stage[Symbol.asyncDispose]());
  for (const model of [PLAIN, PICKLED]) {
    const admitted = await stage.here(['admit', model]);
    assert.equal(admitted.exit, 0, admitted.stdout + admitted.stderr);
  }
  return stage;
}

function policy(stage: Stage, outcome: 'hold' | 'refuse'): string {
  const file = path.join(stage.folder, `${outcome}.yaml`);
  writeFileSync(file, WEIGHTS_ONLY.replace('REFUSE', outcome));
  return file;
}

describe('a rescan', () => {
  it('finds nothing where the rules are the same, and asks the source for nothing', async (t) => {
    const stage = await vault(t);
    const before = stage.hub.requests.length;
    const { exit, json } = await stage.ask<Report>(['rescan', '--all']);
    assert.equal(exit, 0);
    assert.deepEqual(json, { looked: 2, earlierFacts: 0, differing: [] });
    assert.equal(stage.hub.requests.length, before);
  });

  for (const [outcome, exit, now] of [
    ['hold', 2, 'held'],
    ['refuse', 1, 'refused'],
  ] as const) {
    it(`by a new rule that would ${outcome} names the revision, and the channel that stands there`, async (t) => {
      const stage = await vault(t);
      const found = await stage.ask<Report>(['rescan', '--all', '--policy', policy(stage, outcome)]);
      assert.equal(found.exit, exit);
      const [one, ...more] = found.json.differing;
      assert.deepEqual(more, []);
      assert.equal(one?.id.model, PICKLED);
      assert.deepEqual([one?.was, one?.now], ['admitted', now]);
      assert.deepEqual(
        one?.rules.map(({ rule }) => rule),
        ['no-pickles'],
      );
      assert.deepEqual(one?.channels, ['production']);
      assert.equal((await stage.here(['verify', PICKLED])).exit, 0, 'nothing was changed');
    });
  }

  it('names a file that was revoked elsewhere', async (t) => {
    const stage = await vault(t);
    await stage.here(['revoke', '--sha256', sha256(KNOWN), '--reason', 'bad']);
    const { json } = await stage.ask<Report>(['rescan', '--all']);
    assert.equal(json.looked, 1, 'what is revoked is not asked about');
  });

  it('of one model looks at that model alone', async (t) => {
    const stage = await vault(t);
    const { json } = await stage.ask<Report>(['rescan', PLAIN, '--policy', policy(stage, 'refuse')]);
    assert.deepEqual(json, { looked: 1, earlierFacts: 0, differing: [] });
  });

  it('refuses facts that were changed in the vault', async (t) => {
    const stage = await vault(t);
    const folder = path.join(stage.vault, 'registry/facts');
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    for (const { parentPath, name } of files) {
      const file = path.join(parentPath, name);
      writeFileSync(file, readFileSync(file, 'utf8').replace('"format":"pickle"', '"format":"text"'));
    }
    const { exit, stderr } = await stage.here(['rescan', '--all']);
    assert.equal(exit, 1);
    assert.match(stderr, /registry\/facts\/.*is gone or was changed/);
  });

  it('wants to be told what to look at', async (t) => {
    const stage = await vault(t);
    assert.equal((await stage.here(['rescan'])).exit, 64);
    assert.equal((await stage.here(['rescan', PLAIN, '--all'])).exit, 64);
  });
});
