/**
 * LogWriter: appends to the log without a database, safe against a writer that dies anywhere.
 *
 *   1. stage   the new tiles and entries, signed, under `staging/<size>-<root>`
 *   2. commit  by swapping the unsigned `head`: one of several racing writers wins, the others start again
 *   3. write   the tiles and entries to their places; they are never rewritten
 *   4. sign    and publish the checkpoint
 *
 * Whoever comes next first finishes 3 and 4 for a writer that died. Only a head that was won is signed, and only
 * if it extends both the published checkpoint and the highest tree that this gate remembers to have signed: two
 * checkpoints of one size would be equivocation. `head` itself is not signed and anybody who can write to the
 * store can plant one; that is why a staged batch carries a signature: nothing that a gate did not stage is signed.
 */
import { WeighlockError } from '../base/errors.ts';
import {
  BATCH_BYTES_MAX,
  type Batch,
  decodeHead,
  encodeHead,
  openBatch,
  signBatch,
  stagingName,
} from './batch.ts';
import { CHECKPOINT_BYTES_MAX, type NoteSigner, openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { EMPTY_ROOT, type Hash, leafHash } from './merkle.ts';
import { type LogFiles, LogReader, type TreeHead } from './reader.ts';
import {
  BUNDLE_BYTES_MAX,
  bundlePath,
  decodeBundle,
  decodeTile,
  encodeBundle,
  foldHashes,
  HASH_BYTES,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from './tile.ts';

export interface WritableLogFiles extends LogFiles {
  create(name: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  swap(name: string, bytes: Uint8Array, expected: string | undefined): Promise<'swapped' | 'lost'>;
}

/** What a gate remembers of its own signatures, outside the store. */
export interface SignedMemory {
  highest(): TreeHead | undefined;
  signed(head: TreeHead): void;
}

export interface LogWriterOptions {
  readonly files: WritableLogFiles;
  readonly origin: string;
  readonly signer: NoteSigner;
  /** Verifier keys under which earlier checkpoints may be signed; the signer's own is always among them. */
  readonly keys: readonly string[];
  readonly memory: SignedMemory;
}

/** Attempts against other writers before giving up: each loss means that somebody else made progress. */
const ATTEMPTS_MAX = 200;

const HEAD = 'head';
const CHECKPOINT = 'checkpoint';
export class LogWriter {
  readonly #options: LogWriterOptions;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /**
   * Appends one entry and returns its index and the signed tree that holds it. If an equal entry already stands
   * at or after `since`, nothing is appended: a run that repeats what a dead one did meets its own entry.
   */
  async append(entry: Uint8Array, since: number): Promise<{ index: number; head: TreeHead }> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { head, tag } = await this.repair();
      const index = await this.#find(entry, since, head);
      if (index !== undefined) return { index, head };
      const batch = await this.#extend(head, entry);
      await this.#stage(batch);
      const next = encodeHead(batch);
      if ((await this.#options.files.swap(HEAD, next, tag)) === 'lost') continue;
      return { index: head.size, head: (await this.repair()).head };
    }
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', 'other writers kept the log busy for too long');
  }

  /** Finishes what a dead writer left: afterwards tiles, entries and checkpoint are those of the head. */
  async repair(): Promise<{ head: TreeHead; tag: string | undefined }> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      // Recalled before the head is read: another process of this machine may sign a larger tree in between.
      const highest = this.#options.memory.highest();
      const stored = await this.#options.files.get(HEAD, CHECKPOINT_BYTES_MAX);
      const head = stored ? decodeHead(stored.bytes) : { size: 0, root: EMPTY_ROOT };
      if (await this.#publish(head, highest)) return { head, tag: stored?.tag };
    }
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', 'other writers kept the log busy for too long');
  }

  /** Steps 3 and 4 for `head`. False if the log moved on meanwhile. */
  async #publish(head: TreeHead, highest: TreeHead | undefined): Promise<boolean> {
    const { files, origin, signer, keys, memory } = this.#options;
    const stored = await files.get(CHECKPOINT, CHECKPOINT_BYTES_MAX);
    const signed = stored && openCheckpoint(stored.bytes, origin, [signer.verifierKey, ...keys]);
    if (signed && signed.size > head.size) {
      const now = await files.get(HEAD, CHECKPOINT_BYTES_MAX);
      if (now && decodeHead(now.bytes).size >= signed.size) return false;
      throw new WeighlockError('WL_LOG_CORRUPT', 'the log’s head is older than its signed checkpoint');
    }
    if (signed && signed.size === head.size) {
      if (signed.root.equals(head.root)) return true;
      throw new WeighlockError(
        'WL_LOG_CORRUPT',
        'the log’s head and its signed checkpoint contradict each other',
      );
    }
    if (head.size > 0) await this.#place(head, signed?.size ?? 0);
    const reader = new LogReader(files);
    if (signed) await reader.requireExtends(signed, head);
    if (highest) await reader.requireExtends(highest, head);
    if (!(await reader.rootAt(head.size)).equals(head.root)) {
      throw new WeighlockError('WL_LOG_CORRUPT', 'the tiles of the log do not have the root of its head');
    }
    const note = await signCheckpoint({ origin, ...head }, signer);
    memory.signed(head);
    return (await files.swap(CHECKPOINT, note, stored?.tag)) === 'swapped';
  }

  /** Writes the files of every staged batch between the signed size and the head, oldest first. */
  async #place(head: TreeHead, signedSize: number): Promise<void> {
    const { files } = this.#options;
    const batch = await this.#staged(head);
    if (batch.from > signedSize) {
      throw new WeighlockError(
        'WL_LOG_CORRUPT',
        `the log’s head skips from ${signedSize} to ${batch.from} entries`,
      );
    }
    for (const [name, bytes] of Object.entries(batch.files)) {
      if ((await files.create(name, Buffer.from(bytes, 'base64'))) === 'exists') {
        throw new WeighlockError('WL_LOG_CORRUPT', `${name} stands in the log with other content`);
      }
    }
  }

  async #staged(head: TreeHead): Promise<Batch> {
    const { files, signer, keys } = this.#options;
    const name = stagingName(head);
    const stored = await files.get(name, BATCH_BYTES_MAX);
    if (!stored) throw new WeighlockError('WL_LOG_CORRUPT', `${name} is missing, which the log’s head names`);
    return openBatch(stored.bytes, head, [signer.verifierKey, ...keys]);
  }

  async #stage(batch: Batch): Promise<void> {
    const { files, signer } = this.#options;
    const head = { size: batch.size, root: Buffer.from(batch.root, 'base64') };
    await files.create(stagingName(head), await signBatch(batch, signer));
  }

  async #find(entry: Uint8Array, since: number, head: TreeHead): Promise<number | undefined> {
    if (since >= head.size) return undefined;
    const reader = new LogReader(this.#options.files);
    for await (const there of reader.provenEntries(since, head)) {
      if (Buffer.compare(there.entry, entry) === 0) return there.index;
    }
    return undefined;
  }

  /** The batch that takes the log from `head` to one entry more. */
  async #extend(head: TreeHead, entry: Uint8Array): Promise<Batch> {
    const created = new Map<string, Uint8Array>();
    const bottom = Math.floor(head.size / TILE_WIDTH);
    const width = tileWidth(0, bottom, head.size);
    const entries = width > 0 ? await this.#read(bundlePath(bottom, width), BUNDLE_BYTES_MAX) : undefined;
    const before = entries ? decodeBundle(entries, width, bundlePath(bottom, width)) : [];
    created.set(bundlePath(bottom, width + 1), encodeBundle([...before, entry]));

    let carried: Hash | undefined = leafHash(entry);
    for (let level = 0; carried; level++) {
      const index = Math.floor(head.size / TILE_WIDTH ** (level + 1));
      const there = tileWidth(level, index, head.size);
      const name = tilePath(level, index, there);
      const hashes: Hash[] =
        there > 0 ? decodeTile(await this.#read(name, TILE_WIDTH * HASH_BYTES), there, name) : [];
      hashes.push(carried);
      created.set(tilePath(level, index, hashes.length), Buffer.concat(hashes));
      carried = hashes.length === TILE_WIDTH ? foldHashes(hashes) : undefined;
    }
    const size = head.size + 1;
    const root = await new LogReader(overlay(this.#options.files, created)).rootAt(size);
    const files = Object.fromEntries(
      [...created].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
    );
    return { from: head.size, size, root: root.toString('base64'), files };
  }

  async #read(name: string, bytesMax: number): Promise<Uint8Array> {
    const there = await this.#options.files.get(name, bytesMax);
    if (!there) throw new WeighlockError('WL_LOG_CORRUPT', `${name} is missing`);
    return there.bytes;
  }
}

/** The log as it will be once `created` is written. */
function overlay(files: LogFiles, created: ReadonlyMap<string, Uint8Array>): LogFiles {
  return {
    async get(name, bytesMax) {
      const bytes = created.get(name);
      return bytes ? { bytes, tag: '' } : files.get(name, bytesMax);
    },
  };
}
