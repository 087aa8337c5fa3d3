import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { FileMemory, ProcessMemory } from './memory.ts';

const root = (text: string) => Buffer.alloc(32, text);

describe('memory', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-memory-'));
  const file = path.join(folder, 'deep/seen.json');

  for (const [name, open] of [
    ['of a process', () => new ProcessMemory()],
    ['in a file', () => new FileMemory(file)],
  ] as const) {
    it(`${name} only moves forward, each part for itself`, () => {
      const memory = open();
      assert.deepEqual(memory.recall(), {});
      memory.remember({ state: { sequence: 5, digest: 'five' }, log: { size: 3, root: root('c') } });
      memory.remember({ state: { sequence: 4, digest: 'four' }, signed: { size: 4, root: root('d') } });
      memory.remember({ log: { size: 2, root: root('b') } });
      assert.deepEqual(memory.recall(), {
        state: { sequence: 5, digest: 'five' },
        log: { size: 3, root: root('c') },
        signed: { size: 4, root: root('d') },
      });
    });
  }

  it('in a file is there for the next process, and never silently forgotten where it is damaged', (t) => {
    t.after(() => rmSync(folder, { recursive: true }));
    assert.equal(new FileMemory(file).recall().state?.sequence, 5);
    for (const text of ['', '{"state":', '{"state":{"sequence":"5"}}']) {
      writeFileSync(file, text);
      assert.throws(() => new FileMemory(file).recall(), { code: 'WL_CONFIG_INVALID' }, text);
    }
  });
});
