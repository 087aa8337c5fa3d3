/** Where a transfer reads from: a source of models, or files that are published in a vault. */
import type { RepoPath } from '../base/name.ts';
import { openSource } from '../sources/open.ts';
import {
  type ByteRange,
  refuseRange,
  type Source,
  type SourceFile,
  type SourceTicket,
} from '../sources/source.ts';
import { UrlSource, type UrlTicket } from '../sources/url.ts';
import { fileKey, type Key, objectKey, type RevisionId } from '../vault/layout.ts';
import { openVault } from '../vault/open.ts';
import type { Vault, VaultTicket } from '../vault/vault.ts';

/** Files of a published revision; `versions`: exactly these versions of the objects, where a receipt names them. */
export interface PublishedFiles {
  readonly kind: 'published';
  readonly vault: VaultTicket;
  readonly revision: RevisionId;
  readonly versions: Readonly<Record<string, string>>;
}

/** The files of a revision as its receipt names them. */
export function publishedFiles(
  vault: Vault,
  revision: RevisionId,
  receipt: { readonly files: readonly { readonly path: RepoPath; readonly version?: string | undefined }[] },
): PublishedFiles {
  const named = receipt.files.flatMap(({ path, version }) => (version ? [[path, version] as const] : []));
  const versions: Record<string, string> = Object.fromEntries(named);
  return { kind: 'published', vault: vault.ticket, revision, versions };
}

/** Objects of a bucket or files of a folder, named by their keys below the place of the ticket: no vault is looked for. */
export interface ListedObjects {
  readonly kind: 'objects';
  readonly vault: VaultTicket;
}

export type TransferSource = SourceTicket | PublishedFiles | ListedObjects | UrlTicket;

/** What a transfer asks of a source: it was resolved by whoever began the transfer. */
export type ReadingSource = Pick<Source, 'contacted' | 'read' | 'close'>;

export async function openTransferSource(ticket: TransferSource): Promise<ReadingSource> {
  switch (ticket.kind) {
    case 'published':
      return new PublishedSource(ticket, await openVault(ticket.vault));
    case 'objects':
      return new ObjectSource(await openVault(ticket.vault));
    case 'url':
      return new UrlSource(ticket);
    default:
      return openSource(ticket);
  }
}

/** Objects of a store, found by the path of a file. */
abstract class StoreSource implements ReadingSource {
  readonly contacted: ReadonlySet<string>;
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
    this.contacted = new Set([vault.place]);
  }

  /** The key of a file, and the version of the object where one is on record. */
  protected abstract place(path: RepoPath): { readonly key: Key; readonly version: string | undefined };

  read(
    _revision: unknown,
    file: SourceFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    refuseRange(file, range);
    const { key, version } = this.place(file.path);
    return this.#vault.read(key, { range, version, signal });
  }

  close(): Promise<void> {
    return this.#vault.close();
  }
}

class ObjectSource extends StoreSource {
  protected override place(path: RepoPath) {
    return { key: objectKey(path), version: undefined };
  }
}

class PublishedSource extends StoreSource {
  readonly #from: PublishedFiles;

  constructor(from: PublishedFiles, vault: Vault) {
    super(vault);
    this.#from = from;
  }

  protected override place(path: RepoPath) {
    return { key: fileKey(this.#from.revision, path), version: this.#from.versions[path] };
  }
}
