import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../base/errors.ts';
import { commitOf, type SampleModel, startSample } from './samples.ts';

const FILE = '/acme/tiny/resolve/main/config.json';
const MODELS: readonly SampleModel[] = [
  { name: 'acme/tiny', revisions: [{ commit: commitOf('one'), files: { 'config.json': '{}' } }] },
];

/** Whatever can be wrong with a state. */
const UNBELIEVABLE: readonly (readonly [string, Error])[] = [
  ['past its time', new WeighlockError('WL_STATE_EXPIRED', 'old')],
  ['of a damaged vault', new WeighlockError('WL_VAULT_CORRUPT', 'no signature')],
  ['of a damaged log', new WeighlockError('WL_LOG_CORRUPT', 'no proof')],
  ['that nobody understands', new Error('what is this')],
];

describe('a state that cannot be believed', () => {
  for (const [what, error] of UNBELIEVABLE) {
    it(`${what} is 503 where the token is looked for in it`, async () => {
      const readers = {
        identify: () => {
          throw error;
        },
      };
      await using sample = await startSample(MODELS, { readers });
      for (const token of ['alice', null]) {
        const { status, headers } = await sample.ask(FILE, { token });
        assert.deepEqual([status, headers['retry-after']], [503, '5']);
      }
    });

    it(`${what} is 503 where it comes to that while a file is opened`, async () => {
      await using sample = await startSample(MODELS);
      sample.data.instead = async () => {
        sample.catalog.unbelievable = error;
        throw error;
      };
      const { status, headers } = await sample.ask(FILE);
      assert.deepEqual([status, headers['retry-after']], [503, '5']);
    });
  }

  it('is not to blame for a file that is damaged while it is believed', async () => {
    await using sample = await startSample(MODELS);
    sample.data.instead = async () => {
      throw new WeighlockError('WL_VAULT_CORRUPT', 'another file');
    };
    assert.equal((await sample.ask(FILE)).status, 502);
  });
});
