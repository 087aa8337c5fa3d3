/**
 * Admission: the way of the bytes. One commit of a model is resolved, brought in and scanned in one pass, decided
 * about, recorded, and, if it may pass, published.
 */
import type { RecordBody, SignedRecord } from '../attest/record.ts';
import { WeighlockError } from '../base/errors.ts';
import { byPath, commitFromContent, type Manifest, type ManifestFile } from '../base/manifest.ts';
import type { Commit, ModelName, RepoPath } from '../base/name.ts';
import type { Progress } from '../base/progress.ts';
import type { Policy } from '../policy/policy.ts';
import type { Gate } from '../registry/gate.ts';
import type { Source, SourceFile, SourceRevision } from '../sources/source.ts';
import type { RevisionId } from '../vault/layout.ts';
import type { Staging, Vault } from '../vault/vault.ts';
import { bringAll } from './crew.ts';
import { requireSameIdentity } from './identity.ts';
import type { BroughtFile } from './job.ts';
import { type Judgement, judge } from './judge.ts';
import { conclude, type Rebring } from './publication.ts';
import { recordBody } from './record-body.ts';
import { type Selection, type SelectionRequest, select } from './selection.ts';

export interface AdmissionRequest {
  /** The name at the source. */
  readonly model: ModelName;
  readonly revision: string | undefined;
  /** The name in the vault, where it differs (directories). */
  readonly as?: ModelName;
  readonly selection: SelectionRequest;
}

export interface AdmissionOptions {
  readonly source: Source;
  readonly policy: Policy;
  readonly concurrency: number;
  readonly memoryBytes: number;
  readonly tool: { readonly name: string; readonly version: string };
  readonly report: (event: AdmissionEvent) => void;
}

/** What happens, as it happens, for whoever shows it. */
export type AdmissionEvent =
  | { readonly kind: 'resolved'; readonly revision: SourceRevision; readonly selection: Selection }
  | { readonly kind: 'bringing'; readonly progress: Progress }
  | { readonly kind: 'brought'; readonly files: readonly BroughtFile[] }
  | { readonly kind: 'judged'; readonly judgement: Judgement };

export interface Admission {
  readonly id: RevisionId;
  readonly record: SignedRecord;
  readonly logIndex: number;
  /** `decided` now, or `found`: the same revision and selection was already on record as admitted. */
  readonly outcome: 'decided' | 'found';
  /** How many of the files came from the source in this run. */
  readonly fetched: number;
}

/** Everything up to the verdict, with nothing stored: what `--dry-run` and `policy test` do. */
export async function rehearse(
  request: AdmissionRequest,
  options: AdmissionOptions & { readonly vault: Vault },
): Promise<{ revision: SourceRevision; selection: Selection; manifest: Manifest; judgement: Judgement }> {
  const { revision, selection } = await resolve(request, options);
  const staging = await options.vault.stage(`rehearsal ${process.pid}`);
  try {
    const brought = await bring({ revision, selection, staging }, options);
    const manifest = manifestOf('rehearsal', request, { revision, selection, brought: brought.files });
    const judgement = judge({ manifest, revision, brought: brought.files }, options.policy);
    options.report({ kind: 'judged', judgement });
    return { revision, selection, manifest, judgement };
  } finally {
    await staging.discard();
  }
}

export async function admit(
  gate: Gate,
  request: AdmissionRequest,
  options: AdmissionOptions,
): Promise<Admission> {
  const { revision, selection } = await resolve(request, options);
  const model = request.as ?? revision.model;
  await requireSameIdentity(gate, model, revision);
  const rebring = rebringFrom(revision, options);
  if (revision.commit) {
    const found = await settle(gate, { id: { model, commit: revision.commit }, selection, rebring });
    if (found) return found;
  }
  const staging = await gate.vault.stage(purposeOf(model, revision));
  try {
    const brought = await bring({ revision, selection, staging }, options);
    const manifest = manifestOf(gate.trust.vault, request, { revision, selection, brought: brought.files });
    const id = { model, commit: manifest.commit };
    if (!revision.commit) {
      const found = await settle(gate, { id, selection, rebring });
      if (found) {
        await staging.discard();
        return found;
      }
    }
    const judgement = judge({ manifest, revision, brought: brought.files }, options.policy);
    options.report({ kind: 'judged', judgement });
    const { source, policy, tool } = options;
    const { contacted } = brought;
    const from = {
      manifest,
      revision,
      judgement,
      staging: staging.id,
      selection,
      contacted,
      source,
      policy,
      tool,
    };
    const body = await recordBody(gate, from);
    return await decide(gate, { id, body, staging, selection, rebring, fetched: brought.fetched });
  } catch (error) {
    await staging.release();
    throw error;
  }
}

async function resolve(
  request: AdmissionRequest,
  options: AdmissionOptions,
): Promise<{ revision: SourceRevision; selection: Selection }> {
  const revision = await options.source.resolve(request.model, request.revision);
  if (revision.kind === 'hub' && revision.model !== request.model) {
    throw new WeighlockError(
      'WL_MODEL_RENAMED',
      `${request.model} is now called ${revision.model} at its source`,
      {
        hint: `Look at who owns ${revision.model}; if that is who you trust, run \`weighlock admit ${revision.model}\`.`,
      },
    );
  }
  const selection = select(revision.files, request.selection);
  options.report({ kind: 'resolved', revision, selection });
  return { revision, selection };
}

interface Bringing {
  readonly revision: SourceRevision;
  readonly selection: Selection;
  readonly staging: Staging;
}

interface Brought {
  readonly files: readonly BroughtFile[];
  readonly fetched: number;
  readonly contacted: ReadonlySet<string>;
}

async function bring(
  { revision, selection, staging }: Bringing,
  options: AdmissionOptions,
): Promise<Brought> {
  const staged = new Set((await staging.finished()).map((file) => file.path));
  const { brought, contacted } = await bringAll({
    source: options.source.ticket,
    staging: staging.ticket,
    revision: { model: revision.model, commit: revision.commit },
    files: selection.files,
    staged,
    concurrency: options.concurrency,
    memoryBytes: options.memoryBytes,
    onStart: (progress) => options.report({ kind: 'bringing', progress }),
  });
  options.report({ kind: 'brought', files: brought });
  const fetched = brought.filter((file) => file.from === 'source').length;
  return { files: brought, fetched, contacted: new Set([...options.source.contacted, ...contacted]) };
}

/** For a record that is finished later: the same files again, each held to the digest on record. */
function rebringFrom(revision: SourceRevision, options: AdmissionOptions): Rebring {
  return async (staging, files) => {
    const declared: SourceFile[] = files.map(({ path, sizeBytes, sha256 }) => ({
      path,
      sizeBytes,
      declared: { kind: 'lfs-sha256', digest: sha256 },
    }));
    await bring({ revision, selection: { files: declared, excluded: [] }, staging }, options);
  };
}

function manifestOf(
  vault: string,
  request: AdmissionRequest,
  from: {
    readonly revision: SourceRevision;
    readonly selection: Selection;
    readonly brought: readonly BroughtFile[];
  },
): Manifest {
  const files = from.brought
    .map(({ file, sizeBytes, sha256 }): ManifestFile => {
      const { path, declared } = file;
      const git = declared.kind === 'git-blob-sha1' ? { gitBlobSha1: declared.digest } : {};
      return { path, sizeBytes, sha256, ...git };
    })
    .sort(byPath);
  const commit: Commit = from.revision.commit ?? commitFromContent(files);
  return {
    vault,
    model: request.as ?? from.revision.model,
    commit,
    files,
    excluded: [...from.selection.excluded].sort(byPath),
  };
}

function purposeOf(model: ModelName, revision: SourceRevision): string {
  return `${model}@${revision.commit ?? revision.endpoint}`;
}

interface Settling {
  readonly id: RevisionId;
  readonly selection: Selection;
  readonly rebring: Rebring;
}

/** What is already on record about the revision, finished if it was left half-way; undefined if it is to decide. */
async function settle(gate: Gate, { id, selection, rebring }: Settling): Promise<Admission | undefined> {
  const record = await lastRecord(gate, id);
  if (!record) return undefined;
  if (record.body.verdict !== 'admitted') {
    await conclude({ gate, record, rebring });
    return undefined;
  }
  requireSameSelection(record, selection);
  const logIndex = await conclude({ gate, record, rebring });
  return { id, record, logIndex, outcome: 'found', fetched: 0 };
}

/** The record with the highest number that the vault holds, logged or not yet. */
async function lastRecord(gate: Gate, id: RevisionId): Promise<SignedRecord | undefined> {
  const current = await gate.state('accept');
  const index = (await gate.model(id.model, current))?.revisions[id.commit];
  let number = index?.number ?? -1;
  let last = index && (await gate.record(id, number, index.record));
  for (;;) {
    number += 1;
    const next = await gate.findRecord(id, number);
    if (!next) return last;
    last = next;
  }
}

function requireSameSelection(record: SignedRecord, selection: Selection): void {
  const { model, commit, files } = record.body.manifest;
  const recorded = new Set<RepoPath>(files.map((file) => file.path));
  const same =
    recorded.size === selection.files.length && selection.files.every((file) => recorded.has(file.path));
  if (same) return;
  throw new WeighlockError(
    'WL_SELECTION_CONFLICT',
    `${model}@${commit.slice(0, 12)} is on record with ${files.length} files, and these options select ${selection.files.length}`,
    {
      hint: `\`weighlock show ${model}@${commit}\` lists the files on record; admit with the same --include and --exclude.`,
    },
  );
}

interface Deciding extends Settling {
  readonly body: Omit<RecordBody, 'number'>;
  readonly staging: Staging;
  readonly fetched: number;
}

/** Claims the record, and concludes it; or returns what a rival decided at the same moment. */
async function decide(gate: Gate, deciding: Deciding): Promise<Admission> {
  const { id, body, staging, selection, rebring, fetched } = deciding;
  const last = await lastRecord(gate, id);
  const rival = last?.body.verdict === 'admitted' ? last : undefined;
  const claim = rival
    ? { outcome: 'taken' as const, record: rival }
    : await gate.claim(id, (last?.body.number ?? -1) + 1, body);
  const { record } = claim;
  if (claim.outcome === 'taken') {
    await staging.discard();
    requireSameSelection(record, selection);
    return { id, record, logIndex: await conclude({ gate, record, rebring }), outcome: 'found', fetched };
  }
  const logIndex = await conclude({ gate, record, staging, rebring });
  if (body.verdict === 'held') await staging.release();
  if (body.verdict === 'refused') await staging.discard();
  return { id, record, logIndex, outcome: 'decided', fetched };
}
