/**
 * Recognising pickles by content.
 */

/**
 * Whether bytes start as a pickle of protocol 2 or later does: PROTO with a known version, then an opcode or the
 * FRAME of a length. True for every such pickle; may be true for other binary data, never for text.
 */
export function looksLikePickle(head: Uint8Array): boolean {
  if (head[0] !== 0x80 || head[1] === undefined || head[1] > 5) return false;
  return head[2] === undefined || FIRST_OPCODES.has(head[2]);
}

/** Opcodes that may follow PROTO without breaking at once: all that need nothing on the stack. */
const FIRST_OPCODES = new Set<number>([
  ...Buffer.from('(.NKMJGILFSVTUXCBP)]}c', 'latin1'),
  ...[0x80, 0x82, 0x83, 0x84, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x95, 0x96, 0x97],
]);
