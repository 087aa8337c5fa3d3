/** How files are cut into the parts of a multipart upload. */

/** Parts of a file: large enough that a request does not count, small enough that some fit in memory. */
export const PART_BYTES_MIN = 8 << 20;
/** S3's own limit. */
const PARTS_MAX = 10_000;
const PART_STEP_BYTES = 1 << 20;

/** A part is sent while the next one fills. */
export const PARTS_HELD_MIN = 2;

/** Size of the parts of a file: all but the last have it. */
export function partBytesFor(sizeBytes: number): number {
  const least = Math.ceil(sizeBytes / PARTS_MAX / PART_STEP_BYTES) * PART_STEP_BYTES;
  return Math.max(PART_BYTES_MIN, least);
}
