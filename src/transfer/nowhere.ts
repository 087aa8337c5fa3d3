/** A staging door that keeps nothing: for files that are only read, hashed and parsed. */
import { release } from '../base/release.ts';
import type { StagingDoor } from '../vault/vault.ts';

export const nowhere: StagingDoor = {
  create: async () => ({
    readable: false,
    write: async (chunk) => release(chunk),
    finish: async () => undefined,
    abort: async () => {},
  }),
  open: () => Promise.reject(new Error('nothing was kept')),
  remove: async () => {},
  close: async () => {},
};
