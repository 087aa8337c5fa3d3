/**
 * Admission: the way of the bytes. One commit of a model is resolved, brought in and scanned in one pass, decided
 * about, recorded, and, if it may pass, published.
 */
import type { RecordBody, SignedRecord } from '../attest/record.ts';
import { type PublisherKey, verifyUpstream } from '../attest/upstream-signature.ts';
import type { Waiver } from '../attest/waiver.ts';
import { WeighlockError } from '../base/errors.ts';
import { byPath, type Manifest, type ManifestFile, manifestDigest } from '../base/manifest.ts';
import type { Commit, ModelName, RepoPath } from '../base/name.ts';
import type { Progress } from '../base/progress.ts';
import { type RuleOutcome, verdictOf } from '../base/verdict.ts';
import type { EngineTicket } from '../engines/engine.ts';
import type { Policy } from '../policy/policy.ts';
import type { Gate } from '../registry/gate.ts';
import type { Reference } from '../scan/references.ts';
import type { SourceRevision } from '../sources/source.ts';
import type { BroughtFile } from '../transfer/job.ts';
import type { RevisionId } from '../vault/layout.ts';
import type { Staging, Vault } from '../vault/vault.ts';
import { type Bringing, type Brought, bring } from './bringing.ts';
import { type NamedRevision, nameContent } from './content.ts';
import { knownCopies } from './copies.ts';
import { authorsSince, identityFacts, requireSameIdentity } from './identity.ts';
import { type Evidence, type Judgement, judge } from './judge.ts';
import { observedFacts } from './observed.ts';
import { conclude, type Rebring } from './publication.ts';
import { readUpstreamSignature, recordBody } from './record-body.ts';
import { type Selection, type SelectionRequest, select } from './selection.ts';
import type { AdmissionSource } from './source.ts';
import { onRecord } from './vault-source.ts';

export interface AdmissionRequest {
  /** The name at the source. */
  readonly model: ModelName;
  readonly revision: string | undefined;
  /** The name in the vault, where it differs (directories). */
  readonly as?: ModelName;
  readonly selection: SelectionRequest;
}

export interface AdmissionOptions {
  readonly source: AdmissionSource;
  readonly policy: Policy;
  /** Who asks for it, as a name of the trust file or of an account: whoever that is cannot approve it. */
  readonly requester?: string | undefined;
  /** Keys of the publisher of a model, for the signature that it ships. */
  readonly publisherKeys?: ((model: ModelName) => readonly PublisherKey[]) | undefined;
  /** What people whom the trust file names take upon themselves; those that lift something become evidence. */
  readonly waivers?: readonly Waiver[];
  /** What is known of loaders: notes, unless it is said which one will read the model. */
  readonly advice?: Evidence['advice'];
  /** Engines of others that look at every file. */
  readonly engines?: readonly EngineTicket[];
  /** Called where nothing speaks against the model so far, with what it leads to: what comes of it goes into the record. */
  readonly attach?: (references: readonly Reference[]) => Promise<Attachment>;
  readonly concurrency: number;
  readonly memoryBytes: number;
  readonly tool: { readonly name: string; readonly version: string };
  readonly report: (event: AdmissionEvent) => void;
}

/** What else decides about a model, and evidence of it. */
export interface Attachment {
  readonly rules: readonly RuleOutcome[];
  readonly evidence: readonly { readonly type: string; readonly bytes: Uint8Array }[];
}

/** What happens, as it happens, for whoever shows it. */
export type AdmissionEvent =
  | { readonly kind: 'resolved'; readonly revision: SourceRevision; readonly selection: Selection }
  /** Content without a commit is read once to be named. */
  | { readonly kind: 'naming'; readonly progress: Progress }
  | { readonly kind: 'named'; readonly commit: Commit }
  | { readonly kind: 'bringing'; readonly progress: Progress }
  | { readonly kind: 'brought'; readonly files: readonly BroughtFile[] }
  | { readonly kind: 'judged'; readonly judgement: Judgement }
  /** What follows is about another repo, which this one needs. */
  | { readonly kind: 'reference'; readonly reference: Reference };

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
  const model = request.as ?? revision.model;
  const staging = await options.vault.stage({ model, commit: revision.commit });
  try {
    const brought = await bringSelected({ revision, selection, staging, gate: undefined }, options);
    const manifest = manifestOf('rehearsal', request, { revision, selection, brought: brought.files });
    const judgement = judge(
      { manifest, revision, brought: brought.files, advice: options.advice },
      options.policy,
    );
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
  const { revision: found, selection } = await resolve(request, options);
  const model = request.as ?? found.model;
  await requireSameIdentity(gate, model, found);
  const authors = found.authors ?? (await authorsSince(gate, model, found));
  const revision = { ...found, ...(authors && { authors }) };
  const rebring = rebringFrom({ ...revision, model }, gate, options);
  const id = { model, commit: revision.commit };
  const revoked = await revokedFiles(gate, id);
  const settled = await settle(gate, { id, selection, rebring });
  if (settled) return settled;
  const staging = await gate.vault.stage(id);
  try {
    const copies = await knownCopies(gate, model, selection.files);
    const named = { ...revision, model };
    const brought = await bringSelected({ revision: named, selection, staging, gate, copies }, options);
    const manifest = manifestOf(gate.trust.vault, request, { revision, selection, brought: brought.files });
    const { source, policy, tool, advice, requester, waivers = [] } = options;
    const waived = { waivers, nowMs: gate.clock.now() };
    const identity = await identityFacts(gate, manifest, revision);
    const entry = (await gate.model(model, await gate.state('accept')))?.revisions[revision.commit];
    const about = { manifest: manifestDigest(manifest), nowMs: gate.clock.now() };
    const observed = await observedFacts(gate, entry, about);
    const upstreamSignature = await readUpstreamSignature(source, revision, selection);
    const signature = verifyUpstream(upstreamSignature, manifest, options.publisherKeys?.(model) ?? []);
    const judgement = judge(
      { manifest, revision, brought: brought.files, revoked, waived, advice, identity, observed, signature },
      policy,
    );
    options.report({ kind: 'judged', judgement });
    const attached = await attachTo(judgement, options);
    const { contacted } = brought;
    const from = {
      manifest,
      revision,
      judgement: attached.judgement,
      evidence: attached.evidence,
      staging: staging.id,
      upstreamSignature,
      contacted,
      policy,
      tool,
      requester,
      waivers: waivers.filter(({ body }) => manifest.files.some(({ sha256 }) => sha256 === body.sha256)),
    };
    const body = await recordBody(gate, from);
    const fetched = brought.files.filter((file) => file.from === 'source').length;
    return await decide(gate, { id, body, staging, selection, rebring, fetched });
  } catch (error) {
    await staging.release().catch(() => {}); // What went wrong first is what is told.
    throw error;
  }
}

/** The judgement with what other repos add to it; they are not asked for a model that is refused: it does not come in anyway. */
async function attachTo(
  judgement: Judgement,
  { attach }: AdmissionOptions,
): Promise<{ readonly judgement: Judgement; readonly evidence: Attachment['evidence'] }> {
  if (!attach || judgement.decision.verdict === 'refused') return { judgement, evidence: [] };
  const { rules: more, evidence } = await attach(judgement.references);
  const rules = [...judgement.decision.rules, ...more];
  return { judgement: { ...judgement, decision: { verdict: verdictOf(rules), rules } }, evidence };
}

/** The digests of revoked files. Throws WL_REVOKED if the revision itself was revoked: nothing is brought in then. */
async function revokedFiles(gate: Gate, id: RevisionId): Promise<ReadonlySet<string>> {
  const current = await gate.state('accept');
  const revoked = (await gate.model(id.model, current))?.revisions[id.commit]?.revoked;
  if (!revoked) return new Set(Object.keys(current.state.revokedFiles));
  const { body } = await gate.statement('revocation', revoked.statement);
  throw new WeighlockError(
    'WL_REVOKED',
    `${id.model}@${id.commit.slice(0, 12)} was revoked at ${body.madeAt}: ${body.reason}`,
  );
}

async function resolve(
  request: AdmissionRequest,
  options: AdmissionOptions,
): Promise<{ revision: NamedRevision; selection: Selection }> {
  const { source, report } = options;
  const revision = await source.resolve(request.model, request.revision);
  if (revision.kind === 'hub' && revision.model !== request.model) {
    throw new WeighlockError(
      'WL_MODEL_RENAMED',
      `${request.model} is now called ${revision.model} at its source`,
      {
        hint: `Look at who owns ${revision.model}; if that is who you trust, run \`weighlock admit ${revision.model}\`.`,
      },
    );
  }
  const selected = select(revision.files, request.selection);
  const selection = { ...selected, excluded: [...(revision.excluded ?? []), ...selected.excluded] };
  report({ kind: 'resolved', revision, selection });
  const { commit } = revision;
  if (commit) return { revision: { ...revision, commit }, selection };
  const onStart = (progress: Progress) => report({ kind: 'naming', progress });
  const named = await nameContent(source, revision, { files: selection.files, onStart });
  report({ kind: 'named', commit: named.commit });
  return {
    revision: { ...revision, commit: named.commit },
    selection: { ...selection, files: named.files },
  };
}

async function bringSelected(
  what: Pick<Bringing, 'revision' | 'staging' | 'gate'> & {
    readonly selection: Selection;
    readonly copies?: Bringing['copies'];
  },
  options: AdmissionOptions,
): Promise<Brought> {
  const { selection, ...rest } = what;
  const { source, engines, concurrency, memoryBytes, report } = options;
  const brought = await bring({
    ...rest,
    files: selection.files,
    source,
    engines,
    concurrency,
    memoryBytes,
    onStart: (progress) => report({ kind: 'bringing', progress }),
  });
  report({ kind: 'brought', files: brought.files });
  return brought;
}

/** For a record that is finished later: the same files again, each held to the digest on record. */
export function rebringFrom(revision: NamedRevision, gate: Gate, options: AdmissionOptions): Rebring {
  return async (staging, files) => {
    const selection = { files: files.map(onRecord), excluded: [] };
    await bringSelected({ revision, selection, staging, gate }, options);
  };
}

function manifestOf(
  vault: string,
  request: AdmissionRequest,
  from: {
    readonly revision: NamedRevision;
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
  return {
    vault,
    model: request.as ?? from.revision.model,
    commit: from.revision.commit,
    files,
    excluded: [...from.selection.excluded].sort(byPath),
  };
}

interface Settling {
  readonly id: RevisionId;
  readonly selection: Selection;
  readonly rebring: Rebring;
}

/** What is already on record about the revision, finished if it was left half-way; undefined if it is to decide. */
async function settle(gate: Gate, { id, selection, rebring }: Settling): Promise<Admission | undefined> {
  const last = await lastRecord(gate, id);
  if (!last || last.removed) return undefined;
  const { record } = last;
  if (record.body.verdict !== 'admitted') {
    await conclude({ gate, record, rebring });
    return undefined;
  }
  requireSameSelection(record, selection);
  const logIndex = await conclude({ gate, record, rebring });
  return { id, record, logIndex, outcome: 'found', fetched: 0 };
}

interface Last {
  /** The record with the highest number that the vault holds, logged or not yet. */
  readonly record: SignedRecord;
  /** It counts no more: what it admitted was removed, and is decided about anew. */
  readonly removed: boolean;
}

async function lastRecord(gate: Gate, id: RevisionId): Promise<Last | undefined> {
  const current = await gate.state('accept');
  const index = (await gate.model(id.model, current))?.revisions[id.commit];
  let number = index?.number ?? -1;
  let last = index && (await gate.record(id, number, index.record));
  for (;;) {
    number += 1;
    const next = await gate.findRecord(id, number);
    if (!next) return last && { record: last, removed: number - 1 === index?.number && !!index.removed };
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
  const rival = last?.record.body.verdict === 'admitted' && !last.removed ? last.record : undefined;
  const claim = rival
    ? { outcome: 'taken' as const, record: rival }
    : await gate.claim(id, (last?.record.body.number ?? -1) + 1, body);
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
