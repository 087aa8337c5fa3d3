/**
 * Pull: a published revision copied to a directory, verified while it streams. The directory appears only when every
 * byte was right; its proof lies beside it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { SignedRecord } from '../attest/record.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName, RepoPath } from '../base/name.ts';
import { SIGNATURE_PATH } from '../base/name.ts';
import { type OnStart, Tally } from '../base/progress.ts';
import { copyProofPath, encodeCopyProof } from '../registry/copy-proof.ts';
import { Findings, type Verification } from '../registry/problem.ts';
import type { Registry } from '../registry/registry.ts';
import { checkRecord } from '../registry/verify-revision.ts';
import { codeOf } from '../vault/durable-file.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';

export interface PullOptions {
  readonly model: ModelName;
  readonly revision: string | undefined;
  readonly directory: string;
  readonly onStart?: OnStart;
}

/**
 * Copies the revision. Throws WL_NOT_ADMITTED, WL_TARGET_EXISTS, and WL_VAULT_CORRUPT naming the file whose bytes
 * are not the admitted ones; then nothing is left behind.
 */
export async function pull(
  registry: Registry,
  options: PullOptions,
): Promise<{ id: RevisionId; record: SignedRecord }> {
  const target = path.resolve(options.directory);
  requireFree(target);
  const { id, entry } = await registry.published(options.model, options.revision);
  const findings = new Findings();
  const record = await checkRecord(registry, id, entry, findings);
  requireNone(findings.conclude());
  if (!record) throw new WeighlockError('WL_VAULT_CORRUPT', `the record of ${id.model} cannot be read`);
  const partial = `${target}.${randomBytes(4).toString('hex')}.partial`;
  try {
    await copyFiles(registry, { id, record, partial }, options);
    writeFileSync(copyProofPath(target), encodeCopyProof(record, await registry.proof(id, entry.number)));
    if (existsSync(target)) rmdirSync(target);
    renameSync(partial, target);
  } catch (error) {
    if (codeOf(error) === undefined || error instanceof WeighlockError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new WeighlockError('WL_TARGET_UNAVAILABLE', `cannot write ${target}: ${why}`, { cause: error });
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return { id, record };
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

async function copyFiles(
  registry: Registry,
  from: { readonly id: RevisionId; readonly record: SignedRecord; readonly partial: string },
  options: PullOptions,
): Promise<void> {
  const { id, record, partial } = from;
  const { files } = record.body.manifest;
  const tally = new Tally(files);
  options.onStart?.(tally);
  mkdirSync(partial, { recursive: true });
  for (const [number, file] of files.entries()) {
    const digest = await copy(
      registry,
      { id, path: file.path },
      {
        to: path.join(partial, file.path),
        onBytes: (bytes) => tally.add(number, bytes),
      },
    );
    if (digest !== file.sha256) {
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${fileKey(id, file.path)} was changed: nothing was copied`,
      );
    }
  }
  await copy(
    registry,
    { id, path: SIGNATURE_PATH },
    { to: path.join(partial, SIGNATURE_PATH), onBytes: () => {} },
  );
}

async function copy(
  registry: Registry,
  file: { readonly id: RevisionId; readonly path: RepoPath },
  target: { readonly to: string; readonly onBytes: (bytes: number) => void },
): Promise<string> {
  mkdirSync(path.dirname(target.to), { recursive: true });
  const handle = await open(target.to, 'wx');
  const hash = createHash('sha256');
  try {
    for await (const chunk of registry.vault.read(fileKey(file.id, file.path))) {
      hash.update(chunk);
      await handle.writeFile(chunk);
      target.onBytes(chunk.length);
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}
