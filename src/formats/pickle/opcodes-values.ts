/**
 * Opcodes that push constants and texts, and those that move values between stack and memo.
 */
import { STORAGES_MAX, TEXT_BYTES_MAX } from './facts.ts';
import type { Machine } from './machine.ts';
import { type Code, counted, fixed, lines, type Opcode } from './opcode.ts';
import { Broken } from './stack.ts';
import { isNumber, memoKey, python2Text, quotedString, rawUnicode, utf8 } from './text.ts';
import { FALSE, FLOAT, int, NONE, OPAQUE, str, TORCH_LEGACY_MAGIC, TRUE, type Value } from './value.ts';

export const CONTROL: readonly (readonly [Code, Opcode])[] = [
  [0x80, fixed(1, (m, w, from) => setProtocol(m, w[from] ?? 0))],
  [0x95, fixed(8, frame)],
  [
    '.',
    fixed(0, (m) => {
      m.value = m.stack.pop();
      // What the C unpickler has read ahead of STOP is lost to the next stream of a file.
      if (m.offset + 1 < m.frameEnd)
        m.unsure('frame-crossed', 'a frame reaches beyond the STOP of its pickle');
      m.stopped = true;
    }),
  ],
];

export const CONSTANTS: readonly (readonly [Code, Opcode])[] = [
  ['N', fixed(0, (m) => m.stack.push(NONE))],
  [0x88, fixed(0, (m) => m.stack.push(TRUE))],
  [0x89, fixed(0, (m) => m.stack.push(FALSE))],
  ['K', fixed(1, (m, w, from) => m.stack.push(int(w[from] ?? 0)))],
  ['M', fixed(2, (m, w, from) => m.stack.push(int(w.readUInt16LE(from))))],
  ['J', fixed(4, (m, w, from) => m.stack.push(int(w.readInt32LE(from))))],
  ['G', fixed(8, (m) => m.stack.push(FLOAT))],
  [0x8a, counted(1, longInteger)],
  [0x8b, counted(4, longInteger, { signed: true })],
  [
    'I',
    lines(1, (m, w, from, to) => numberLine(m, w, { from, to }, intOfText(w, from, to)), { skips: true }),
  ],
  [
    'L',
    lines(1, (m, w, from, to) => numberLine(m, w, { from, to }, intOfText(w, from, to)), { skips: true }),
  ],
  ['F', lines(1, (m, w, from, to) => numberLine(m, w, { from, to }, FLOAT), { skips: true })],
];

export const TEXTS: readonly (readonly [Code, Opcode])[] = [
  ['S', lines(1, (m, w, from, to) => text(m, w, { from, to }, quotedString), { skips: true })],
  ['V', lines(1, (m, w, from, to) => text(m, w, { from, to }, rawUnicode), { skips: true })],
  ['T', counted(4, (m, w, from, to) => text(m, w, { from, to }, python2Text), { signed: true })],
  ['U', counted(1, (m, w, from, to) => text(m, w, { from, to }, python2Text))],
  [0x8c, counted(1, (m, w, from, to) => text(m, w, { from, to }, utf8))],
  ['X', counted(4, (m, w, from, to) => text(m, w, { from, to }, utf8))],
  [0x8d, counted(8, (m, w, from, to) => text(m, w, { from, to }, utf8))],
  ['C', counted(1, (m, w, from, to) => m.stack.push(m.bytes(w, from, to, OPAQUE.bytes)), { nests: true })],
  ['B', counted(4, (m, w, from, to) => m.stack.push(m.bytes(w, from, to, OPAQUE.bytes)), { nests: true })],
  [0x8e, counted(8, (m, w, from, to) => m.stack.push(m.bytes(w, from, to, OPAQUE.bytes)), { nests: true })],
  [
    0x96,
    counted(8, (m, w, from, to) => m.stack.push(m.bytes(w, from, to, OPAQUE.bytearray)), { nests: true }),
  ],
  [0x97, fixed(0, outOfBand)],
  [0x98, fixed(0, (m) => m.stack.top())],
];

export const STACK: readonly (readonly [Code, Opcode])[] = [
  ['(', fixed(0, (m) => m.stack.mark())],
  ['0', fixed(0, (m) => m.stack.popValueOrMark())],
  ['1', fixed(0, (m) => m.stack.popToMark())],
  ['2', fixed(0, (m) => m.stack.push(m.stack.top()))],
];

export const MEMO: readonly (readonly [Code, Opcode])[] = [
  ['p', lines(1, (m, w, from, to) => m.memo.put(keyLine(w, from, to), m.stack.top()))],
  ['q', fixed(1, (m, w, from) => m.memo.put(w[from] ?? 0, m.stack.top()))],
  ['r', fixed(4, (m, w, from) => m.memo.put(w.readUInt32LE(from), m.stack.top()))],
  [0x94, fixed(0, (m) => m.memo.memoize(m.stack.top()))],
  ['g', lines(1, (m, w, from, to) => m.stack.push(m.memo.get(keyLine(w, from, to))))],
  ['h', fixed(1, (m, w, from) => m.stack.push(m.memo.get(w[from] ?? 0)))],
  ['j', fixed(4, (m, w, from) => m.stack.push(m.memo.get(w.readUInt32LE(from))))],
];

/** `torch.serialization.MAGIC_NUMBER`, as LONG1 carries it. */
const LEGACY_MAGIC = Buffer.from('6cfc9c46f9206aa85019', 'hex');

/** Highest protocol that CPython knows. */
const PROTOCOL_MAX = 5;

function setProtocol(machine: Machine, protocol: number): void {
  if (protocol > PROTOCOL_MAX) throw new Broken('unknown-protocol', `protocol ${protocol} does not exist`);
  machine.protocol = protocol;
  machine.ledger.protocol = Math.max(machine.ledger.protocol, protocol);
}

/** To the C unpickler a frame is a hint to read ahead: it must be there, and opcodes must not cross its end. */
function frame(machine: Machine, window: Buffer, from: number, to: number): void {
  const length = window.readBigUInt64LE(from);
  if (machine.offset < machine.frameEnd)
    machine.unsure('frame-crossed', 'a frame begins inside of another one');
  if (length > BigInt(Math.max(0, machine.inputEnd - machine.offset - 1 - (to - from))))
    throw new Broken('frame-too-long', `a frame of ${length} bytes reaches beyond the input`);
  machine.frameEnd = machine.offset + 1 + (to - from) + Number(length);
}

function longInteger(machine: Machine, window: Buffer, from: number, to: number): void {
  machine.stack.push(longAt(window, from, to));
}

/** Two's complement, little-endian; only what fits a safe integer is kept as a number. */
function longAt(window: Buffer, from: number, to: number): Value {
  const bytes = to - from;
  if (bytes === 0) return int(0);
  if (bytes <= 6) return int(window.readIntLE(from, bytes));
  if (bytes === LEGACY_MAGIC.length && LEGACY_MAGIC.equals(window.subarray(from, to)))
    return TORCH_LEGACY_MAGIC;
  if (bytes > 8) return OPAQUE.int;
  let value = 0n;
  for (let i = to - 1; i >= from; i--) value = (value << 8n) | BigInt(window[i] ?? 0);
  const number = Number(BigInt.asIntN(bytes * 8, value));
  return Number.isSafeInteger(number) ? int(number) : OPAQUE.int;
}

/** As picklers write it; readers take more (`010` is eight), whose value is then not known. */
function intOfText(window: Buffer, from: number, to: number): Value {
  if (to - from > DECIMAL_CHARS_MAX) return OPAQUE.int;
  const text = window.toString('latin1', from, to);
  return /^-?(?:0|[1-9]\d*)L?$/.test(text) ? int(Number.parseInt(text, 10)) : OPAQUE.int;
}

/** What is longer may be no safe integer. */
const DECIMAL_CHARS_MAX = 15;

interface Range {
  readonly from: number;
  readonly to: number;
}

function numberLine(machine: Machine, window: Buffer, { from, to }: Range, value: Value): void {
  if (to === from) throw new Broken('bad-number', 'a number in text is empty');
  if (to - from <= TEXT_BYTES_MAX && !isNumber(window, from, to))
    machine.unsure('bad-number', 'a number in text is not of a form that picklers write');
  machine.stack.push(value);
}

type Decode = (window: Buffer, from: number, to: number) => string | undefined;

/** Long or undecodable text is a string whose content is not known: harmless until it is used as a name. */
function text(machine: Machine, window: Buffer, { from, to }: Range, decode: Decode): void {
  const decoded = to - from > TEXT_BYTES_MAX ? undefined : decode(window, from, to);
  machine.stack.push(decoded === undefined ? OPAQUE.str : str(decoded));
  if (decoded !== undefined && machine.texts !== undefined && machine.texts.length <= STORAGES_MAX)
    machine.texts.push(decoded);
}

function keyLine(window: Buffer, from: number, to: number): number {
  const key = memoKey(window, from, to);
  if (key === undefined) throw new Broken('bad-memo-key', 'a memo key in text is not a plain decimal number');
  return key;
}

function outOfBand(machine: Machine): void {
  machine.unsure('out-of-band-buffer', 'the pickle takes a buffer from outside of the file');
  machine.stack.push(OPAQUE.bytes);
}
