/**
 * A small assembler of pickles, and a driver of parsers over bytes in memory: for tests that build hostile input by
 * hand. Nothing here is ever unpickled.
 */
import type { Parse, Read } from '../src/formats/parse.ts';

type Part = string | number | Uint8Array;

/** Opcodes and arguments one after another: text as Latin-1, numbers as single bytes. */
export function bytes(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === 'string'
        ? Buffer.from(part, 'latin1')
        : typeof part === 'number'
          ? Buffer.from([part])
          : Buffer.from(part),
    ),
  );
}

export function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

export function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

export const proto = (version: number): Buffer => bytes(0x80, version);

/** SHORT_BINUNICODE. */
export const short = (text: string): Buffer => bytes(0x8c, Buffer.byteLength(text), Buffer.from(text));

/** SHORT_BINBYTES or BINBYTES. */
export const raw = (content: Uint8Array): Buffer =>
  content.length < 256 ? bytes('C', content.length, content) : bytes('B', u32(content.length), content);

/** STACK_GLOBAL of two fresh strings. */
export const stackGlobal = (module: string, name: string): Buffer => bytes(short(module), short(name), 0x93);

/** GLOBAL, in text. */
export const global = (module: string, name: string): Buffer => bytes(`c${module}\n${name}\n`);

/** A call of `module.name(text)`, which stays on the stack. */
export const call = (module: string, name: string, text = 'id'): Buffer =>
  bytes(stackGlobal(module, name), short(text), 0x85, 'R');

/** Drives a parser over bytes in memory; a `forward` one must ask in ascending order. */
export function drive<Facts>(
  input: Uint8Array,
  parse: Parse<Facts>,
  access: 'forward' | 'random' = 'forward',
): Facts {
  let reached = 0;
  let step = parse.next();
  while (!step.done) {
    const { offset, length }: Read = step.value;
    if (access === 'forward' && offset < reached)
      throw new Error(`read ${offset} after having read to ${reached}`);
    reached = offset + length;
    step = parse.next(input.subarray(offset, offset + length));
  }
  return step.value;
}
