/** The files of a revision, in the vault or copied somewhere, against its manifest and `model.sig`. */
import type { KnownKey } from '../attest/envelope.ts';
import { isIgnored, verifyModelSignature } from '../attest/model-signing.ts';
import { type Sha256, sha256Stream } from '../base/digest.ts';
import type { Manifest } from '../base/manifest.ts';
import { type RepoPath, SIGNATURE_PATH } from '../base/name.ts';
import { type OnStart, Tally } from '../base/progress.ts';
import type { Findings } from './problem.ts';

/** Where the files are. */
export interface FileSet {
  /** How a file of the set is called in messages. */
  name(path: string): string;
  list(): Promise<readonly { readonly path: string; readonly sizeBytes: number }[]>;
  read(path: RepoPath): AsyncIterable<Uint8Array>;
}

export interface FileCheck {
  readonly set: FileSet;
  readonly manifest: Manifest;
  readonly keys: readonly KnownKey[];
  /** `list` checks names and sizes only; `bytes` reads everything. */
  readonly depth: 'list' | 'bytes';
  /** `not yet`: the set is about to be signed, and no signature must stand there. Default: `required`. */
  readonly signature?: 'required' | 'not yet';
  /** Where else in the vault a file of this digest belongs, if that is known. */
  readonly owner?: (digest: Sha256) => Promise<string | undefined>;
  readonly onStart?: OnStart | undefined;
}

/** Longest `model.sig`: some ten thousand resources. */
const SIGNATURE_BYTES_MAX = 64 << 20;

export async function checkFiles(check: FileCheck, findings: Findings): Promise<void> {
  const { set, manifest } = check;
  const there = new Map((await set.list()).map((file) => [file.path, file.sizeBytes]));
  const expected = new Set<string>(manifest.files.map((file) => file.path));
  for (const path of there.keys()) {
    if (!expected.has(path) && path !== SIGNATURE_PATH)
      findings.problem(set.name(path), 'is extra: the record does not name it');
  }
  if (there.has(SIGNATURE_PATH)) await checkSignature(check, findings);
  else if (check.signature !== 'not yet') findings.problem(set.name(SIGNATURE_PATH), 'is missing');
  const tally = new Tally(manifest.files);
  if (check.depth === 'bytes') check.onStart?.(tally);
  for (const [number, file] of manifest.files.entries()) {
    const sizeBytes = there.get(file.path);
    if (sizeBytes === undefined) findings.problem(set.name(file.path), 'is missing');
    else if (sizeBytes !== file.sizeBytes && check.depth === 'list') {
      findings.problem(
        set.name(file.path),
        `was changed: it has ${sizeBytes} bytes instead of ${file.sizeBytes}`,
      );
    } else if (check.depth === 'bytes') {
      await checkBytes(file, tally.count(number, set.read(file.path)), { check, findings });
    }
  }
  const count = `${manifest.files.length} file${manifest.files.length === 1 ? '' : 's'}`;
  findings.checked(check.depth === 'bytes' ? `every byte of ${count}` : `names and sizes of ${count}`);
}

async function checkBytes(
  file: { readonly path: RepoPath; readonly sha256: Sha256 },
  bytes: AsyncIterable<Uint8Array>,
  by: { readonly check: FileCheck; readonly findings: Findings },
): Promise<void> {
  const { check, findings } = by;
  const { set, owner } = check;
  const digest = await findings.attempt(set.name(file.path), () => sha256Stream(bytes));
  if (digest === undefined || digest === file.sha256) return;
  const other = await owner?.(digest);
  findings.problem(
    set.name(file.path),
    other ? `was changed: it is ${other}` : 'was changed: its bytes are not those admitted',
  );
}

async function checkSignature({ set, manifest, keys }: FileCheck, findings: Findings): Promise<void> {
  const name = set.name(SIGNATURE_PATH);
  const bytes = await findings.attempt(name, () => collect(set.read(SIGNATURE_PATH)));
  if (!bytes) return;
  const model = verifyModelSignature(bytes, keys);
  if (!model) {
    findings.problem(name, 'is not a signature by a gate key of the trust file');
    return;
  }
  const expected = signedName(manifest);
  if (model.name !== expected) {
    findings.problem(name, `is the signature of ${model.name} instead of ${expected}`);
    return;
  }
  const signed = new Map(model.resources.map(({ path, sha256 }) => [path, sha256]));
  const covered = manifest.files.filter((file) => !isIgnored(file.path));
  if (signed.size !== covered.length || covered.some((file) => signed.get(file.path) !== file.sha256)) {
    findings.problem(name, 'is the signature of other files than the record names');
  } else findings.checked('model.sig');
}

/** What a revision is called in its `model.sig`: two models may have the same files. */
export function signedName({ model, commit }: Pick<Manifest, 'model' | 'commit'>): string {
  return `${model}@${commit}`;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > SIGNATURE_BYTES_MAX) return new Uint8Array();
    all.push(chunk);
  }
  return Buffer.concat(all);
}
