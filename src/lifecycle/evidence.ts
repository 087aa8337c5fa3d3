/**
 * Evidence of a revision: the raw report is stored under its digest, then a signed and logged statement says what it is
 * about. Evidence neither admits nor revokes anything by itself.
 */
import { EVIDENCE_BYTES_MAX } from '../attest/evidence.ts';
import type { RevisionIndex } from '../attest/state.ts';
import type { DeploymentBody, EvidenceBody, Signed } from '../attest/statement.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import type { Gate } from '../registry/gate.ts';
import type { Registry } from '../registry/registry.ts';
import { evidenceKey, type RevisionId } from '../vault/layout.ts';

/** The revision that evidence is about, as its record has it. */
export interface EvidenceSubject extends RevisionId {
  /** Manifest digest. */
  readonly manifest: Sha256;
}

/** Whether a deployment is of the subject: of the very bytes, where they come from the vault. */
export function isServed(body: DeploymentBody, { model, commit, manifest }: EvidenceSubject): boolean {
  const { origin } = body;
  return (
    body.model === model && body.commit === commit && (origin.route === 'hub' || origin.manifest === manifest)
  );
}

/** What is recorded of a report, beside the revision that it is about. */
export type Report = Pick<
  EvidenceBody,
  'kind' | 'observer' | 'target' | 'deployment' | 'configuration' | 'observedAt' | 'results' | 'tool'
>;

/** The revision by name, of whatever verdict: a held one is probed before somebody decides. Throws WL_NOT_ADMITTED. */
export async function evidenceSubject(
  registry: Registry,
  model: ModelName,
  revision: string | undefined,
): Promise<EvidenceSubject> {
  const { id, entry } = await registry.resolve(model, revision);
  const { manifestDigest } = await registry.record(id, entry.number, entry.record);
  return { ...id, manifest: manifestDigest };
}

/** Stores the raw report and declares what it says. Throws WL_LIMIT where it is too long to be kept. */
export async function recordEvidence(
  gate: Gate,
  subject: EvidenceSubject,
  { raw, report }: { readonly raw: Uint8Array; readonly report: Report },
): Promise<{ readonly logIndex: number; readonly statement: Sha256; readonly raw: Sha256 }> {
  if (raw.length > EVIDENCE_BYTES_MAX)
    throw new WeighlockError(
      'WL_LIMIT',
      `the report is longer than the ${EVIDENCE_BYTES_MAX} bytes that are kept`,
    );
  const digest = sha256(raw);
  await gate.vault.create(evidenceKey(digest), raw);
  const { model, commit, manifest } = subject;
  const { index, signed } = await gate.declare<EvidenceBody>({
    type: 'weighlock.evidence/v1',
    model,
    commit,
    manifest,
    raw: digest,
    ...report,
  });
  return { logIndex: index, statement: signed.digest, raw: digest };
}

export interface RecordedEvidence {
  readonly logIndex: number;
  readonly signed: Signed<EvidenceBody>;
}

/** What is on record about a revision, the newest first. */
export async function evidenceOf(registry: Registry, entry: RevisionIndex): Promise<RecordedEvidence[]> {
  const found: RecordedEvidence[] = [];
  for (const { statement, logIndex } of (entry.evidence ?? []).toReversed())
    found.push({ logIndex, signed: await registry.statement('evidence', statement) });
  return found;
}
