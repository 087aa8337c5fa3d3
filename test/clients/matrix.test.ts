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
import { type Cell, CLIENTS, runMatrix } from './matrix.ts';
import { filesOf, REAL_MODELS, type RealModel } from './real-models.ts';
import { openServedVault, type ServedVault } from './served-vault.ts';
import { tableOf } from './table.ts';

interface Vault {
  readonly name: string;
  readonly skip: string | false;
  readonly startServer?: () => Promise<S3Server>;
  /** How bytes get to clients, where the vault is a bucket. */
  readonly bytes: 'by redirect' | 'through the gateway';
  /** Both models to every client, or the smaller one to one client of each family. */
  readonly run: 'all' | 'one of each family';
}

const versitygw = { skip: peer('bin/versitygw', 's3').skip, startServer: startVersitygw };
const minio = { skip: peer('bin/minio', 's3').skip, startServer: startMinio };

const VAULTS: readonly Vault[] = [
  { name: 'directory', skip: false, bytes: 'through the gateway', run: 'all' },
  { name: 'versitygw', ...versitygw, bytes: 'by redirect', run: 'all' },
  { name: 'minio', ...minio, bytes: 'by redirect', run: 'one of each family' },
  { name: 'versitygw --proxy-data', ...versitygw, bytes: 'through the gateway', run: 'one of each family' },
];

const ONE_OF_EACH_FAMILY = /^(?:huggingface_hub 2\.4\.0 with|transformers|npm|hf-hub)/;

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

// What is not installed is `missing` in the table, and named among what was skipped.
for (const { name, skip } of CLIENTS) if (skip) test(`${name} reads`, { skip });

for (const vault of VAULTS) {
  const skip =
    vault.skip || (models.length < REAL_MODELS.length && 'needs both models: scripts/peers.sh models');
  describe(`Clients that read from ${vault.name} through the gateway`, { skip }, () => readThrough(vault));
}

function readThrough({ name, startServer, bytes, run }: Vault): void {
  const brought = run === 'all' ? models : models.slice(0, 1);
  const clients = run === 'all' ? CLIENTS : CLIENTS.filter((client) => ONE_OF_EACH_FAMILY.test(client.name));
  let server: S3Server | undefined;
  let served: ServedVault;
  before(async () => {
    server = await startServer?.();
    const declared = brought.map(({ id, files }) => ({ id, commits: [{ files }] }));
    const serve = startServer && bytes === 'through the gateway' ? ['--proxy-data'] : [];
    served = await openServedVault({ models: declared, server, serve });
  });
  after(async () => {
    await served?.[Symbol.asyncDispose]();
    await server?.close();
  });

  for (const { kind, id, folder, expected } of brought) {
    test(`get the ${kind} model exactly`, async () => {
      const { endpoint, token } = served;
      const model = { id, commit: served.commitOf(id), files: expected, folder };
      const found = await runMatrix({ endpoint, token, vault: name, kind, model, clients });
      cells.push(...found);
      const wrong = found.filter(({ result }) => result === 'wrong');
      assert.deepEqual(
        wrong.map(({ client, operation, detail }) => `${client}, ${operation}: ${detail}`),
        [],
      );
    });
  }

  test('are failed at nothing by the gateway, not even where they ask again', () => {
    assert.deepEqual(served.failed(), []);
  });

  if (startServer) {
    test(`reach the bucket ${bytes === 'by redirect' ? 'only with requests that AWS takes' : 'never'}`, () => {
      const { data } = served;
      assert.ok(data);
      assert.equal(data.served() > 0, bytes === 'by redirect');
      // It brings its token along where only the port changes; the matrix explains it.
      const faulty = data.faulty().filter((request) => !request.includes('hf-hub/0.4'));
      assert.deepEqual(faulty, []);
    });
  }
}
