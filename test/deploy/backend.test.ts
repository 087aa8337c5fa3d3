/** A server process of this machine, as far as its start: what a deployment does with it is in local.test.ts. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Backend } from '../../src/deploy/local/backend.ts';

const SQUATTED = path.join(import.meta.dirname, 'squatted-server.ts');

describe('a server on this machine', () => {
  it('has not come up where it ended, whoever else answers at its port', async () => {
    const words = [process.execPath, '--disable-warning=ExperimentalWarning', SQUATTED, '{port}'];
    const starting = Backend.start({
      command: { words, healthPath: '/health' },
      filling: { folder: import.meta.dirname, file: '', name: 'x', context: 0, parallel: 0 },
      environment: { PATH: process.env.PATH ?? '' },
      startMs: 30_000,
      signal: AbortSignal.timeout(60_000),
    });
    await assert.rejects(starting, {
      code: 'WL_DEPLOY_FAILED',
      message: /it ended while it was starting: cannot listen: the address is in use/,
    });
  });
});
