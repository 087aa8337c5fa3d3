/**
 * Entries of the log: identities and digests only, canonical, so that anybody can rebuild them from the statement.
 * Each names the statement that it is the entry of by digest.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { WeighlockError } from '../base/errors.ts';
import { isChannel } from '../base/name.ts';
import type { SignedRecord } from './record.ts';
import { commitShape, digestShape as digest, modelShape } from './shapes.ts';
import { kindOf, type Signed, type StatementKind } from './statement.ts';

/** What every entry names. */
const about = { vault: z.string(), statement: digest };
const revision = {
  model: modelShape,
  commit: commitShape,
};

const recordSchema = z.object({
  type: z.literal('record'),
  ...about,
  ...revision,
  number: z.int().min(0),
  verdict: z.enum(['admitted', 'held', 'refused']),
  manifest: digest,
});

const entrySchema = z.discriminatedUnion('type', [
  recordSchema,
  z.object({ type: z.literal('removal'), ...about, ...revision }),
  z.object({ type: z.literal('channel'), ...about, ...revision, channel: z.string().refine(isChannel) }),
  z.object({
    type: z.literal('revocation'),
    ...about,
    model: revision.model.optional(),
    commit: revision.commit.optional(),
    sha256: digest.optional(),
  }),
  z.object({ type: z.literal('grant'), ...about }),
  z.object({ type: z.literal('grant-end'), ...about }),
  z.object({ type: z.literal('evidence'), ...about, ...revision, raw: digest }),
  z.object({ type: z.literal('deployment'), ...about, ...revision }),
  z.object({ type: z.literal('review'), ...about, ...revision, manifest: digest }),
  z.object({ type: z.literal('follow'), ...about, model: modelShape }),
  z.object({ type: z.literal('deployment-end'), ...about, deployment: digest }),
]);

export type LogEntry = z.infer<typeof entrySchema>;
export type RecordEntry = z.infer<typeof recordSchema>;
export type StatementEntry = Extract<LogEntry, { type: StatementKind }>;

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

export function statementEntry(signed: Signed): Uint8Array {
  const { vault } = signed.body;
  const type = kindOf(signed.body);
  return Buffer.from(canonicalJson({ type, vault, ...subjectOf(signed), statement: signed.digest }));
}

/** What a statement is about, as far as an entry names it. Names of readers stay out of the log. */
function subjectOf({ body }: Signed): Readonly<Record<string, string>> {
  switch (body.type) {
    case 'weighlock.removal/v1':
      return { model: body.model, commit: body.commit };
    case 'weighlock.channel/v1':
      return { model: body.model, commit: body.commit, channel: body.channel };
    case 'weighlock.revocation/v1':
      return { ...body.subject };
    case 'weighlock.evidence/v1':
      return { model: body.model, commit: body.commit, raw: body.raw };
    case 'weighlock.review/v1':
      return { model: body.model, commit: body.commit, manifest: body.manifest };
    case 'weighlock.deployment/v1':
      return { model: body.model, commit: body.commit };
    case 'weighlock.follow/v1':
      return { model: body.model };
    case 'weighlock.deployment-end/v1':
      return { deployment: body.deployment };
    case 'weighlock.grant/v1':
    case 'weighlock.grant-end/v1':
      return {};
  }
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
