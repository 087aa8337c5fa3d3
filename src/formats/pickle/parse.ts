/**
 * Parsing pickles: streams one after another, and PyTorch's older format, which is five pickles and raw storages.
 */
import type { Parse } from '../parse.ts';
import { isTar, TAR_HEADER_BYTES } from '../tar/recognise.ts';
import { passArray } from './array.ts';
import { NESTING_MAX, type PickleFacts, STREAMS_MAX, type StorageReference } from './facts.ts';
import { type Budget, Ledger, newBudget } from './ledger.ts';
import { readLegacyStorages } from './legacy.ts';
import { Machine } from './machine.ts';
import { Broken } from './stack.ts';
import { TORCH_LEGACY_MAGIC } from './value.ts';
import { Window } from './window.ts';

export interface PickleInput {
  readonly sizeBytes: number;
  /** Where the input starts in the coordinates of the reads; facts count from there. */
  readonly offset?: number;
  /** What persistent ids are: storages of PyTorch (the usual), or the plain numbers of its tar format. */
  readonly ids?: 'numbers';
}

/** A pickle's facts, with the storages it refers to for whoever accounts for them. */
export interface PickleWithStorages {
  readonly facts: PickleFacts;
  readonly storages: readonly StorageReference[];
}

/**
 * The facts of a pickle of any protocol. Reads forward, in ascending order, in constant memory; never throws.
 * Complete (no gap) only where every byte belongs to a stream that ran to its STOP with everything followed, or to
 * a storage of PyTorch's older format that the pickle accounts for.
 */
export function* parsePickle(input: PickleInput): Parse<PickleFacts> {
  return (yield* parsePickleWithStorages(input)).facts;
}

/** As `parsePickle`, together with the storages that its persistent ids name. */
export function* parsePickleWithStorages(input: PickleInput): Parse<PickleWithStorages> {
  return yield* parseStreams(input, newBudget(), 0);
}

function* parseStreams(input: PickleInput, budget: Budget, depth: number): Parse<PickleWithStorages> {
  const ledger = new Ledger(budget, input.ids);
  const window = new Window(input.offset ?? 0, input.sizeBytes);
  const follow = (bytes: Uint8Array, offset: number): boolean =>
    followNested(ledger, bytes, { offset, depth });
  if ((yield* window.fill(TAR_HEADER_BYTES)) && isTar(window.bytes)) {
    const detail = 'the file is a tar archive as well, which PyTorch would load instead of the pickle';
    ledger.problem('polyglot-tar', 0, detail);
    ledger.gap(0, input.sizeBytes, detail);
  }
  let torchLegacy: PickleFacts['torchLegacy'];
  while (window.offset < input.sizeBytes || ledger.streams === 0) {
    const start = window.offset;
    if (ledger.streams >= STREAMS_MAX) {
      ledger.gap(start, input.sizeBytes - start, `more than ${STREAMS_MAX} pickles in one input`);
      break;
    }
    const machine = new Machine({ ledger, inputEnd: input.sizeBytes, nested: follow, arrays: 'joblib' });
    const legacyKeys = torchLegacy !== undefined && ledger.streams === LEGACY_STREAMS - 1;
    if (legacyKeys) machine.texts = [];
    if (!(yield* runStream(machine, window, input.sizeBytes))) break;
    if (ledger.streams === 1 && machine.value === TORCH_LEGACY_MAGIC)
      torchLegacy = { storages: 0, storageBytes: 0 };
    if (legacyKeys) {
      torchLegacy = yield* readLegacyStorages(window, ledger, {
        keys: machine.texts ?? [],
        list: machine.value,
        sizeBytes: input.sizeBytes,
      });
      break;
    }
  }
  const rest = input.sizeBytes - window.offset;
  if (torchLegacy !== undefined && ledger.streams < LEGACY_STREAMS)
    ledger.problem('legacy-cut', window.offset, 'the older PyTorch format has five pickles, here are fewer');
  const facts = { ...ledger.facts(input.sizeBytes), ...(torchLegacy ? { torchLegacy } : {}) };
  return { facts: closed(facts, rest, window.offset), storages: ledger.storages };
}

/** Magic number, protocol version, system information, the object, the keys of its storages in file order. */
const LEGACY_STREAMS = 5;

/** Fails closed: should a path above ever leave bytes unread without saying so, this says it. */
function closed(facts: PickleFacts, rest: number, offset: number): PickleFacts {
  if (rest <= 0 || facts.gaps.some((gap) => gap.offset + gap.length >= facts.sizeBytes)) return facts;
  return { ...facts, gaps: [...facts.gaps, { offset, length: rest, reason: 'not read' }] };
}

/** Runs one stream. False where it broke: the rest of the input is then a gap. */
export function* runStream(machine: Machine, window: Window, end: number): Parse<boolean> {
  const { ledger } = machine;
  const start = window.offset;
  try {
    yield* runToStop(machine, window);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const at = window.offset + machine.consumed;
    const streams = ledger.streams === 0 ? '' : ` after pickle ${ledger.streams}`;
    ledger.problem(error.code, at, error.message);
    const from = Math.min(machine.unsureFrom ?? at, at);
    const gapFrom = end - from > 0 ? from : start;
    ledger.gap(gapFrom, end - gapFrom, `${error.message}${streams}`);
    return false;
  }
  ledger.streams++;
  if (machine.unsureFrom !== undefined)
    ledger.gap(machine.unsureFrom, window.offset - machine.unsureFrom, machine.unsureWhy);
  return true;
}

function* runToStop(machine: Machine, window: Window): Parse<void> {
  for (;;) {
    const pause = machine.run(window.bytes, window.offset, window.atEnd);
    window.skip(machine.consumed);
    machine.consumed = 0;
    switch (pause.kind) {
      case 'stopped':
        return;
      case 'more':
        if (!(yield* window.fill(pause.bytes)) && !(pause.line && window.atEnd)) throw truncated();
        break;
      case 'skip':
        if (!window.skip(pause.bytes)) throw truncated();
        break;
      case 'array':
        yield* passArray(machine, { array: pause.array, window, run: runToStop });
        break;
      case 'skip-line':
        if (!(yield* window.skipLine())) throw truncated();
        break;
    }
  }
}

function truncated(): Broken {
  return new Broken('truncated', 'the input ends before the pickle does');
}

interface NestedPlace {
  readonly offset: number;
  readonly depth: number;
}

/**
 * Bytes that look like a pickle are parsed as one. True where they are one to the last byte: then its facts are
 * part of these facts. Arrays of numbers that happen to start like a pickle are left alone.
 */
function followNested(ledger: Ledger, bytes: Uint8Array, { offset, depth }: NestedPlace): boolean {
  if (depth >= NESTING_MAX || !ledger.mayNest(bytes.length)) return false;
  const parse = parseStreams({ sizeBytes: bytes.length }, ledger.budget, depth + 1);
  let step = parse.next();
  while (!step.done) {
    const { offset: from, length } = step.value;
    step = parse.next(bytes.subarray(from, from + length));
  }
  const { facts } = step.value;
  if (facts.streams === 0 && facts.globals.length === 0) return false;
  if (facts.gaps.length > 0 && facts.globals.length === 0) return false;
  ledger.nested.push({ offset, facts });
  return facts.gaps.length === 0;
}
