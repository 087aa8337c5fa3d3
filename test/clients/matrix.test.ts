/**
 * The client matrix: real clients, at the versions that people run, read real models through the gateway, from a
 * directory and from a bucket. Prints the table; a cell that is neither exact nor the client's own doing fails.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { StandInFile } from '../../src/hub-stand-in/model.ts';
import { type S3Server, startMinio, startVersitygw } from '../s3/server.ts';
import { peer } from '../story/stage.ts';
import { type ExpectedFile, expectedFiles } from './expected.ts';
import { type Cell, runMatrix } from './matrix.ts';
import { filesOf, REAL_MODELS, type RealModel } from './real-models.ts';
import { openServedVault, type ServedVault } from './served-vault.ts';
import { tableOf } from './table.ts';

interface Vault {
  readonly name: string;
  readonly skip: string | false;
  readonly startServer?: () => Promise<S3Server>;
}

const VAULTS: readonly Vault[] = [
  { name: 'directory', skip: false },
  { name: 'versitygw', skip: peer('bin/versitygw', 's3').skip, startServer: startVersitygw },
  { name: 'minio', skip: peer('bin/minio', 's3').skip, startServer: startMinio },
];

interface Prepared extends RealModel {
  readonly files: readonly StandInFile[];
  readonly expected: ReadonlyMap<string, ExpectedFile>;
}

const cells: Cell[] = [];
const scratch = await mkdtemp(path.join(os.tmpdir(), 'weighlock-hard-files-'));
const models: Prepared[] = [];
for (const model of REAL_MODELS) {
  if (model.skip) continue;
  const files = await filesOf(model, scratch);
  models.push({ ...model, files, expected: await expectedFiles(files) });
}
after(async () => {
  await rm(scratch, { recursive: true });
  process.stdout.write(`\n${tableOf(cells)}\n`);
});

for (const vault of VAULTS) {
  const skip =
    vault.skip || (models.length < REAL_MODELS.length && 'needs both models: scripts/peers.sh models');
  describe(`Clients that read from ${vault.name} through the gateway`, { skip }, () => readThrough(vault));
}

function readThrough({ name, startServer }: Vault): void {
  let server: S3Server | undefined;
  let served: ServedVault;
  before(async () => {
    server = await startServer?.();
    served = await openServedVault(
      models.map(({ id, files }) => ({ id, commits: [{ files }] })),
      server,
    );
  });
  after(async () => {
    await served?.[Symbol.asyncDispose]();
    await server?.close();
  });

  for (const { kind, id, folder, expected } of models) {
    test(`get the ${kind} model exactly`, async () => {
      const { endpoint, token } = served;
      const model = { id, commit: served.commitOf(id), files: expected, folder };
      const found = await runMatrix({ endpoint, token, vault: name, kind, model });
      cells.push(...found);
      const wrong = found.filter(({ result }) => result === 'wrong');
      assert.deepEqual(
        wrong.map(({ client, operation, detail }) => `${client}, ${operation}: ${detail}`),
        [],
      );
    });
  }

  if (startServer) {
    test('are sent to the bucket only with requests that AWS takes', () => {
      assert.ok((served.data?.served() ?? 0) > 0, 'nobody read from the bucket');
      // It brings its token along where only the port changes; the matrix explains it.
      const faulty = served.data?.faulty().filter((request) => !request.includes('hf-hub/0.4'));
      assert.deepEqual(faulty, []);
    });
  }
}
