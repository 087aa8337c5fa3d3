/**
 * The weights beside a CoreML program (`weights/weight.bin`): a count, then for each piece its description and, aligned,
 * its bytes. Format: https://github.com/apple/coremltools/blob/main/mlmodel/src/MILBlob/Blob/StorageFormat.hpp.
 */
import { Account, Malformed } from '../malformed.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { Window } from '../window.ts';

export const COREML_WEIGHTS_PARSER = 'coreml-weights/1';

export interface CoremlWeightsFacts extends BaseFacts {
  readonly format: 'coreml-weights';
  readonly pieces: number;
  readonly dataBytes: number;
}

/** The head and each description fill one unit of alignment. */
const UNIT_BYTES = 64;
const VERSION = 2;
const SENTINEL = 0xdeadbeef;

/** Most pieces: one for each tensor. */
const PIECES_MAX = 1_000_000;

export function isCoremlWeights(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  return (
    bytes.length >= 68 && bytes.readUInt32LE(4) === VERSION && bytes.readUInt32LE(UNIT_BYTES) === SENTINEL
  );
}

export function* parseCoremlWeights(sizeBytes: number): Parse<CoremlWeightsFacts> {
  const account = new Account();
  const found = { pieces: 0, dataBytes: 0 };
  try {
    yield* readPieces(new Window(sizeBytes), account, found);
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  const { gaps, problems } = account;
  return { format: 'coreml-weights', parser: COREML_WEIGHTS_PARSER, sizeBytes, gaps, problems, ...found };
}

function* readPieces(
  window: Window,
  account: Account,
  found: { pieces: number; dataBytes: number },
): Parse<void> {
  yield* window.need(UNIT_BYTES);
  const pieces = window.u32();
  window.skip(UNIT_BYTES - 4);
  if (pieces > PIECES_MAX) throw new Malformed('too-many', 0, `${pieces} pieces`);
  for (let left = pieces; left > 0; left -= 1) {
    const at = window.offset;
    yield* window.need(UNIT_BYTES);
    const sentinel = window.u32();
    window.u32();
    const [length, begin] = [window.u64(), window.u64()];
    window.skip(UNIT_BYTES - 24);
    if (sentinel !== SENTINEL || length === undefined || begin !== window.offset)
      throw new Malformed('bad-piece', at, 'a piece without its mark, or that lies elsewhere');
    window.skip(length);
    found.pieces += 1;
    found.dataBytes += length;
    const padding = (UNIT_BYTES - (length % UNIT_BYTES)) % UNIT_BYTES;
    window.skip(Math.min(padding, window.remaining));
  }
  if (window.remaining === 0) return;
  account.problem('trailing-data', window.offset, `${window.remaining} bytes follow the last piece`);
  account.gap(window.offset, window.remaining, 'follows the last piece');
}
