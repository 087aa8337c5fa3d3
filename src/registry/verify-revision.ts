/** Verifying one revision in the vault: state, log, record, receipt, signature, every byte. */
import { recordEntry } from '../attest/entry.ts';
import { openRecord, type SignedRecord } from '../attest/record.ts';
import type { RevisionIndex } from '../attest/state.ts';
import { gateKeys, logKeys, type Trust } from '../attest/trust.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import type { ModelName } from '../base/name.ts';
import type { OnStart } from '../base/progress.ts';
import { EMPTY_ROOT, leafHash, verifyInclusion } from '../log/merkle.ts';
import { verifyProof } from '../log/proof.ts';
import { LogReader } from '../log/reader.ts';
import {
  evidenceKey,
  factsKey,
  fileKey,
  policyKey,
  proofKey,
  type RevisionId,
  receiptKey,
  recordKey,
  revisionPrefix,
} from '../vault/layout.ts';
import { checkApproved } from './check-approved.ts';
import { checkFiles, type FileSet } from './check-files.ts';
import { Findings, type Verification } from './problem.ts';
import type { Registry } from './registry.ts';

export interface RevisionCheck {
  /** `list` checks everything but the bytes of the files. */
  readonly depth: 'list' | 'bytes';
  readonly onStart?: OnStart | undefined;
}

/** Longest policy, evidence and facts objects that are read back. */
const OBJECT_BYTES_MAX = 256 << 20;

/**
 * Verifies the revision that a name stands for. Throws WL_NOT_ADMITTED if it is not published, and whatever makes
 * the state itself unbelievable; everything else is a problem in the answer.
 */
export async function verifyRevision(
  registry: Registry,
  wanted: { readonly model: ModelName; readonly revision: string | undefined },
  check: RevisionCheck,
): Promise<{ id: RevisionId; verification: Verification }> {
  const { id, entry } = await registry.published(wanted.model, wanted.revision);
  const findings = new Findings();
  findings.checked('trust file, state and its place in the log');
  await checkRevision(registry, { id, entry }, check, findings);
  if (check.depth === 'list') findings.unchecked('the bytes of the files (--quick)');
  return { id, verification: findings.conclude() };
}

/** The record of a revision and everything that hangs on it. */
export async function checkRevision(
  registry: Registry,
  { id, entry }: { readonly id: RevisionId; readonly entry: RevisionIndex },
  check: RevisionCheck,
  findings: Findings,
): Promise<void> {
  const record = await checkRecord(registry, id, entry, findings);
  if (!record) return;
  if (!entry.receipt) return;
  await checkReceipt(registry, { id, entry, record }, findings);
  await checkPublished(registry, { id, record }, check, findings);
}

/** The files of a revision in the vault, against its record. */
export async function checkPublished(
  registry: Registry,
  { id, record }: { readonly id: RevisionId; readonly record: SignedRecord },
  check: RevisionCheck,
  findings: Findings,
): Promise<void> {
  const set = vaultFiles(registry, id);
  const { keys } = registry;
  const { manifest } = record.body;
  const owner = (digest: Sha256) => ownerOf(registry, digest).catch(() => undefined);
  await checkFiles({ set, manifest, keys, ...check, owner }, findings);
}

/** The record: signed by a key in force, in the log where the state says, with what it refers to. */
export async function checkRecord(
  registry: Registry,
  id: RevisionId,
  entry: Pick<RevisionIndex, 'number' | 'record' | 'logIndex'>,
  findings: Findings,
): Promise<SignedRecord | undefined> {
  const key = recordKey(id, entry.number);
  const record = await findings.attempt(key, () => registry.record(id, entry.number, entry.record));
  if (!record) return undefined;
  const inForce = gateKeys(registry.trust, entry.logIndex);
  await findings.attempt(key, async () => openRecord(record.bytes, inForce, key));
  await checkLogged(registry, record, entry.logIndex, findings);
  await checkProof(registry, { id, record, logIndex: entry.logIndex }, findings);
  await checkReferences(registry, record, findings);
  await checkApproved(registry, { id, record, logIndex: entry.logIndex }, findings);
  findings.checked(`record ${entry.number}, log entry ${entry.logIndex}`);
  return record;
}

async function checkLogged(
  registry: Registry,
  record: SignedRecord,
  index: number,
  findings: Findings,
): Promise<void> {
  await findings.attempt('log/', async () => {
    const { size, root } = await registry.checkpoint();
    const proof = index < size ? await new LogReader(registry.logFiles).prove(index, size) : [];
    const leaf = leafHash(recordEntry(record));
    if (!verifyInclusion({ leaf, index, size, root: root ?? EMPTY_ROOT, proof })) {
      findings.problem(`log/, entry ${index}`, `is not the entry of ${recordName(record)}`);
    }
  });
}

async function checkProof(
  registry: Registry,
  at: { readonly id: RevisionId; readonly record: SignedRecord; readonly logIndex: number },
  findings: Findings,
): Promise<void> {
  const key = proofKey(at.id, at.record.body.number);
  await findings.attempt(key, async () => {
    const proof = await registry.proof(at.id, at.record.body.number);
    const { index } = verifyProof(proof, recordEntry(at.record), logOf(registry.trust));
    if (index !== at.logIndex) findings.problem(key, `proves entry ${index} instead of ${at.logIndex}`);
  });
}

/** Policy, facts and evidence are named by digest in the record. */
async function checkReferences(registry: Registry, record: SignedRecord, findings: Findings): Promise<void> {
  const { policy, coverage, evidence } = record.body;
  const { policies } = registry.trust;
  if (policies !== 'any' && !policies.includes(policy.sha256)) {
    findings.problem(
      recordName(record),
      `was decided by a policy that the trust file does not accept (${policy.name})`,
    );
  }
  const named: [string, Sha256][] = [
    [policyKey(policy.sha256), policy.sha256],
    ...coverage.map(({ facts }): [string, Sha256] => [factsKey(facts), facts]),
    ...evidence.map(({ sha256 }): [string, Sha256] => [evidenceKey(sha256), sha256]),
  ];
  for (const [key, digest] of new Map(named)) {
    const stored = await findings.attempt(key, () =>
      registry.vault.get(key as ReturnType<typeof policyKey>, OBJECT_BYTES_MAX),
    );
    if (!stored) findings.problem(key, 'is missing');
    else if (sha256(stored.bytes) !== digest) findings.problem(key, 'was changed');
  }
}

async function checkReceipt(
  registry: Registry,
  at: { readonly id: RevisionId; readonly entry: RevisionIndex; readonly record: SignedRecord },
  findings: Findings,
): Promise<void> {
  const { id, entry, record } = at;
  const key = receiptKey(id, entry.number);
  const receipt = await findings.attempt(key, () => registry.receipt(id, entry.number, entry.receipt));
  if (!receipt) return;
  if (receipt.record !== record.digest || receipt.vault !== registry.trust.vault) {
    findings.problem(key, 'is the receipt of another record');
    return;
  }
  findings.checked('receipt');
}

/** Which admitted file of the vault has this digest: to say whose file it is that stands in the wrong place. */
async function ownerOf(registry: Registry, digest: Sha256): Promise<string | undefined> {
  for await (const { model, index } of registry.models()) {
    for (const [commit, entry] of Object.entries(index.revisions)) {
      const id = { model, commit } as RevisionId;
      const record = await registry.findRecord(id, entry.number).catch(() => undefined);
      const file = record?.body.manifest.files.find((candidate) => candidate.sha256 === digest);
      if (file) return `${file.path} of ${model}@${commit.slice(0, 12)}`;
    }
  }
  return undefined;
}

function vaultFiles(registry: Registry, id: RevisionId): FileSet {
  return {
    name: (path) => `${revisionPrefix(id)}${path}`,
    list: () => registry.vault.stat(id),
    read: (path) => registry.vault.read(fileKey(id, path)),
  };
}

export function recordName(record: SignedRecord): string {
  const { model, commit } = record.body.manifest;
  return recordKey({ model, commit }, record.body.number);
}

export function logOf(trust: Trust): { origin: string; keys: string[] } {
  return { origin: trust.origin, keys: logKeys(trust) };
}
