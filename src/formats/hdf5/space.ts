/**
 * The space of an HDF5 file, with the widths that its superblock says.
 */
import { Space } from '../space.ts';

/**
 * Longest free piece that passes as such. libhdf5 sets metadata aside in blocks of 2 KiB and aligns files that it
 * pages to 4 KiB; rewritten attributes leave somewhat more. Longer pieces are room to hide in.
 */
export const FREE_BYTES_MAX = 64 * 1024;

export class Hdf5Space extends Space {
  /** Bytes of an address and of a length. */
  addressBytes = 8;
  lengthBytes = 8;
}
