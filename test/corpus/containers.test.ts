/** Containers of the real libraries, and of attackers: the first word of a file's name is the verdict that is right. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseBuffer } from '../../src/formats/drive.ts';
import { scanFile } from '../../src/scan/scan.ts';

const HERE = join(dirname(fileURLToPath(import.meta.url)), 'containers');
const FILES = readdirSync(HERE).filter((name) => /^(?:clean|blocked|inconclusive)-/.test(name));

describe('containers', () => {
  it('are there, of every kind', () => {
    assert.ok(FILES.length >= 60, `${FILES.length} files`);
  });

  for (const name of FILES)
    it(name, () => {
      const { verdict, findings } = scanFile({
        path: name,
        facts: parseBuffer(readFileSync(join(HERE, name))),
      });
      assert.equal(verdict, name.slice(0, name.indexOf('-')), JSON.stringify(findings));
    });
});
