/**
 * BucketData: files of a vault in a bucket. Readers are sent to presigned URLs of exactly the version on record, which is
 * held against its receipt once. Where the bucket keeps no versions, or readers cannot reach it, the bytes pass through
 * here, and only while the object is the recorded one.
 */
import type { Receipt } from '../attest/state.ts';
import { WeighlockError } from '../base/errors.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { Vault } from '../vault/vault.ts';
import type { ServedFile } from './catalog.ts';
import type { DataDoor, Delivery } from './data.ts';

export interface BucketDataOptions {
  readonly vault: Vault;
  /** The receipt of a published revision. */
  readonly receipt: (id: RevisionId) => Promise<Receipt>;
  /** How long a presigned URL lasts. */
  readonly presignSeconds: number;
  /** Whether bytes pass through here in any case. */
  readonly proxyData: boolean;
}

/** Files whose check, and whose first byte, is remembered. */
const CHECKED_MAX = 100_000;

interface Checked {
  readonly stored: Receipt['files'][number];
  firstByte?: Promise<Uint8Array>;
}

/** A check, and the receipt that it was made against: a revision that was removed and admitted again has another. */
interface Check {
  /** Held loosely: thousands of files may be all that is remembered of it. */
  readonly receipt: WeakRef<Receipt>;
  readonly checked: Promise<Checked>;
}

export class BucketData implements DataDoor {
  readonly #options: BucketDataOptions;
  readonly #checks = new Map<string, Check>();

  constructor(options: BucketDataOptions) {
    this.#options = options;
  }

  async open(
    id: RevisionId,
    file: ServedFile,
    { span, signal, direct }: Parameters<DataDoor['open']>[2],
  ): Promise<Delivery> {
    const { vault, presignSeconds: seconds, proxyData } = this.#options;
    const { stored } = await this.#check(id, file);
    const { version } = stored;
    if (!proxyData && !direct && version !== undefined && vault.link) {
      return { by: 'redirect', url: await vault.link(id, file.path, { version, seconds }), seconds };
    }
    const range = span && { offset: span.first, length: span.last + 1 - span.first };
    return { by: 'stream', bytes: this.#read(id, stored, { range, signal }) };
  }

  async firstByte(id: RevisionId, file: ServedFile): Promise<Uint8Array> {
    const checked = await this.#check(id, file);
    checked.firstByte ??= collect(this.#read(id, checked.stored, { range: { offset: 0, length: 1 } })).catch(
      (error: unknown) => {
        delete checked.firstByte;
        throw error;
      },
    );
    return checked.firstByte;
  }

  async read(id: RevisionId, file: ServedFile, signal?: AbortSignal): Promise<Uint8Array> {
    const { stored } = await this.#check(id, file);
    return collect(this.#read(id, stored, { range: { offset: 0, length: file.sizeBytes }, signal }));
  }

  async close(): Promise<void> {}

  #read(
    id: RevisionId,
    { path, version, etag }: Checked['stored'],
    more: {
      readonly range?: { offset: number; length: number } | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<Uint8Array> {
    const exactly = version === undefined ? { etag } : { version };
    const { range, signal } = more;
    return this.#options.vault.read(fileKey(id, path), { ...exactly, ...(range && { range }), signal });
  }

  /** What the receipt says of the file, once the store has said the same. */
  async #check(id: RevisionId, file: ServedFile): Promise<Checked> {
    const key = fileKey(id, file.path);
    const receipt = await this.#options.receipt(id);
    const known = this.#checks.get(key);
    if (known?.receipt.deref() === receipt) return known.checked;
    const checked = this.#ask(id, file, receipt);
    this.#checks.set(key, { receipt: new WeakRef(receipt), checked });
    checked.catch(() => this.#checks.delete(key));
    const [oldest] = this.#checks.keys();
    if (this.#checks.size > CHECKED_MAX && oldest !== undefined) this.#checks.delete(oldest);
    return checked;
  }

  async #ask(id: RevisionId, file: ServedFile, receipt: Receipt): Promise<Checked> {
    const { vault } = this.#options;
    const stored = receipt.files.find(({ path }) => path === file.path);
    if (!stored || stored.sizeBytes !== file.sizeBytes) throw notRecorded(id, file);
    const { version } = stored;
    const now = await (version !== undefined && vault.inspectVersion
      ? vault.inspectVersion(id, file.path, version)
      : vault.inspect(id, file.path));
    const same =
      now?.sizeBytes === stored.sizeBytes &&
      now.version === stored.version &&
      now.etag === stored.etag &&
      (stored.checksum === undefined || now.checksum === undefined || now.checksum === stored.checksum);
    if (!same) throw notRecorded(id, file);
    return { stored };
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function notRecorded({ model, commit }: RevisionId, { path }: ServedFile): WeighlockError {
  return new WeighlockError(
    'WL_VAULT_CORRUPT',
    `the bucket does not hold ${path} of ${model}@${commit.slice(0, 12)} as it was admitted`,
    { hint: 'It is not served. `weighlock verify` names what else was changed.' },
  );
}
