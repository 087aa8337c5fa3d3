/** Whoever runs by what the vault says is told of every change of it, also after a look that failed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Follower } from '../../src/cli/follower.ts';
import { Wire } from '../../src/cli/wire.ts';
import { plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

const MODEL = 'org/model';

describe('following a vault', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage({ models: [plainModel(MODEL)] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
  });
  after(() => stage?.[Symbol.asyncDispose]());

  it('goes on after a look that throws, and says what it threw', { timeout: 60_000 }, async () => {
    const terminal = { colour: false, live: false, columns: 80, out: () => undefined, err: () => undefined };
    const wire = new Wire({ directory: stage.folder, environment: stage.environment, terminal }, {});
    const failed = Promise.withResolvers<unknown>();
    const again = Promise.withResolvers<void>();
    let looks = 0;
    const look = async () => {
      looks += 1;
      if (looks === 1) throw new TypeError('of no shape that is known');
      again.resolve();
    };
    const follower = await Follower.start(wire, await wire.gate(), { look, fail: failed.resolve });
    try {
      assert.match(String(await failed.promise), /of no shape that is known/);
      const named = `${MODEL}@${stage.hub.commitOf(MODEL, 'main')}`;
      const revoked = await stage.here(['revoke', named, '--reason', 'a weakness']);
      assert.equal(revoked.exit, 0, revoked.stderr);
      await again.promise;
    } finally {
      await follower.close();
    }
  });
});
