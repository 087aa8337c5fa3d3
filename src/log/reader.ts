/** LogReader: tiles and entries of the log, read and checked against a tree that the caller already trusts. */
import { WeighlockError } from '../base/errors.ts';
import {
  EMPTY_ROOT,
  type Hash,
  inclusionProof,
  leafHash,
  rangeHash,
  type Subtrees,
  verifyInclusion,
} from './merkle.ts';
import {
  BUNDLE_BYTES_MAX,
  bundlePath,
  decodeBundle,
  decodeTile,
  foldHashes,
  HASH_BYTES,
  TILE_HEIGHT,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from './tile.ts';

/** Where the log's files are; names are relative to the log. */
export interface LogFiles {
  get(
    name: string,
    bytesMax: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly tag: string } | undefined>;
}

export interface TreeHead {
  readonly size: number;
  readonly root: Buffer;
}

/** Tiles kept in memory: a proof needs a handful, an append the right edge. */
const TILES_KEPT_MAX = 512;

export class LogReader {
  readonly #files: LogFiles;
  readonly #tiles = new Map<string, Hash[]>();

  constructor(files: LogFiles) {
    this.#files = files;
  }

  /** The root of the first `size` leaves, computed from the tiles of a log that has `available` leaves. */
  async rootAt(size: number, available = size): Promise<Buffer> {
    return size === 0 ? EMPTY_ROOT : rangeHash(this.#subtrees(available), 0, size);
  }

  /** Throws WL_LOG_CORRUPT unless the log that `now` describes extends the one that `before` described. */
  async requireExtends(before: TreeHead, now: TreeHead): Promise<void> {
    if (before.size > now.size) {
      throw new WeighlockError('WL_LOG_CORRUPT', `the log shrank from ${before.size} to ${now.size} entries`);
    }
    const again = await this.rootAt(before.size, now.size);
    if (!again.equals(before.root)) {
      throw new WeighlockError(
        'WL_LOG_CORRUPT',
        `the first ${before.size} entries of the log were rewritten`,
      );
    }
  }

  /** The hashes that prove entry `index` in the tree of `size` leaves. */
  async prove(index: number, size: number): Promise<Hash[]> {
    return inclusionProof(this.#subtrees(size), index, size);
  }

  /**
   * Entries [begin, end) of a log of `size` leaves, each checked against its leaf hash in the bottom tile.
   * Throws WL_LOG_CORRUPT where an entry is not what the tree says.
   */
  async *entries(
    begin: number,
    end: number,
    size: number,
  ): AsyncIterable<{ index: number; entry: Uint8Array }> {
    for (let bundle = Math.floor(begin / TILE_WIDTH); bundle * TILE_WIDTH < end; bundle++) {
      const width = tileWidth(0, bundle, size);
      const entries = await this.#bundle(bundle, width);
      const hashes = await this.#tile(0, bundle, width);
      for (const [i, entry] of entries.entries()) {
        const index = bundle * TILE_WIDTH + i;
        if (!hashes[i]?.equals(leafHash(entry))) {
          throw new WeighlockError('WL_LOG_CORRUPT', `entry ${index} of the log was changed`);
        }
        if (index >= begin && index < end) yield { index, entry };
      }
    }
  }

  /**
   * Entries from `begin` to the end of the tree `head`, each proved against its root. A bundle and its bottom tile
   * stand in the store beside each other: whoever can write there can change both, so that they agree.
   * Throws WL_LOG_CORRUPT where an entry is not in the tree.
   */
  async *provenEntries(begin: number, head: TreeHead): AsyncIterable<{ index: number; entry: Uint8Array }> {
    const { size, root } = head;
    for await (const { index, entry } of this.entries(begin, size, size)) {
      const proof = await this.prove(index, size);
      if (!verifyInclusion({ leaf: leafHash(entry), index, size, root, proof })) {
        throw new WeighlockError('WL_LOG_CORRUPT', `entry ${index} of the log is not in its signed tree`);
      }
      yield { index, entry };
    }
  }

  /** The raw entries of one bundle. */
  async #bundle(index: number, width: number): Promise<Uint8Array[]> {
    const name = bundlePath(index, width);
    const there = await this.#files.get(name, BUNDLE_BYTES_MAX);
    if (!there) throw new WeighlockError('WL_LOG_CORRUPT', `${name} is missing`);
    return decodeBundle(there.bytes, width, name);
  }

  async #tile(level: number, index: number, width: number): Promise<Hash[]> {
    const name = tilePath(level, index, width);
    const kept = this.#tiles.get(name);
    if (kept) return kept;
    const there = await this.#files.get(name, TILE_WIDTH * HASH_BYTES);
    if (!there) throw new WeighlockError('WL_LOG_CORRUPT', `${name} is missing`);
    const hashes = decodeTile(there.bytes, width, name);
    if (this.#tiles.size >= TILES_KEPT_MAX) this.#tiles.clear();
    this.#tiles.set(name, hashes);
    return hashes;
  }

  /** Subtrees of a log that has `size` leaves, read from its tiles. */
  #subtrees(size: number): Subtrees {
    return async (level, index) => {
      const tileLevel = Math.floor(level / TILE_HEIGHT);
      const run = 2 ** (level % TILE_HEIGHT);
      const first = index * run;
      const tile = Math.floor(first / TILE_WIDTH);
      const hashes = await this.#tile(tileLevel, tile, tileWidth(tileLevel, tile, size));
      const begin = first % TILE_WIDTH;
      return foldHashes(hashes.slice(begin, begin + run));
    };
  }
}
