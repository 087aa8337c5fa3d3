/**
 * The proof that goes with a copy of a model: the signed record and its log proof in one file, so that a node that
 * has nothing but the trust file can say whether its directory is the admitted revision, byte for byte.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { recordEntry } from '../attest/entry.ts';
import { openRecord, type SignedRecord } from '../attest/record.ts';
import { gateKeys, type Trust } from '../attest/trust.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName } from '../base/name.ts';
import type { OnStart } from '../base/progress.ts';
import { readAt } from '../base/read-at.ts';
import { verifyProof } from '../log/proof.ts';
import { checkFiles, type FileSet } from './check-files.ts';
import { Findings, type Verification } from './problem.ts';
import { logOf } from './verify-revision.ts';

const schema = z.strictObject({
  type: z.literal('weighlock.proof/v1'),
  record: z.string(),
  log: z.string(),
});

/** Longest proof file: a record and some kilobytes. */
const COPY_PROOF_BYTES_MAX = 128 << 20;

const READ_BYTES = 1 << 20;

/** No link is followed, since what it leads to may change later; no pipe is waited for. */
const READING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The text of a proof. Whoever may write beside the copy may have put anything there: no pipe is waited for, and nothing is read
 * that is too long. Throws WL_VAULT_CORRUPT for what can be no proof, and as `open` does.
 */
export function readCopyProof(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(descriptor);
    if (found.isFile() && found.size <= COPY_PROOF_BYTES_MAX)
      return readAt(descriptor, found.size, { offset: 0, length: found.size }).toString('utf8');
  } finally {
    closeSync(descriptor);
  }
  throw new WeighlockError('WL_VAULT_CORRUPT', `${file} is too long for a proof, or no file`, {
    hint: 'Find out who writes there, and remove it with the copy beside it.',
  });
}

/** Where the proof of a copy lies: beside it, since a file inside would fail the official verifier. */
export function copyProofPath(directory: string): string {
  return `${path.resolve(directory)}.weighlock.json`;
}

export function encodeCopyProof(record: SignedRecord, logProof: Uint8Array): string {
  const proof = {
    type: 'weighlock.proof/v1',
    record: Buffer.from(record.bytes).toString('base64'),
    log: Buffer.from(logProof).toString('utf8'),
  };
  return `${JSON.stringify(proof)}\n`;
}

/** The vault that a proof claims to be of: good for finding the pinned trust file, and for nothing else. */
export function claimedVault(text: string): string | undefined {
  const parsed = schema.safeParse(parseJson(text));
  const envelope = parsed.success
    ? parseJson(Buffer.from(parsed.data.record, 'base64').toString('utf8'))
    : undefined;
  const payload = (envelope as { payload?: unknown } | undefined)?.payload;
  if (typeof payload !== 'string') return undefined;
  const statement = parseJson(Buffer.from(payload, 'base64').toString('utf8')) as
    | ClaimedStatement
    | undefined;
  const vault = statement?.predicate?.weighlock?.manifest?.vault;
  return typeof vault === 'string' && /^[0-9a-f]{32}$/.test(vault) ? vault : undefined;
}

interface ClaimedStatement {
  readonly predicate?: { readonly weighlock?: { readonly manifest?: { readonly vault?: unknown } } };
}

/** Verifies a directory with nothing but the trust file and the proof. Throws where these do not hold. */
export async function verifyCopy(options: {
  readonly directory: string;
  readonly proof: string;
  readonly trust: Trust;
  readonly expect: { readonly model: ModelName; readonly commit: Commit };
  readonly depth: 'list' | 'bytes';
  readonly onStart?: OnStart | undefined;
}): Promise<Verification> {
  const { trust, expect, directory, depth, onStart } = options;
  const record = openCopyProof(options.proof, trust);
  const { model, commit } = record.body.manifest;
  if (model !== expect.model || commit !== expect.commit) {
    throw new WeighlockError(
      'WL_VAULT_CORRUPT',
      `the proof is of ${model}@${commit}, not of ${expect.model}@${expect.commit}`,
    );
  }
  const findings = new Findings();
  findings.checked('record and its log entry');
  const keys = gateKeys(trust);
  await checkFiles(
    { set: directoryFiles(directory), manifest: record.body.manifest, keys, depth, onStart },
    findings,
  );
  findings.unchecked('revocation: that needs the vault');
  if (depth === 'list') findings.unchecked('the bytes of the files (--quick)');
  return findings.conclude();
}

function openCopyProof(text: string, trust: Trust): SignedRecord {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw new WeighlockError('WL_VAULT_CORRUPT', 'the proof file is malformed');
  const bytes = Buffer.from(parsed.data.record, 'base64');
  const record = openRecord(bytes, gateKeys(trust), 'the record in the proof');
  if (record.body.manifest.vault !== trust.vault) {
    throw new WeighlockError('WL_VAULT_CORRUPT', 'the proof is of another vault than the trust file');
  }
  if (record.body.verdict !== 'admitted') {
    throw new WeighlockError('WL_NOT_ADMITTED', `the record in the proof says ${record.body.verdict}`);
  }
  const { index } = verifyProof(Buffer.from(parsed.data.log), recordEntry(record), logOf(trust));
  return openRecord(bytes, gateKeys(trust, index), 'the record in the proof');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The files below a directory; links are listed, and are a problem when they are read. */
export function directoryFiles(directory: string): FileSet {
  return {
    name: (file) => file,
    async list() {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
        (error: Error) => {
          throw new WeighlockError('WL_USAGE', `cannot read ${directory}: ${error.message}`);
        },
      );
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => path.join(entry.parentPath, entry.name))
        .map((file) => {
          // A name that is not UTF-8 leads to nothing when it is asked for; it is still there, and is extra.
          const sizeBytes = lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
          return { path: path.relative(directory, file), sizeBytes };
        });
    },
    async *read(file) {
      const handle = await open(path.join(directory, file), READING).catch((error: Error) => {
        throw new WeighlockError('WL_VAULT_CORRUPT', `${file} cannot be read as a file: ${error.message}`);
      });
      try {
        if (!(await handle.stat()).isFile())
          throw new WeighlockError('WL_VAULT_CORRUPT', `${file} is not a regular file`);
        for (;;) {
          const { bytesRead, buffer } = await handle.read(
            Buffer.allocUnsafe(READ_BYTES),
            0,
            READ_BYTES,
            null,
          );
          if (bytesRead === 0) return;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await handle.close();
      }
    },
  };
}
