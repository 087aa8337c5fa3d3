/**
 * The machine against CPython: what the C unpickler resolves must be among the facts, or the facts must say that
 * they are not complete. For long runs by hand `WEIGHLOCK_PICKLES` sets how many
 * pickles are compared, `WEIGHLOCK_SEED` which, `WEIGHLOCK_PYTHON` by which interpreter.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { drive } from '../../../test/pickles.ts';
import type { PickleFacts } from './facts.ts';
import { parsePickle } from './parse.ts';

const RECORDER = fileURLToPath(new URL('../../../test/pickle-recorder.py', import.meta.url));
const PYTHON = process.env.WEIGHLOCK_PYTHON ?? 'python3';
const COUNT = Number(process.env.WEIGHLOCK_PICKLES ?? 4000);
const SEED = Number(process.env.WEIGHLOCK_SEED ?? 1);

interface Recorded {
  readonly data: Buffer;
  readonly names: readonly (readonly [module: string, name: string])[];
  readonly loaded: boolean;
}

function* recorded(): Generator<Recorded> {
  const { stdout, stderr } = spawnSync(PYTHON, [RECORDER, String(SEED), String(COUNT)], {
    maxBuffer: 1 << 30,
  });
  assert.ok(stdout.length > 0, `the recorder wrote nothing: ${stderr}`);
  for (let at = 0; at < stdout.length; ) {
    const dataEnd = at + 4 + stdout.readUInt32LE(at);
    const lineEnd = dataEnd + 4 + stdout.readUInt32LE(dataEnd);
    const line = JSON.parse(stdout.toString('utf8', dataEnd + 4, lineEnd)) as Pick<
      Recorded,
      'names' | 'loaded'
    >;
    yield { data: stdout.subarray(at + 4, dataEnd), ...line };
    at = lineEnd;
  }
}

function namesOf(facts: PickleFacts): Set<string> {
  return new Set(
    facts.globals.map(
      ({ module, name, written }) => `${written?.module ?? module}\n${written?.name ?? name}`,
    ),
  );
}

/** Reasons for which the machine itself says that a name may be missing. */
const ADMITS_MISSING = new Set(['computed-name', 'bad-memo-key', 'bad-name', 'frame-crossed']);

test(`CPython resolves no global that complete facts miss, over ${COUNT} pickles`, () => {
  const seen = { complete: 0, loaded: 0, names: 0, admitted: 0 };
  for (const { data, names, loaded } of recorded()) {
    const facts = drive(data, parsePickle({ sizeBytes: data.length }));
    const ours = namesOf(facts);
    const missing = names.filter(([module, name]) => !ours.has(`${module}\n${name}`));
    const about = () => `${data.toString('base64')} → ${JSON.stringify({ missing, facts })}`;
    if (facts.gaps.length === 0) assert.deepEqual(missing, [], about());
    if (missing.length > 0) {
      assert.ok(
        facts.problems.some(({ code }) => ADMITS_MISSING.has(code)),
        about(),
      );
      seen.admitted++;
    }
    seen.complete += facts.gaps.length === 0 ? 1 : 0;
    seen.loaded += loaded ? 1 : 0;
    seen.names += names.length;
  }
  // The comparison means something only while much of it is well-formed and full of names.
  assert.ok(
    seen.complete > COUNT / 20 && seen.loaded > COUNT / 20 && seen.names > COUNT / 4,
    JSON.stringify(seen),
  );
  assert.ok(seen.admitted < COUNT / 20, JSON.stringify(seen));
});
