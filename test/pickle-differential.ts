/**
 * The symbolic machine against CPython's C unpickler, over pickles that are generated and mutated: what the unpickler
 * resolves, calls, makes, builds and fills must be among the facts, or the facts must say that they are not complete; and
 * nothing is called clean in which it resolved a name that the allowlist does not permit.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PickleFacts, PickleGlobal } from '../src/formats/pickle/facts.ts';
import { parsePickle } from '../src/formats/pickle/parse.ts';
import { allowedTier } from '../src/scan/pickle-allowed.ts';
import { scanFile } from '../src/scan/scan.ts';
import { drive } from './pickles.ts';

const RECORDER = fileURLToPath(new URL('pickle-recorder.py', import.meta.url));

/** What CPython did to something imported: see the recorder. */
type Operation = 'call' | 'new' | 'build' | 'fill' | 'call-result';

interface Recorded {
  readonly data: Buffer;
  readonly names: readonly (readonly [module: string, name: string])[];
  readonly operations: readonly (readonly [module: string, name: string, operation: Operation])[];
  readonly loaded: boolean;
}

export interface Compared {
  pickles: number;
  /** Read completely by the machine. */
  complete: number;
  /** Loaded by CPython to their end. */
  loaded: number;
  clean: number;
  /** Globals that CPython resolved. */
  names: number;
  operations: number;
  /** Names that the machine missed, and said so. */
  admitted: number;
}

/** Compares `count` pickles of this seed. Throws an AssertionError with the pickle where the two disagree. */
export function compare(seed: number, count: number, python = 'python3'): Compared {
  const seen = { pickles: 0, complete: 0, loaded: 0, clean: 0, names: 0, operations: 0, admitted: 0 };
  for (const recorded of record(seed, count, python)) compareOne(recorded, seen);
  return seen;
}

function* record(seed: number, count: number, python: string): Generator<Recorded> {
  const { stdout, stderr } = spawnSync(python, [RECORDER, String(seed), String(count)], {
    maxBuffer: 1 << 30,
  });
  assert.ok(stdout.length > 0, `the recorder wrote nothing: ${stderr}`);
  for (let at = 0; at < stdout.length; ) {
    const dataEnd = at + 4 + stdout.readUInt32LE(at);
    const lineEnd = dataEnd + 4 + stdout.readUInt32LE(dataEnd);
    const line = JSON.parse(stdout.toString('utf8', dataEnd + 4, lineEnd)) as Omit<Recorded, 'data'>;
    yield { data: stdout.subarray(at + 4, dataEnd), ...line };
    at = lineEnd;
  }
}

/** Reasons for which the machine itself says that a name may be missing: it cannot know it, or a limit ended the reading. */
const ADMITS_MISSING = new Set([
  'computed-name',
  'bad-memo-key',
  'bad-name',
  'frame-crossed',
  'memo-key-too-large',
]);

function compareOne({ data, names, operations, loaded }: Recorded, seen: Compared): void {
  const facts = drive(data, parsePickle({ sizeBytes: data.length }));
  const complete = facts.gaps.length === 0;
  const ours = namesOf(facts);
  const missing = names.filter(([module, name]) => !ours.has(`${module}\n${name}`));
  const about = () => `${data.toString('base64')} → ${JSON.stringify({ missing, facts })}`;
  if (complete) {
    assert.deepEqual(missing, [], about());
    for (const operation of operations)
      assert.ok(hasOperation(facts, operation), `${operation} in ${about()}`);
  }
  if (missing.length > 0) {
    assert.ok(
      facts.problems.some(({ code }) => ADMITS_MISSING.has(code)),
      about(),
    );
    seen.admitted += 1;
  }
  const clean = scanFile({ path: 'a', facts }).verdict === 'clean';
  if (clean) for (const [module, name] of names) assert.ok(isPermitted(facts, module, name), about());
  seen.pickles += 1;
  seen.complete += complete ? 1 : 0;
  seen.loaded += loaded ? 1 : 0;
  seen.clean += clean ? 1 : 0;
  seen.names += names.length;
  seen.operations += operations.length;
}

function namesOf(facts: PickleFacts): Set<string> {
  return new Set(
    facts.globals.map(
      ({ module, name, written }) => `${written?.module ?? module}\n${written?.name ?? name}`,
    ),
  );
}

/** Operations of ours that are that of CPython; OBJ and INST call or make, by their arguments. */
const SAME: Readonly<Record<Operation, (global: PickleGlobal) => boolean>> = {
  call: ({ operation, on }) => on === 'itself' && ['reduce', 'obj', 'inst', 'newobj'].includes(operation),
  new: ({ operation, on }) => on === 'itself' && ['newobj', 'obj', 'inst'].includes(operation),
  build: ({ operation }) => operation === 'build',
  fill: ({ operation }) => ['append', 'setitem', 'additems'].includes(operation),
  'call-result': ({ operation, on }) => on === 'result' && ['reduce', 'obj', 'newobj'].includes(operation),
};

function hasOperation(
  facts: PickleFacts,
  [module, name, operation]: Recorded['operations'][number],
): boolean {
  return facts.globals.some(
    (global) =>
      (global.written?.module ?? global.module) === module &&
      (global.written?.name ?? global.name) === name &&
      SAME[operation](global),
  );
}

/** The name is among the facts, and everything that the facts say is done with it is permitted. */
function isPermitted(facts: PickleFacts, module: string, name: string): boolean {
  const about = facts.globals.filter(
    (global) =>
      (global.written?.module ?? global.module) === module && (global.written?.name ?? global.name) === name,
  );
  return about.length > 0 && about.every((global) => allowedTier(global) !== undefined);
}
