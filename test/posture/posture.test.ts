/** The posture of buckets in an account: sound as `vault init` makes them, and each with one weakness. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CheckId } from '../../src/posture/checks/check.ts';
import { failedChecks, fixBucket } from '../../src/posture/fix/fix.ts';
import { bucketPosture, isSound, type PostureRow } from '../../src/posture/posture.ts';
import { MOTO, type Moto, startMoto } from './moto.ts';
import { type Account, clientsOf, soundBucket, surroundingsOf, WEAKNESSES } from './weaknesses.ts';

const named = (rows: readonly PostureRow[], status: PostureRow['status']): CheckId[] =>
  rows.filter((row) => row.status === status).map(({ id }) => id);
const inWords = (rows: readonly PostureRow[]) =>
  rows
    .filter(({ status }) => status !== 'passed')
    .map(({ id, status, found }) => `${id} ${status}: ${found}`)
    .join('\n');

describe('weighlock posture on AWS’s control plane', { skip: MOTO.skip }, () => {
  let moto: Moto;
  let account: Account;
  before(async () => {
    moto = await startMoto();
    account = clientsOf(moto);
  });
  after(() => moto.close());

  it('passes a bucket from vault init in everything', async () => {
    await soundBucket(account, 'sound-models');
    const rows = await bucketPosture(surroundingsOf(account, 'sound-models'));
    assert.deepEqual(
      named(rows, 'passed'),
      rows.map(({ id }) => id),
      inWords(rows),
    );
    assert.ok(isSound(rows));
  });

  for (const [i, [title, { weaken, failed, heals }]] of Object.entries(WEAKNESSES).entries()) {
    it(`finds ${title}, and nothing else${heals ? ', and heals it' : ''}`, async () => {
      const bucket = `weak-models-${i}`;
      const around = surroundingsOf(account, bucket);
      await soundBucket(account, bucket);
      await weaken(account, bucket);
      const rows = await bucketPosture(around);
      assert.deepEqual(named(rows, 'failed'), failed, inWords(rows));
      assert.deepEqual(named(rows, 'unknown'), [], inWords(rows));
      const planned = await fixBucket(around, failedChecks(rows), 'dry run');
      assert.deepEqual(named(await bucketPosture(around), 'failed'), failed, 'a dry run changes nothing');
      assert.equal(planned.length > 0, heals);
      if (!heals) return;
      const steps = await fixBucket(around, failedChecks(rows), 'apply');
      const healed = await bucketPosture(around);
      assert.deepEqual(named(healed, 'failed'), [], `${inWords(healed)}\n${JSON.stringify(steps, null, 1)}`);
      assert.ok(isSound(healed));
    });
  }
});
