/** The files of a transparency log with these entries, as its writer would have left them after the last one. */
import type { LogSigner } from '../../src/attest/key.ts';
import { encodeHead } from '../../src/log/batch.ts';
import { signCheckpoint, verifierKey } from '../../src/log/checkpoint.ts';
import { type Hash, leafHash } from '../../src/log/merkle.ts';
import { LogReader } from '../../src/log/reader.ts';
import { bundlePath, encodeBundle, foldHashes, TILE_WIDTH, tilePath } from '../../src/log/tile.ts';

export interface LogFilesMade {
  /** By their names below `log/`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly root: Hash;
}

export async function logFilesOf(
  entries: readonly Uint8Array[],
  origin: string,
  logSigner: LogSigner,
): Promise<LogFilesMade> {
  const files = new Map<string, Uint8Array>();
  for (const [index, bundle] of tiles(entries).entries())
    files.set(bundlePath(index, bundle.length), encodeBundle(bundle));
  let hashes: readonly Hash[] = entries.map((entry) => leafHash(entry));
  for (let level = 0; hashes.length > 0; level++) {
    const row = tiles(hashes);
    for (const [index, tile] of row.entries())
      files.set(tilePath(level, index, tile.length), Buffer.concat(tile));
    hashes = row.filter(({ length }) => length === TILE_WIDTH).map(foldHashes);
  }
  const reader = new LogReader({
    async get(name) {
      const bytes = files.get(name);
      return bytes && { bytes, tag: '' };
    },
  });
  const size = entries.length;
  const root = await reader.rootAt(size);
  const signer = {
    verifierKey: verifierKey(origin, logSigner.publicKey),
    sign: (text: Uint8Array) => logSigner.sign(text),
  };
  files.set('head', encodeHead({ root: root.toString('base64'), size }));
  files.set('checkpoint', await signCheckpoint({ origin, size, root }, signer));
  return { files, root };
}

function tiles<T>(items: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / TILE_WIDTH);
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH),
  );
}
