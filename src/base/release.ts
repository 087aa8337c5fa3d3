/** Memory that is given back by hand, where the garbage collector comes too late. */

/**
 * Gives the memory of a chunk back at once, where the chunk has it to itself; the chunk is empty afterwards, and so
 * is every view of it. Optional: without it the garbage collector comes when it comes. At a gigabyte a second that
 * is late, and memory that was used a moment ago is faster to use again: releasing halves the CPU time of a
 * download and the memory of the process.
 */
export function release(chunk: Uint8Array): void {
  const { buffer, byteLength } = chunk;
  // A chunk that spans its whole buffer cannot be a part of a pool, or share it with a chunk still to come.
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0) buffer.transfer(0);
}
