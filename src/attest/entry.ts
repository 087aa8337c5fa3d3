/**
 * Entries of the log: identities and digests only, canonical, so that anybody can rebuild them from the statement.
 * Each names the statement that it is the entry of by digest.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { parseSha256, type Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { isCommit, parseModelName } from '../base/name.ts';
import type { SignedRecord } from './record.ts';
import type { SignedRemoval } from './removal.ts';

const digest = z.string().transform((text, context) => {
  const parsed = parseSha256(text);
  if (!parsed) context.addIssue('is not a sha256');
  return parsed as Sha256;
});

/** What every entry names. */
const about = {
  vault: z.string(),
  model: z.string().transform((text) => parseModelName(text)),
  commit: z.string().refine(isCommit),
  statement: digest,
};

const recordSchema = z.object({
  type: z.literal('record'),
  ...about,
  number: z.int().min(0),
  verdict: z.enum(['admitted', 'held', 'refused']),
  manifest: digest,
});

const removalSchema = z.object({ type: z.literal('removal'), ...about });

const entrySchema = z.discriminatedUnion('type', [recordSchema, removalSchema]);

export type RecordEntry = z.infer<typeof recordSchema>;
export type RemovalEntry = z.infer<typeof removalSchema>;
export type LogEntry = z.infer<typeof entrySchema>;

export function recordEntry(record: SignedRecord): Uint8Array {
  const { manifest, number, verdict } = record.body;
  return Buffer.from(
    canonicalJson({
      type: 'record',
      vault: manifest.vault,
      model: manifest.model,
      commit: manifest.commit,
      number,
      verdict,
      manifest: record.manifestDigest,
      statement: record.digest,
    }),
  );
}

export function removalEntry({ body, digest }: SignedRemoval): Uint8Array {
  const { vault, model, commit } = body;
  return Buffer.from(canonicalJson({ type: 'removal', vault, model, commit, statement: digest }));
}

/** The log entry, read back. Throws WL_LOG_CORRUPT if it is of no kind that is known. */
export function openEntry(bytes: Uint8Array, index: number): LogEntry {
  const parsed = entrySchema.safeParse(parseJson(bytes));
  if (!parsed.success) throw new WeighlockError('WL_LOG_CORRUPT', `log entry ${index} is of an unknown kind`);
  return parsed.data;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
