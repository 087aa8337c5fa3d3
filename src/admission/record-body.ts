/** The content of a record; what it refers to by digest (policy, facts, evidence) is stored first. */
import type { RecordBody } from '../attest/record.ts';
import type { Waiver } from '../attest/waiver.ts';
import { timestamp } from '../base/clock.ts';
import { gitBlobSha1, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { spread } from '../base/lanes.ts';
import type { Manifest } from '../base/manifest.ts';
import { PARSERS_VERSION } from '../formats/facts.ts';
import type { Policy } from '../policy/policy.ts';
import type { Gate } from '../registry/gate.ts';
import { DEFAULT_CHANNEL } from '../registry/registry.ts';
import type { SourceFile, SourceRevision } from '../sources/source.ts';
import { evidenceKey, factsKey, policyKey } from '../vault/layout.ts';
import type { Judgement } from './judge.ts';
import type { Selection } from './selection.ts';
import type { AdmissionSource } from './source.ts';

export interface ForRecord {
  readonly manifest: Manifest;
  readonly revision: SourceRevision;
  readonly judgement: Judgement;
  /** The staging area that holds the files. */
  readonly staging: string;
  /** The publisher's own signature, where there is one. */
  readonly upstreamSignature: Uint8Array | undefined;
  readonly contacted: ReadonlySet<string>;
  readonly policy: Policy;
  readonly tool: RecordBody['tool'];
  readonly requester: string | undefined;
  /** What goes along beside what the source gave. */
  readonly evidence: readonly { readonly type: string; readonly bytes: Uint8Array }[];
  /** Those that are about files of this revision. */
  readonly waivers: readonly Waiver[];
}

export async function recordBody(gate: Gate, from: ForRecord): Promise<Omit<RecordBody, 'number'>> {
  const { manifest, revision, judgement, staging, contacted, policy, tool } = from;
  await gate.vault.create(policyKey(policy.sha256), Buffer.from(policy.text));
  const coverage = await storeFacts(gate, judgement);
  const evidence = await storeEvidence(gate, from);
  const { repoId, publisher, license, gated, hubScan, via } = revision;
  return {
    type: 'weighlock.record/v1',
    decidedAt: timestamp(gate.clock),
    verdict: judgement.decision.verdict,
    rules: [...judgement.decision.rules],
    policy: { name: policy.name, sha256: policy.sha256 },
    manifest: { ...manifest, files: [...manifest.files], excluded: [...manifest.excluded] },
    source: {
      kind: revision.kind,
      endpoint: revision.endpoint,
      requested: revision.requested,
      ...(repoId && { repoId }),
      ...(publisher && { publisher }),
      ...(revision.authors && { authors: [...revision.authors] }),
      ...(license && { license }),
      ...(gated !== undefined && { gated }),
      tags: [...revision.tags],
      ...(hubScan && { hubScan: hubScan.status }),
      contacted: [...contacted].sort(),
      ...(via && { via }),
    },
    coverage,
    findings: [...judgement.findings],
    evidence,
    channel: DEFAULT_CHANNEL,
    ...(judgement.decision.verdict !== 'refused' && { staging }),
    parsers: PARSERS_VERSION,
    logSize: await gate.logSize(),
    tool,
    ...(from.requester !== undefined && { requester: from.requester }),
  };
}

/** Objects that are stored at once: a bucket far away answers each after some tens of milliseconds. */
const STORED_AT_ONCE = 8;

async function storeFacts(gate: Gate, judgement: Judgement): Promise<RecordBody['coverage']> {
  const coverage: RecordBody['coverage'] = [];
  await spread(judgement.files.entries(), STORED_AT_ONCE, async ([number, { path, facts, verdict }]) => {
    const bytes = Buffer.from(JSON.stringify(facts));
    const digest = sha256(bytes);
    await gate.vault.create(factsKey(digest), bytes);
    coverage[number] = { path, format: facts.format, verdict, facts: digest, gaps: [...facts.gaps] };
  });
  return coverage;
}

function requireDeclared({ path, declared }: SourceFile, bytes: Uint8Array): void {
  if (declared.kind === 'none') return;
  const digest = declared.kind === 'git-blob-sha1' ? gitBlobSha1(bytes) : sha256(bytes);
  if (digest === declared.digest) return;
  throw new WeighlockError(
    'WL_DIGEST_MISMATCH',
    `${path} arrived with the digest ${digest}, and the source declares ${declared.digest}`,
  );
}

/** The type of evidence that a publisher's own signature is. */
export const UPSTREAM_SIGNATURE = 'upstream-model.sig';

/** Longest upstream signature that is kept. */
export const SIGNATURE_BYTES_MAX = 16 << 20;

async function storeEvidence(
  gate: Gate,
  { revision, waivers, evidence: attached, upstreamSignature }: ForRecord,
): Promise<RecordBody['evidence']> {
  const evidence: RecordBody['evidence'] = [];
  const keep = async (type: string, bytes: Uint8Array) => {
    const digest = sha256(bytes);
    await gate.vault.create(evidenceKey(digest), bytes);
    evidence.push({ type, sha256: digest });
  };
  for (const { type, bytes } of revision.evidence ?? []) await keep(type, bytes);
  for (const { bytes } of waivers) await keep('waiver', bytes);
  for (const { type, bytes } of attached) await keep(type, bytes);
  if (revision.hubScan?.raw !== undefined)
    await keep('hub-scan', Buffer.from(JSON.stringify(revision.hubScan)));
  if (upstreamSignature) await keep(UPSTREAM_SIGNATURE, upstreamSignature);
  return evidence;
}

/** The publisher's own `model.sig`, held to the digest that the source declares; undefined where there is none, or it is too long. */
export async function readUpstreamSignature(
  source: AdmissionSource,
  revision: SourceRevision,
  { upstreamSignature: signature }: Selection,
): Promise<Uint8Array | undefined> {
  if (!signature || signature.sizeBytes > SIGNATURE_BYTES_MAX) return undefined;
  const chunks: Uint8Array[] = [];
  const whole = { offset: 0, length: signature.sizeBytes };
  for await (const chunk of source.read(revision, signature, whole)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  requireDeclared(signature, bytes);
  return bytes;
}
