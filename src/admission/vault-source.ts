/**
 * VaultSource: a revision that is published in another vault, as a source for this one.
 *
 * What the origin's gate decided is evidence here, no more: the record and its log proof go along, the bytes are held
 * to the digests that the record names while they stream, and this vault's own scan, policy and key decide. The
 * model keeps the identity of where it first came from.
 */
import type { SignedRecord } from '../attest/record.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ExcludedFile, ManifestFile } from '../base/manifest.ts';
import type { ModelName } from '../base/name.ts';
import { Findings } from '../registry/problem.ts';
import type { Published, Registry } from '../registry/registry.ts';
import { checkRecord } from '../registry/verify-revision.ts';
import type { ByteRange, SourceFile, SourceRevision } from '../sources/source.ts';
import {
  openTransferSource,
  type PublishedFiles,
  publishedFiles,
  type ReadingSource,
} from '../transfer/source.ts';
import { evidenceKey, type RevisionId } from '../vault/layout.ts';
import type { AdmissionSource } from './source.ts';

/** Longest evidence that goes along. */
const EVIDENCE_BYTES_MAX = 64 << 20;

export class VaultSource implements AdmissionSource {
  readonly ticket: PublishedFiles;
  readonly contacted: ReadonlySet<string>;
  readonly #revision: SourceRevision;
  readonly #files: ReadingSource;

  private constructor(ticket: PublishedFiles, revision: SourceRevision, files: ReadingSource) {
    this.ticket = ticket;
    this.contacted = files.contacted;
    this.#revision = revision;
    this.#files = files;
  }

  /** Throws WL_NOT_ADMITTED, and WL_VAULT_CORRUPT where the origin's record does not hold. */
  static async open(origin: Registry, model: ModelName, revision: string | undefined): Promise<VaultSource> {
    const published = await origin.published(model, revision);
    const record = await requireRecord(origin, published);
    const { id, entry, receipt: digest } = published;
    const receipt = await origin.receipt(id, entry.number, digest);
    const ticket = publishedFiles(origin.vault, id, receipt);
    const described = await describe(origin, published, record);
    return new VaultSource(ticket, described, await openTransferSource(ticket));
  }

  async resolve(): Promise<SourceRevision> {
    return this.#revision;
  }

  read(
    revision: Pick<SourceRevision, 'model' | 'commit'>,
    file: SourceFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    return this.#files.read(revision, file, range, signal);
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

async function requireRecord(origin: Registry, { id, entry }: Published): Promise<SignedRecord> {
  const findings = new Findings();
  const record = await checkRecord(origin, id, entry, findings);
  const [first] = findings.conclude().problems;
  if (record && !first) return record;
  throw new WeighlockError(
    'WL_VAULT_CORRUPT',
    first
      ? `${first.object} of ${origin.vault.location} ${first.problem}: nothing was copied`
      : `the record of ${id.model} in ${origin.vault.location} cannot be read`,
  );
}

/** The revision as its first source described it, by the origin's record, with all that goes along. */
async function describe(
  origin: Registry,
  { id, entry }: Published,
  record: SignedRecord,
): Promise<SourceRevision> {
  const kept = [
    { type: 'origin-record', bytes: record.bytes },
    { type: 'origin-log-proof', bytes: await origin.proof(id, entry.number) },
  ];
  for (const { type, sha256 } of record.body.evidence) {
    const stored = await origin.vault.get(evidenceKey(sha256), EVIDENCE_BYTES_MAX);
    if (stored) kept.push({ type, bytes: stored.bytes });
  }
  return {
    ...describeRecord(record, id),
    via: { vault: origin.trust.vault, record: record.digest },
    evidence: kept,
  };
}

/** The revision as its source described it when the record was made. */
export function describeRecord({ body }: SignedRecord, { model, commit }: RevisionId): SourceRevision {
  const { manifest, source } = body;
  const { repoId, publisher, authors, license, gated, hubScan, tags } = source;
  return {
    kind: source.kind,
    endpoint: source.endpoint,
    model,
    requested: source.requested,
    commit,
    ...(repoId && { repoId }),
    ...(publisher && { publisher: known(publisher) }),
    ...(authors && { authors }),
    ...(license && { license }),
    ...(gated !== undefined && { gated }),
    tags: tags ?? [],
    ...(hubScan && { hubScan: { status: hubScan } }),
    files: manifest.files.map(onRecord),
    excluded: manifest.excluded as readonly ExcludedFile[],
  };
}

/** A file of a record: held to the digest on record, whatever its source would declare. */
export function onRecord({ path, sizeBytes, sha256, gitBlobSha1 }: ManifestFile): SourceFile {
  const declared = gitBlobSha1
    ? ({ kind: 'git-blob-sha1', digest: gitBlobSha1 } as const)
    : ({ kind: 'lfs-sha256', digest: sha256 } as const);
  return { path, sizeBytes, declared, recorded: sha256 };
}

/** Without the fields that the record left out. */
function known<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;
}
