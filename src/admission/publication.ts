/**
 * Publication: from a claimed record to a published revision, forward only.
 *
 *   record claimed → logged → files published with model.sig → receipt → state
 *
 * Every step may be the last of a process that dies. Whoever comes next calls the same function with the record
 * and goes on from where the vault stands: an admitted record is finished, never decided again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { signModel } from '../attest/model-signing.ts';
import type { SignedRecord } from '../attest/record.ts';
import type { RevisionIndex } from '../attest/state.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ManifestFile } from '../base/manifest.ts';
import { type RepoPath, SIGNATURE_PATH } from '../base/name.ts';
import { signedName } from '../registry/check-files.ts';
import type { Gate } from '../registry/gate.ts';
import { Findings } from '../registry/problem.ts';
import { checkPublished } from '../registry/verify-revision.ts';
import type { RevisionId } from '../vault/layout.ts';
import type { Staging, StoredFile } from '../vault/vault.ts';

/** Brings the files of a record into a staging area: staged ones are hashed again, others fetched. */
export type Rebring = (staging: Staging, files: readonly ManifestFile[]) => Promise<void>;

export interface PublicationOptions {
  readonly gate: Gate;
  readonly record: SignedRecord;
  /** The staging area, if this process holds it and has just filled it; otherwise the record names it. */
  readonly staging?: Staging;
  readonly rebring: Rebring;
}

/** How long to wait for another process that publishes the same record, and how often to look. */
const WAIT_MS = 15 * 60_000;
const LOOK_MS = 100;

/** Logs the record and, if it admits, makes its files the published revision. Idempotent. Returns its log index. */
export async function conclude(options: PublicationOptions): Promise<number> {
  const { gate, record } = options;
  const known = await indexed(gate, record);
  const logIndex = known?.logIndex ?? (await gate.log(record));
  await gate.keepProof(record, logIndex);
  if (record.body.verdict === 'admitted') await publish(options);
  else if (!known) await gate.advance();
  return logIndex;
}

async function publish(options: PublicationOptions): Promise<void> {
  const { gate, record } = options;
  const { model, commit } = record.body.manifest;
  const { number } = record.body;
  const id: RevisionId = { model, commit };
  const deadline = Date.now() + WAIT_MS;
  while (Date.now() < deadline) {
    if ((await indexed(gate, record))?.receipt) return;
    const stored = await place(id, options);
    if (stored) {
      const digest = await gate.storeReceipt(id, number, {
        type: 'weighlock.receipt/v1',
        vault: gate.trust.vault,
        record: record.digest,
        files: [...stored],
      });
      await gate.advance([{ id, number, digest }]);
      return;
    }
    await sleep(LOOK_MS);
  }
  throw new WeighlockError(
    'WL_VAULT_UNAVAILABLE',
    `another process is still publishing ${model}@${commit.slice(0, 12)}`,
    {
      hint: 'Run the command again when it has ended: it finishes what that process leaves.',
    },
  );
}

/** What the state says of exactly this record. */
async function indexed(gate: Gate, record: SignedRecord): Promise<RevisionIndex | undefined> {
  const { model, commit } = record.body.manifest;
  const entry = (await gate.model(model, await gate.state('accept')))?.revisions[commit];
  return entry?.record === record.digest ? entry : undefined;
}

/** Puts the files in their place; undefined while another process is about to. */
async function place(
  id: RevisionId,
  options: PublicationOptions,
): Promise<readonly StoredFile[] | undefined> {
  const { gate, record } = options;
  if (options.staging) return seal(id, options.staging, options);
  if (await isSealed(gate, id)) {
    await requireBytes(id, options);
    return gate.vault.stat(id);
  }
  const area = record.body.staging === undefined ? 'gone' : await gate.vault.resume(record.body.staging);
  if (area === 'busy') return undefined;
  if (area === 'gone' && (await gate.vault.stat(id)).length > 0) {
    // Whoever held the area may have published it since the first look; anything else is not ours, and named.
    if (!(await isSealed(gate, id))) await requireBytes(id, options);
    return undefined;
  }
  const staging = area === 'gone' ? await gate.vault.stage(`${id.model}@${id.commit}`) : area;
  try {
    await options.rebring(staging, record.body.manifest.files);
    return await seal(id, staging, options);
  } catch (error) {
    await staging.release();
    throw error;
  }
}

/** Whether a tree with our signature, the last file of a publication, stands there. */
async function isSealed(gate: Gate, id: RevisionId): Promise<boolean> {
  return (await gate.vault.stat(id)).some((file) => file.path === SIGNATURE_PATH);
}

/** Signs the staged files and publishes them, the signature last. */
async function seal(
  id: RevisionId,
  staging: Staging,
  options: PublicationOptions,
): Promise<readonly StoredFile[]> {
  const { files } = options.record.body.manifest;
  const there = await options.gate.vault.stat(id);
  if (there.length > 0) {
    // Another process finished the same record, or somebody put something there: only the bytes can tell.
    await requireBytes(id, options);
    await staging.discard();
    return there;
  }
  await staging.put(SIGNATURE_PATH, await signModel(signedName(id), files, options.gate.signer));
  return staging.publish(id, [...files.map((file) => file.path).sort(byReadiness), SIGNATURE_PATH]);
}

/** Weights first, what points to them next, and `config.json`, which loaders look for, last. */
export function byReadiness(a: RepoPath, b: RepoPath): number {
  return readiness(a) - readiness(b) || (a < b ? -1 : 1);
}

function readiness(path: RepoPath): number {
  if (path === 'config.json') return 3;
  if (path.endsWith('.index.json')) return 2;
  return /\.(json|jinja|txt|md)$/.test(path) ? 1 : 0;
}

/** A tree that stands before its receipt was written was put there by a run that died, or by somebody else. */
async function requireBytes(id: RevisionId, options: PublicationOptions): Promise<void> {
  const { gate, record } = options;
  const findings = new Findings();
  await checkPublished(gate, { id, record }, { depth: 'bytes' }, findings);
  const [first] = findings.conclude().problems;
  if (!first) return;
  throw new WeighlockError(
    'WL_VAULT_CORRUPT',
    `${first.object} ${first.problem}; it stood there before the files of ${id.model} were published`,
    { hint: 'Find out who wrote it, remove the folder of that revision, and run the command again.' },
  );
}
