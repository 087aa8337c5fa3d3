/**
 * The members `storages` and `tensors` of PyTorch's tar format: a pickled count, then for each a pickled tuple and
 * raw data, and behind the storages a pickled list of views.
 *
 * Source: `legacy_load` in torch/serialization.py.
 */
import type { Parse } from '../parse.ts';
import { type PickleFacts, STORAGES_MAX } from './facts.ts';
import { Ledger, newBudget } from './ledger.ts';
import { Machine } from './machine.ts';
import { runStream } from './parse.ts';
import { storageItemBytes } from './storage.ts';
import type { Value } from './value.ts';
import { Window } from './window.ts';

/** More than any file holds. */
const ELEMENTS_MAX = 1n << 44n;

export interface TensorsMember {
  readonly sizeBytes: number;
  readonly kind: 'storages' | 'tensors';
}

interface Parsed {
  readonly facts: PickleFacts;
  readonly count: number;
  readonly rawBytes: number;
}

/** The facts of the pickles in such a member. Reads forward; what does not fit together is a gap to the end. */
export function* parseTensorsMember({ sizeBytes, kind }: TensorsMember): Parse<Parsed> {
  const ledger = new Ledger(newBudget());
  const window = new Window(0, sizeBytes);
  const made = { count: 0, rawBytes: 0 };
  const problem = yield* parseMember({ ledger, window, sizeBytes, kind, made });
  if (problem !== undefined) {
    const from = Math.min(window.offset, Math.max(0, sizeBytes - 1));
    ledger.problem('torch-tar', from, problem);
    ledger.gap(from, sizeBytes - from, problem);
  }
  return { facts: ledger.facts(sizeBytes), ...made };
}

interface Member extends TensorsMember {
  readonly ledger: Ledger;
  readonly window: Window;
  readonly made: { count: number; rawBytes: number };
}

/** What is wrong with the member, or undefined where all of it is accounted for. */
function* parseMember(member: Member): Parse<string | undefined> {
  const { window, kind, made } = member;
  const total = (yield* nextPickle(member))?.number;
  if (total === undefined || total < 0 || total > STORAGES_MAX) return 'the number of tensors is none';
  for (; made.count < total; made.count++) {
    const tuple = yield* nextPickle(member);
    if (tuple?.kind !== 'tuple' || tuple.count !== 3)
      return 'a storage or tensor is not described by a tuple of three';
    const bytes = kind === 'storages' ? yield* storageBytes(window, tuple) : yield* tensorBytes(window);
    if (bytes === undefined || !window.skip(bytes))
      return 'a storage or tensor does not have the size that it says';
    made.rawBytes += bytes;
  }
  if (kind === 'storages' && (yield* nextPickle(member))?.kind !== 'list')
    return 'the list of views is missing';
  return window.offset === member.sizeBytes ? undefined : 'bytes follow the last storage or tensor';
}

/** The value of the next pickle, or undefined where it breaks or is not followed. */
function* nextPickle({ ledger, window, sizeBytes }: Member): Parse<Value | undefined> {
  const machine = new Machine({ ledger, inputEnd: sizeBytes, nested: () => false, arrays: 'plain' });
  return (yield* runStream(machine, window, sizeBytes)) ? machine.value : undefined;
}

/** A count of elements, then the elements. */
function* storageBytes(window: Window, tuple: Value): Parse<number | undefined> {
  const type = tuple.items?.[2]?.global;
  const itemBytes = type === undefined ? undefined : storageItemBytes(type.module, type.name);
  if (itemBytes === undefined || !(yield* window.fill(8))) return undefined;
  const elements = window.bytes.readBigUInt64LE(0);
  return elements > ELEMENTS_MAX ? undefined : 8 + Number(elements) * itemBytes;
}

/** Dimensions (four bytes and four to skip), sizes, strides, the offset in the storage. */
function* tensorBytes(window: Window): Parse<number | undefined> {
  if (!(yield* window.fill(8))) return undefined;
  const dimensions = window.bytes.readInt32LE(0);
  return dimensions < 0 || dimensions > 64 ? undefined : 8 + dimensions * 16 + 8;
}
