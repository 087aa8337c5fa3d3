/**
 * A cold file: one that a gateway over a directory still hashes while a client waits for its bytes, longer than the
 * client waits at a time. Shown with every huggingface_hub, and with what they would do if they were told 503 instead.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { WeighlockError } from '../../src/base/errors.ts';
import { parseModelName } from '../../src/base/name.ts';
import type { DataDoor } from '../../src/gateway/data.ts';
import { DirectoryData } from '../../src/gateway/directory-data.ts';
import { commitOf, type SampleGateway, startSample } from '../../src/gateway/samples.ts';
import { DirectoryVault } from '../../src/vault/directory.ts';
import { revisionPrefix } from '../../src/vault/layout.ts';
import { peer } from '../story/stage.ts';

const run = promisify(execFile);
const MODEL = 'org/model';
const COMMIT = commitOf('one');
const FILE = 'a.safetensors';
const BYTES = Buffer.alloc(3_000_000, 'weights ');
/** How often a client is left without an answer before the file is hashed. */
const SILENCES = 2;
/** In place of the ten seconds that clients wait by default. */
const CLIENT_TIMEOUT_SECONDS = 1;

/** Versions, and whether one call goes on after a first answer of 503. */
const CLIENTS = [
  { name: 'hub-0.30', outlives503: false },
  { name: 'hub-0.36', outlives503: true },
  { name: 'hub-1.29', outlives503: false },
  { name: 'hub-2.4', outlives503: false },
];

/** Where `hf_hub_download` put the file; undefined where it failed. */
async function download(python: string, endpoint: string, home: string): Promise<string | undefined> {
  const code = `from huggingface_hub import hf_hub_download; print(hf_hub_download("${MODEL}", "${FILE}"))`;
  const env = {
    PATH: process.env.PATH,
    HF_ENDPOINT: endpoint,
    HF_HOME: home,
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_DOWNLOAD_TIMEOUT: String(CLIENT_TIMEOUT_SECONDS),
  };
  return run(python, ['-c', code], { env }).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

const isGet = ({ route, method }: Record<string, unknown>) => route === 'resolve' && method === 'GET';

describe('a file that is not hashed yet', () => {
  let root: string;
  before(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'weighlock-cold-'));
    const folder = path.join(root, revisionPrefix({ model: parseModelName(MODEL), commit: COMMIT }));
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, FILE), BYTES);
  });
  after(() => rmSync(root, { recursive: true }));

  const serve = async (data: DataDoor): Promise<SampleGateway> => {
    const sample = await startSample(
      [{ name: MODEL, revisions: [{ commit: COMMIT, files: { [FILE]: BYTES } }] }],
      { data },
    );
    sample.readers.anonymous = 'reads';
    return sample;
  };

  for (const { name, outlives503 } of CLIENTS) {
    const { path: python, skip } = peer(`${name}/bin/python`, 'hub-clients');
    const homeOf = (what: string) => path.join(root, `${name} ${what}`);

    it(`comes to ${name}, which asks again until it is`, { skip }, async () => {
      const hashed = Promise.withResolvers<void>();
      let hashes = 0;
      const hash = async (handle: FileHandle) => {
        hashes += 1;
        await hashed.promise;
        const { buffer } = await handle.read(Buffer.alloc(BYTES.length), 0, BYTES.length, 0);
        return createHash('sha256').update(buffer).digest('hex');
      };
      const data = new DirectoryData(new DirectoryVault(root), { hash, headWithinMs: 100 });
      await using sample = await serve(data);
      const downloaded = download(python, sample.gateway.url, homeOf('waits'));
      const asked = sample.logged(() => sample.lines.filter(isGet).length >= SILENCES);
      const early = await Promise.race([asked, downloaded]);
      assert.equal(typeof early, 'object', 'it did not give up before');
      hashed.resolve();
      const file = await downloaded;
      assert.ok(file && readFileSync(file).equals(BYTES));
      assert.equal(hashes, 1, 'whoever came again met the same check');
      const gets = sample.lines.filter(isGet);
      assert.deepEqual(
        gets.map(({ status, bytes, cut }) => [status, bytes, cut]),
        gets.map((_, at) => (at < gets.length - 1 ? [200, 0, true] : [200, BYTES.length, undefined])),
      );
    });

    const ends = outlives503 ? 'would outlive' : 'would give up at';
    it(`${name} ${ends} an answer of 503`, { skip }, async () => {
      const door: DataDoor = new DirectoryData(new DirectoryVault(root));
      let refused = 0;
      const data: DataDoor = {
        open: async (...asked) => {
          refused += 1;
          if (refused > 1) return door.open(...asked);
          throw new WeighlockError('WL_VAULT_UNAVAILABLE', 'the file is being checked');
        },
        firstByte: (...asked) => door.firstByte(...asked),
        read: (...asked) => door.read(...asked),
        close: () => door.close(),
      };
      await using sample = await serve(data);
      const file = await download(python, sample.gateway.url, homeOf('is refused'));
      assert.equal(file !== undefined, outlives503);
      assert.equal(sample.lines.find(isGet)?.status, 503);
    });
  }
});
