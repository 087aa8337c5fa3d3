/**
 * Notes about staged files that nobody can read back: pending uploads. The run that staged a file signs what it read
 * and what the store answered, for a later run that finishes its work. Without a gate's signature a note is nothing:
 * whoever can write to the store could have put it there.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { parseGitBlobSha1, parseSha256 } from '../base/digest.ts';
import { isCommit, parseModelName, parseRepoPath } from '../base/name.ts';
import { encodeEnvelope, type KnownKey, openEnvelope, seal } from './envelope.ts';
import type { Signer } from './key.ts';

const NOTE_TYPE = 'application/vnd.weighlock.staged+json';

const noteSchema = z.object({
  type: z.literal('weighlock.staged/v1'),
  vault: z.string(),
  model: z.string().transform((text) => parseModelName(text)),
  commit: z.string().refine(isCommit),
  /** The staging area that the upload belongs to. */
  area: z.string(),
  path: z.string().transform((text) => parseRepoPath(text)),
  sizeBytes: z.int().min(0),
  sha256: z.string().transform((text) => parseSha256(text) ?? z.NEVER),
  gitBlobSha1: z.string().transform((text) => parseGitBlobSha1(text) ?? z.NEVER),
  /** The parsers that read the file, and what they read. */
  parsers: z.string(),
  facts: z.custom<object>((value) => typeof value === 'object' && value !== null),
  upload: z.object({
    uploadId: z.string(),
    parts: z.array(z.object({ etag: z.string(), crc32: z.string() })),
    crc32: z.string(),
  }),
});

export type StagedNote = z.infer<typeof noteSchema>;

export async function signNote(note: StagedNote, signer: Signer): Promise<Uint8Array> {
  return encodeEnvelope(await seal(NOTE_TYPE, Buffer.from(canonicalJson(note)), signer));
}

/** The note, or undefined where no gate key signed it: an upload that cannot be believed is brought in again. */
export function openNote(bytes: Uint8Array, keys: readonly KnownKey[]): StagedNote | undefined {
  const opened = openEnvelope(bytes, NOTE_TYPE, keys);
  if (!opened) return undefined;
  const parsed = noteSchema.safeParse(JSON.parse(opened.payload.toString('utf8')));
  return parsed.success ? parsed.data : undefined;
}
