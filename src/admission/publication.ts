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
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { byPath, type ManifestFile } from '../base/manifest.ts';
import { type RepoPath, SIGNATURE_PATH } from '../base/name.ts';
import { checkFiles, type FileSet, signedName } from '../registry/check-files.ts';
import type { Gate } from '../registry/gate.ts';
import { keepFromReaders } from '../registry/keep-from.ts';
import { Findings } from '../registry/problem.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { Staging, StoredFile } from '../vault/vault.ts';

/** Brings the files of a record into a staging area: staged ones are hashed again, others fetched. */
export type Rebring = (staging: Staging, files: readonly ManifestFile[]) => Promise<void>;

export interface PublicationOptions {
  readonly gate: Gate;
  readonly record: SignedRecord;
  /** The staging area, if this process holds it and has just filled it; otherwise the record names it. */
  readonly staging?: Staging | undefined;
  readonly rebring: Rebring;
}

/** How long to wait for another process that publishes the same record, and how often to look. */
const WAIT_MS = 15 * 60_000;
const LOOK_MS = 100;
/** Times that what was staged may be lost, or a rival get ahead, before a person should look. */
const LOSSES_MAX = 5;

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
  let { staging } = options;
  for (let losses = 0; Date.now() < deadline; ) {
    const entry = await indexed(gate, record);
    if (entry?.revoked) {
      await staging?.discard();
      throw new WeighlockError(
        'WL_REVOKED',
        `${model}@${commit.slice(0, 12)} was revoked while it was admitted`,
      );
    }
    if (entry?.receipt) return;
    let stored: readonly StoredFile[] | undefined;
    try {
      stored = await place(id, { ...options, staging });
    } catch (error) {
      losses += 1;
      if (!isLoss(error) || losses >= LOSSES_MAX) throw error;
      // What stands is looked at anew, and what is gone brought in again.
      await staging?.release().catch(() => {});
      staging = undefined;
      continue;
    }
    if (stored) {
      const digest = await gate.storeReceipt(id, number, {
        type: 'weighlock.receipt/v1',
        vault: gate.trust.vault,
        record: record.digest,
        files: [...stored].sort(byPath),
      });
      await gate.advance([{ id, number, digest }]);
      // Revoked between the last look and now: the files stand, and nobody is to read them.
      if ((await indexed(gate, record))?.revoked) await keepFromReaders(gate, id);
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

function isLoss(error: unknown): boolean {
  return error instanceof WeighlockError && error.code === 'WL_STAGING_LOST';
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
  const { vault } = gate;
  const there = await standing(id, gate);
  if (options.staging) return seal(id, there, { ...options, staging: options.staging });
  if (isSealed(there)) {
    const stored = await vouched(id, there, options);
    const left = record.body.staging === undefined ? 'gone' : await vault.resume(record.body.staging, id);
    if (typeof left !== 'string') await left.discard();
    return stored;
  }
  const area = record.body.staging === undefined ? 'gone' : await vault.resume(record.body.staging, id);
  if (area === 'busy') return undefined;
  if (area === 'gone' && there.length > 0 && vault.publishes === 'at once') {
    // Whoever held the area may have published it since the first look; anything else is not ours, and named.
    const now = await standing(id, gate);
    if (!isSealed(now)) await vouched(id, now, options);
    return undefined;
  }
  const staging = area === 'gone' ? await vault.stage(id) : area;
  try {
    const stand = new Set(there.map((file) => file.path));
    const missing = record.body.manifest.files.filter((file) => !stand.has(file.path));
    await options.rebring(staging, missing);
    return await seal(id, there, { ...options, staging });
  } catch (error) {
    await staging.release().catch(() => {}); // What went wrong first is what is told.
    throw error;
  }
}

/** What stands at the place of the revision, as the store names it. */
async function standing(id: RevisionId, gate: Gate): Promise<readonly StoredFile[]> {
  const files: StoredFile[] = [];
  for (const { path } of await gate.vault.stat(id)) {
    const file = await gate.vault.inspect(id, path);
    if (file) files.push(file);
  }
  return files;
}

/** Whether our signature, the last file of a publication, stands there. */
function isSealed(there: readonly StoredFile[]): boolean {
  return there.some((file) => file.path === SIGNATURE_PATH);
}

/** Signs the staged files and publishes those that do not stand yet, the signature last. */
async function seal(
  id: RevisionId,
  there: readonly StoredFile[],
  options: PublicationOptions & { readonly staging: Staging },
): Promise<readonly StoredFile[]> {
  const { gate, staging, record } = options;
  const { files } = record.body.manifest;
  // Another process finished the same record, or somebody put something there: only the bytes can tell.
  const stand = there.length > 0 ? await vouched(id, there, options) : [];
  if (isSealed(stand)) {
    await staging.discard();
    return stand;
  }
  const signature = await signModel(signedName(id), files, gate.signer);
  await staging.put(SIGNATURE_PATH, signature);
  const paths = new Set(stand.map((file) => file.path));
  const groups = byReadiness(files.filter(({ path }) => !paths.has(path)));
  const sealed = { path: SIGNATURE_PATH, sizeBytes: signature.length, sha256: sha256(signature) };
  return [...stand, ...(await staging.publish([...groups, [sealed]]))];
}

/** Weights stand first, texts next, then what points to weights, and last `config.json`, which loaders look for. */
export function byReadiness<T extends { readonly path: RepoPath }>(files: readonly T[]): T[][] {
  return [WEIGHTS, TEXTS, POINTERS, CONFIG].map((group) =>
    files.filter(({ path }) => readiness(path) === group),
  );
}

const WEIGHTS = 0;
const TEXTS = 1;
const POINTERS = 2;
const CONFIG = 3;

function readiness(path: RepoPath): number {
  if (path === 'config.json') return CONFIG;
  if (path.endsWith('.index.json')) return POINTERS;
  return /\.(json|jinja|txt|md)$/.test(path) ? TEXTS : WEIGHTS;
}

/**
 * The files that stand, once every byte of them was read and found to be what the record says: they were put there by
 * a run that died, or by somebody else. A vault that publishes by file may lack some as long as the signature does.
 */
async function vouched(
  id: RevisionId,
  there: readonly StoredFile[],
  { gate, record }: PublicationOptions,
): Promise<readonly StoredFile[]> {
  const { vault, keys } = gate;
  const { manifest } = record.body;
  const stand = new Map(there.map((file) => [file.path, file]));
  const whole = isSealed(there) || vault.publishes === 'at once';
  const files = whole ? manifest.files : manifest.files.filter((file) => stand.has(file.path));
  const findings = new Findings();
  const set: FileSet = {
    name: (path) => fileKey(id, path as RepoPath),
    list: async () => there,
    read: (path) => vault.read(fileKey(id, path), { version: stand.get(path)?.version }),
  };
  const signature = whole ? 'required' : 'not yet';
  await checkFiles({ set, manifest: { ...manifest, files }, keys, depth: 'bytes', signature }, findings);
  const [first] = findings.conclude().problems;
  if (!first) return there;
  throw new WeighlockError(
    'WL_VAULT_CORRUPT',
    `${first.object} ${first.problem}; it stood there before the files of ${id.model} were published`,
    { hint: 'Find out who wrote it, remove the folder of that revision, and run the command again.' },
  );
}
