/**
 * Pull: a published revision copied to a directory, by several files and ranges at once, verified while it streams.
 * The directory appears only when every byte was right; its proof lies beside it. What a run that died had finished
 * waits in a partial folder and is hashed again by the next.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SignedRecord } from '../attest/record.ts';
import { WeighlockError } from '../base/errors.ts';
import { type ModelName, type RepoPath, SIGNATURE_PATH } from '../base/name.ts';
import type { OnStart } from '../base/progress.ts';
import { checkFiles } from '../registry/check-files.ts';
import { copyProofPath, directoryFiles, encodeCopyProof } from '../registry/copy-proof.ts';
import { Findings, type Verification } from '../registry/problem.ts';
import type { Published, Registry } from '../registry/registry.ts';
import { checkRecord } from '../registry/verify-revision.ts';
import { bringAll } from '../transfer/crew.ts';
import { publishedFiles } from '../transfer/source.ts';
import { codeOf } from '../vault/durable-file.ts';
import { KernelLock } from '../vault/kernel-lock.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';

export interface PullOptions {
  readonly model: ModelName;
  readonly revision: string | undefined;
  readonly directory: string;
  readonly concurrency: number;
  readonly memoryBytes: number;
  readonly onStart?: OnStart;
}

/** Longest `model.sig` that is copied: some ten thousand resources. */
const SIGNATURE_BYTES_MAX = 64 << 20;

/**
 * Copies the revision. Throws WL_NOT_ADMITTED, WL_TARGET_EXISTS, WL_TARGET_UNAVAILABLE, and WL_VAULT_CORRUPT naming
 * the file whose bytes are not the admitted ones; then nothing is left behind.
 */
export async function pull(
  registry: Registry,
  options: PullOptions,
): Promise<{ id: RevisionId; record: SignedRecord }> {
  const target = path.resolve(options.directory);
  requireFree(target);
  const published = await registry.published(options.model, options.revision);
  const { id, entry } = published;
  const findings = new Findings();
  const record = await checkRecord(registry, id, entry, findings);
  requireNone(findings.conclude());
  if (!record) throw new WeighlockError('WL_VAULT_CORRUPT', `the record of ${id.model} cannot be read`);
  const proof = encodeCopyProof(record, await registry.proof(id, entry.number));
  const partial = `${target}.${id.commit.slice(0, 12)}.partial`;
  const files = path.join(partial, 'files');
  const lock = takePartial(partial, target);
  try {
    await bringFiles(registry, { published, record, partial }, options);
    await bringSignature(registry, { id, record, files });
    writing(target, () => {
      writeFileSync(copyProofPath(target), proof);
      if (existsSync(target)) rmdirSync(target);
      renameSync(files, target);
    });
    rmSync(partial, { recursive: true, force: true });
  } catch (error) {
    if (!isPassing(error)) rmSync(partial, { recursive: true, force: true });
    throw error;
  } finally {
    lock.release();
  }
  return { id, record };
}

/** What a later run can go on from: the vault could not be reached for a while. */
function isPassing(error: unknown): boolean {
  return error instanceof WeighlockError && error.code === 'WL_VAULT_UNAVAILABLE';
}

function requireFree(target: string): void {
  if (!existsSync(target)) return;
  let inside: string[];
  try {
    inside = readdirSync(target);
  } catch {
    throw new WeighlockError('WL_TARGET_EXISTS', `${target} is not a folder`);
  }
  if (inside.length > 0) throw new WeighlockError('WL_TARGET_EXISTS', `${target} is not empty`);
}

function requireNone({ problems }: Verification): void {
  const [first] = problems;
  if (first)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${first.object} ${first.problem}: nothing was copied`);
}

/** The partial folder, for this process alone. */
function takePartial(partial: string, target: string): KernelLock {
  return writing(target, () => {
    mkdirSync(path.join(partial, 'files'), { recursive: true });
    const lock = KernelLock.acquire(path.join(partial, 'lock'), 0);
    if (!lock)
      throw new WeighlockError('WL_TARGET_EXISTS', `another process is copying to ${target} at this moment`, {
        hint: 'Wait for it, or name another folder.',
      });
    return lock;
  });
}

function writing<T>(target: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (codeOf(error) === undefined || error instanceof WeighlockError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new WeighlockError('WL_TARGET_UNAVAILABLE', `cannot write ${target}: ${why}`, { cause: error });
  }
}

async function bringFiles(
  registry: Registry,
  from: { readonly published: Published; readonly record: SignedRecord; readonly partial: string },
  options: PullOptions,
): Promise<void> {
  const { id, entry, receipt: digest } = from.published;
  const receipt = await registry.receipt(id, entry.number, digest);
  const { model, files } = from.record.body.manifest;
  const staged = filesBelow(path.join(from.partial, 'files')) as RepoPath[];
  try {
    await bringAll({
      source: publishedFiles(registry.vault, id, receipt),
      staging: { kind: 'directory', path: from.partial },
      revision: { model, commit: id.commit },
      files: files.map(({ path, sizeBytes, sha256 }) => ({
        path,
        sizeBytes,
        declared: { kind: 'lfs-sha256', digest: sha256 },
      })),
      staged: new Set(staged),
      concurrency: options.concurrency,
      memoryBytes: options.memoryBytes,
      reads: 'bytes',
      onStart: options.onStart,
    });
  } catch (error) {
    throw await inWordsOfPull(registry, id, { error, files, target: options.directory });
  }
}

/** The error in the words of whoever pulls: the vault is the source here, and the disk is the target. */
async function inWordsOfPull(
  { vault }: Registry,
  id: RevisionId,
  at: { readonly error: unknown; readonly files: readonly { path: RepoPath }[]; readonly target: string },
): Promise<unknown> {
  const { error, files, target } = at;
  if (!(error instanceof WeighlockError)) return error;
  switch (error.code) {
    case 'WL_DIGEST_MISMATCH': {
      const changed = files.find(({ path }) => error.message.startsWith(`${path} `));
      const key = changed ? fileKey(id, changed.path) : error.message;
      return new WeighlockError('WL_VAULT_CORRUPT', `${key} was changed: nothing was copied`, {
        cause: error,
      });
    }
    case 'WL_VAULT_FULL':
      return new WeighlockError('WL_TARGET_UNAVAILABLE', `there is no room left for ${target}`, {
        cause: error,
      });
    case 'WL_VAULT_UNAVAILABLE': {
      const there = new Map((await vault.stat(id)).map((file) => [file.path, file]));
      const missing = files.find(({ path }) => !there.has(path));
      if (!missing) return error;
      const key = fileKey(id, missing.path);
      return new WeighlockError('WL_VAULT_CORRUPT', `${key} is missing: nothing was copied`, {
        cause: error,
      });
    }
    default:
      return error;
  }
}

/** `model.sig` as it stands in the vault, if it is the signature of these files. */
async function bringSignature(
  registry: Registry,
  from: { readonly id: RevisionId; readonly record: SignedRecord; readonly files: string },
): Promise<void> {
  const { id, record, files } = from;
  const key = fileKey(id, SIGNATURE_PATH);
  const stored = await registry.vault.get(key, SIGNATURE_BYTES_MAX);
  if (!stored) throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is missing: nothing was copied`);
  writing(files, () => writeFileSync(path.join(files, SIGNATURE_PATH), stored.bytes));
  const findings = new Findings();
  const { manifest } = record.body;
  await checkFiles({ set: directoryFiles(files), manifest, keys: registry.keys, depth: 'list' }, findings);
  requireNone(findings.conclude());
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}
