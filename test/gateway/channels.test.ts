/** Channels: what `main` stands for, moved and rolled back by statements, and followed by a gateway that runs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { plainCommit } from '../story/models.ts';
import { ended, openStage, type Stage } from '../story/stage.ts';
import { type Serving, startServe, until } from './serving.ts';

const MODEL = 'org/model';
/** The bound that the gateway promises, and what a busy machine adds to asking. */
const FOLLOWS_MS = 5_000 + 2_000;

interface Place {
  readonly commit: string;
}

describe('the channels of a model', () => {
  let stage: Stage;
  let gateway: Serving;
  const commits: string[] = [];

  before(async () => {
    stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
    for (const next of ['two', 'three', undefined]) {
      const ran = await stage.here(['admit', MODEL]);
      assert.equal(ran.exit, 0, ran.stderr);
      commits.push(stage.hub.commitOf(MODEL));
      if (next) stage.hub.publish(MODEL, plainCommit(next));
    }
    gateway = await startServe(stage, ['--anonymous']);
  });
  after(async () => {
    await gateway?.stop();
    await stage?.[Symbol.asyncDispose]();
  });

  const main = async (revision = 'main') => {
    const answer = await fetch(`${gateway.endpoint}/api/models/${MODEL}/revision/${revision}`);
    return ((await answer.json()) as { sha?: string }).sha;
  };
  const follows = (commit: string | undefined, revision?: string) =>
    until(async () => (await main(revision)) === commit, {
      withinMs: FOLLOWS_MS,
      what: `the gateway serves ${commit} as ${revision ?? 'main'}`,
    });
  const set = (commit: string | undefined, ...more: string[]) =>
    stage.here(['channel', 'set', `${MODEL}@${commit}`, ...more]);
  const history = async () => {
    const { json } = await stage.ask<{ history: Place[] }>(['channel', 'history', MODEL]);
    return json.history.map(({ commit }) => commit);
  };

  it('begin with the first admission, and stay there when others are admitted', async () => {
    assert.equal(await main(), commits[0]);
    assert.deepEqual(await history(), [commits[0]]);
  });

  it('are moved by name, and the gateway follows within its bound', async () => {
    const moved = await set(commits[1], '--reason', 'two is better');
    assert.equal(moved.exit, 0, moved.stderr);
    assert.match(moved.stdout, /production of org\/model → [0-9a-f]{12}, before [0-9a-f]{12}, log entry 3/);
    await follows(commits[1]);
    assert.deepEqual(await history(), [commits[1], commits[0]]);
  });

  it('are branches under their own names', async () => {
    assert.equal((await set(commits[2], 'candidate')).exit, 0);
    await follows(commits[2], 'candidate');
    const refs = (await (await fetch(`${gateway.endpoint}/api/models/${MODEL}/refs`)).json()) as {
      branches: { name: string; targetCommit: string }[];
    };
    const branches = Object.fromEntries(refs.branches.map(({ name, targetCommit }) => [name, targetCommit]));
    assert.equal(branches.main, commits[1]);
    assert.equal(branches.candidate, commits[2]);
  });

  it('are rolled back to where they stood', async () => {
    const back = await stage.here(['channel', 'rollback', MODEL, '--reason', 'two was not better']);
    assert.equal(back.exit, 0, back.stderr);
    await follows(commits[0]);
    assert.deepEqual(await history(), [commits[0], commits[1], commits[0]]);
  });

  it('move only from where their mover saw them', async () => {
    const late = await set(commits[2], '--expect', commits[1] ?? '');
    assert.equal(late.exit, 77);
    assert.match(
      late.stderr,
      /the channel production of org\/model stands for [0-9a-f]{12} now: nothing was moved/,
    );
    assert.match(late.stderr, /WL_CHANNEL_MOVED/);
    const none = await set(commits[2], '--expect', 'none');
    assert.equal(none.exit, 77);
  });

  it('are moved by one of many who saw the same, and the others are told', async () => {
    const expect = (await history())[0] ?? '';
    const others = commits.filter((commit) => commit !== expect);
    const rivals = [...others, ...others].map((commit) =>
      ended(stage.start(['channel', 'set', `${MODEL}@${commit}`, '--expect', expect])),
    );
    const ran = await Promise.all(rivals);
    const won = ran.filter(({ exit }) => exit === 0);
    const lost = ran.filter(({ exit }) => exit === 77);
    assert.equal(won.length + lost.length, ran.length, ran.map(({ stderr }) => stderr).join('\n'));
    // Whoever comes second and wants what stands there already has what it wants, unless it looked before.
    assert.ok(won.length >= 1 && won.every(({ stdout }) => /moved|unchanged/.test(stdout)));
    assert.equal(won.filter(({ stdout }) => stdout.includes('moved')).length, 1);
    assert.ok(lost.every(({ stderr }) => stderr.includes('WL_CHANNEL_MOVED')));
    assert.equal((await stage.here(['verify'])).exit, 0);
  });

  for (const { what, args, exit, says } of [
    {
      what: 'a name that clients use',
      args: ['main'],
      exit: 64,
      says: /"main" cannot be the name of a channel/,
    },
    { what: 'a name like a commit', args: ['a'.repeat(40)], exit: 64, says: /cannot be the name/ },
    { what: 'capital letters', args: ['Production'], exit: 64, says: /lower-case/ },
  ])
    it(`are not called by ${what}`, async () => {
      const ran = await set(commits[0], ...args);
      assert.equal(ran.exit, exit);
      assert.match(ran.stderr, says);
    });

  it('may be called what every object seems to have', async () => {
    const ran = await set(commits[1], 'constructor');
    assert.equal(ran.exit, 0, ran.stderr);
    await follows(commits[1], 'constructor');
    const unknown = await stage.here(['channel', 'history', MODEL, 'valueof']);
    assert.match(unknown.stderr, /has no channel "valueof"/);
    assert.match((await stage.here(['show', 'constructor'])).stderr, /constructor is not on record/);
  });

  it('stand for nothing that is not published', async () => {
    const unknown = await set('0'.repeat(40));
    assert.match(unknown.stderr, /is not on record/);
    const nobody = await stage.here(['channel', 'rollback', 'org/nobody']);
    assert.match(nobody.stderr, /org\/nobody is not on record/);
  });
});
