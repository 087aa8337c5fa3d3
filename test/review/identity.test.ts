/** Who a model comes from: what the default policy says when a name, an owner or an author is another one than before. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Fault } from '../../src/hub-stand-in/fault.ts';
import type { Organisation, StandInCommit } from '../../src/hub-stand-in/model.ts';
import { plainCommit, textFile } from '../story/models.ts';
import { openStage, type Ran, type Stage } from '../story/stage.ts';

const MODEL = 'org/model';

const CODE = 'import torch\n\n\ndef forward(x):\n    return torch.relu(x)\n';

interface Hub {
  readonly stage: Stage;
  readonly organisations: Organisation[];
  publish(commit: StandInCommit): string;
  admit(...more: readonly string[]): Promise<Ran>;
}

/** A model that was admitted once, from an organisation whose ids are known. */
async function known(t: TestContext): Promise<Hub> {
  const organisations: Organisation[] = [{ name: 'org', verified: true, id: 'owner-1' }];
  const stage = await openStage({
    models: [
      { id: MODEL, commits: [{ ...plainCommit('one'), author: 'ada' }] },
      { id: 'other/model', commits: [plainCommit('one')] },
    ],
    organisations,
  });
  t.after(() => stage[Symbol.asyncDispose]());
  const admit = (...more: readonly string[]) => stage.here(['admit', MODEL, ...more]);
  const first = await admit();
  assert.equal(first.exit, 0, first.stdout + first.stderr);
  return { stage, organisations, publish: (commit) => stage.hub.publish(MODEL, commit), admit };
}

describe('a model that was admitted before', () => {
  it('is admitted again from the same owner and author without a word', async (t) => {
    const hub = await known(t);
    hub.publish({ ...plainCommit('two'), author: 'ada' });
    assert.equal((await hub.admit()).exit, 0);
  });

  it('whose name was registered again by a stranger is refused, and nothing is brought in', async (t) => {
    const hub = await known(t);
    hub.publish({ ...plainCommit('two'), author: 'eve' });
    const stranger: Fault = {
      at: 'model',
      kind: 'json',
      change: (value) => ({ ...(value as object), _id: 'f'.repeat(24) }),
    };
    hub.stage.hub.faults.replace([stranger]);
    const ran = await hub.admit();
    assert.equal(ran.exit, 1, ran.stdout + ran.stderr);
    assert.match(ran.stderr, /was first admitted from the repo with the id \w+, and now comes from f{24}/);
    assert.equal(hub.stage.hub.requests.filter(({ server }) => server === 'cdn').length, 2);
  });

  it('that was transferred to another owner is held, with the reason', async (t) => {
    const hub = await known(t);
    hub.publish({ ...plainCommit('two'), author: 'ada' });
    hub.organisations[0] = { name: 'org', verified: true, id: 'owner-2' };
    const ran = await hub.admit();
    assert.equal(ran.exit, 2, ran.stdout);
    assert.match(
      ran.stdout,
      /rule new-owner: the repo belongs to somebody else than when the model was first admitted/,
    );
  });

  it('that is called otherwise now is refused under its old name', async (t) => {
    const hub = await known(t);
    hub.stage.hub.faults.replace([
      { at: 'model', kind: 'redirect', location: '/api/models/other/model', times: 1 },
    ]);
    const ran = await hub.admit();
    assert.notEqual(ran.exit, 0);
    assert.match(ran.stderr, /org\/model is now called other\/model at its source/);
  });

  it('that is gone upstream says so, and stays in the vault', async (t) => {
    const hub = await known(t);
    hub.stage.hub.faults.replace([
      { at: 'model', kind: 'status', status: 404, headers: { 'X-Error-Code': 'RepoNotFound' } },
    ]);
    const ran = await hub.admit();
    assert.equal(ran.exit, 69, ran.stderr);
    assert.equal((await hub.stage.here(['verify', MODEL])).exit, 0);
  });

  it('into whose account somebody got, who brings code, is held for both', async (t) => {
    const hub = await known(t);
    const config = textFile('config.json', JSON.stringify({ auto_map: { AutoModel: 'modeling_x.Net' } }));
    const files = plainCommit('two').files.filter(({ path }) => path !== 'config.json');
    hub.publish({ files: [...files, config, textFile('modeling_x.py', CODE)], author: 'eve' });
    const ran = await hub.admit();
    assert.equal(ran.exit, 2, ran.stdout);
    assert.match(
      ran.stdout,
      /rule take-over: somebody who made no commit that was admitted before brings new Python/,
    );
    assert.match(ran.stdout, /rule remote-code/);
  });

  for (const [what, authors] of [
    ['a harmless commit of the owner on top', ['eve', 'ada']],
    ['the owner named beside him', [['ada', 'eve'], 'ada']],
  ] as const)
    it(`into whose account somebody got is held also with ${what}`, async (t) => {
      const hub = await known(t);
      const files = [...plainCommit('two').files, textFile('train.py', CODE)];
      for (const author of authors) hub.publish({ files: [...files, textFile('NOTE', `${author}`)], author });
      const ran = await hub.admit();
      assert.equal(ran.exit, 2, ran.stdout);
      assert.match(ran.stdout, /rule take-over: somebody who made no commit that was admitted before/);
    });

  it('is held to its first identity also where that revision was removed', async (t) => {
    const hub = await known(t);
    const policies = { any: policyFile(hub, 'repo.sizeBytes < 0'), none: policyFile(hub, 'true') };
    const [first] = (await hub.stage.ask<{ commit: string }[]>(['channel', 'list'])).json;
    const done = async (args: readonly string[], exit = 0) => {
      const ran = await hub.stage.here(args);
      assert.equal(ran.exit, exit, ran.stdout + ran.stderr);
    };
    hub.organisations[0] = { name: 'org', verified: true, id: 'owner-2' };
    const next = hub.publish({ ...plainCommit('two'), author: 'ada' });
    await done(['admit', MODEL, '--policy', policies.any]);
    await done(['channel', 'set', `${MODEL}@${next}`]);
    await done(['remove', `${MODEL}@${first?.commit}`, '--reason', 'not used']);
    await done(['admit', `${MODEL}@${first?.commit}`, '--policy', policies.none], 1);
    hub.publish({ ...plainCommit('three'), author: 'ada' });
    const ran = await hub.admit();
    assert.equal(ran.exit, 2, ran.stdout);
    assert.match(ran.stdout, /rule new-owner/);
  });

  it('with a new author and no code of his is admitted', async (t) => {
    const hub = await known(t);
    hub.publish({ ...plainCommit('two'), author: 'bob' });
    assert.equal((await hub.admit()).exit, 0);
  });

  it('with code by somebody whom the Hub does not name is held: not known is not harmless', async (t) => {
    const hub = await known(t);
    hub.publish({ files: [...plainCommit('two').files, textFile('train.py', CODE)], author: '' });
    const ran = await hub.admit();
    assert.equal(ran.exit, 2, ran.stdout);
    assert.match(ran.stdout, /rule take-over: .*cannot be answered: the fact "newAuthor" is not known/);
  });
});

/** A policy that refuses where the expression holds. */
function policyFile(hub: Hub, expression: string): string {
  const file = path.join(hub.stage.folder, `${expression.length}.yaml`);
  writeFileSync(file, `version: 1\nrules: [{ name: one, refuse: '${expression}', because: of a test }]\n`);
  return file;
}
