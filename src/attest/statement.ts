/**
 * Statements that change how a vault stands: removals, channel moves, revocations, grants and their ends, evidence, deployments,
 * reviews. Each is signed, stored under its own digest, and counts from its entry in the log on.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { isChannel } from '../base/name.ts';
import { APPROVAL_BYTES_MAX } from './approval.ts';
import { deploymentEndFields, deploymentFields } from './deployment.ts';
import { encodeEnvelope, type KnownKey, openEnvelope, seal } from './envelope.ts';
import { evidenceFields } from './evidence.ts';
import type { Signer } from './key.ts';
import { commitShape as commit, digestShape as digest, modelShape as model } from './shapes.ts';

/** Longest statement: one that revokes a file names every revision that holds it. */
export const STATEMENT_BYTES_MAX = 16 << 20;

/** What a grant may be called. */
export const GRANT_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/;

/** Patterns of model names in one grant. */
const PATTERNS_MAX = 100;

const channel = z.string().refine(isChannel);
const reason = z.string().max(2000);

/** What every statement says. */
const about = {
  vault: z.string(),
  madeAt: z.string(),
  /** Size of the log when the statement was made: its entry stands at or after it. */
  logSize: z.int().min(0),
  tool: z.object({ name: z.string(), version: z.string() }),
};

/** The files of a revision were taken out of the vault. */
const removal = z.object({
  type: z.literal('weighlock.removal/v1'),
  ...about,
  model,
  commit,
  /** The record whose files are removed: a later one of the same revision is not touched. */
  record: digest,
  reason,
});

/** A channel of a model stands for another revision; void unless it stood for `before` until then. */
const channelMove = z.object({
  type: z.literal('weighlock.channel/v1'),
  ...about,
  model,
  channel,
  commit,
  /** The record of that revision. */
  record: digest,
  before: commit.nullable(),
  reason: reason.optional(),
});

/** A revision, or every revision that holds a file, is not to be used any more. */
const revocation = z.object({
  type: z.literal('weighlock.revocation/v1'),
  ...about,
  subject: z.union([z.strictObject({ model, commit }), z.strictObject({ sha256: digest })]),
  /** The revisions that this concerned when the statement was made. */
  revisions: z.array(z.object({ model, commit })),
  reason,
});

/** Whoever shows this token may read these models through a gateway. */
const grant = z.object({
  type: z.literal('weighlock.grant/v1'),
  ...about,
  name: z.string().regex(GRANT_NAME),
  /** SHA-256 of the token, which is shown once and stored nowhere. */
  token: digest,
  role: z.enum(['reader', 'auditor']),
  /** Patterns of model names; `*` stands for any part of one segment. */
  models: z.array(z.string()).min(1).max(PATTERNS_MAX),
  expiresAt: z.string().optional(),
});

/** Grants of this name end. */
const grantEnd = z.object({
  type: z.literal('weighlock.grant-end/v1'),
  ...about,
  name: grant.shape.name,
  reason: reason.optional(),
});

/** What a tool observed of a revision. */
const evidence = z.object({ type: z.literal('weighlock.evidence/v1'), ...about, ...evidenceFields });

/** A revision was put somewhere. */
const deployment = z.object({ type: z.literal('weighlock.deployment/v1'), ...about, ...deploymentFields });

/** It is not there any more. */
const deploymentEnd = z.object({
  type: z.literal('weighlock.deployment-end/v1'),
  ...about,
  ...deploymentEndFields,
  reason: reason.optional(),
});

/** A person decided about a revision: the approval that this carries is signed by the person. */
const review = z.object({
  type: z.literal('weighlock.review/v1'),
  ...about,
  model,
  commit,
  manifest: digest,
  decision: z.enum(['approve', 'refuse']),
  approver: z.string().min(1).max(200),
  /** The signed approval, base64. */
  approval: z.base64().max(2 * APPROVAL_BYTES_MAX),
});

/** A model is watched upstream; `off` ends it. The latest of a model counts. */
const follow = z.object({
  type: z.literal('weighlock.follow/v1'),
  ...about,
  model,
  /** Branch or tag upstream. */
  revision: z.string().min(1).max(255),
  update: z.enum(['notify', 'candidate', 'auto', 'off']),
});

const statementSchema = z.discriminatedUnion('type', [
  removal,
  channelMove,
  revocation,
  grant,
  grantEnd,
  evidence,
  deployment,
  deploymentEnd,
  review,
  follow,
]);

export type RemovalBody = z.infer<typeof removal>;
export type ChannelMoveBody = z.infer<typeof channelMove>;
export type RevocationBody = z.infer<typeof revocation>;
export type GrantBody = z.infer<typeof grant>;
export type GrantEndBody = z.infer<typeof grantEnd>;
export type EvidenceBody = z.infer<typeof evidence>;
export type DeploymentBody = z.infer<typeof deployment>;
export type DeploymentEndBody = z.infer<typeof deploymentEnd>;
export type ReviewBody = z.infer<typeof review>;
export type FollowBody = z.infer<typeof follow>;
export type StatementBody = z.infer<typeof statementSchema>;

/** What stands between `weighlock.` and `/v1` in a statement's type. */
export type StatementKind =
  | 'removal'
  | 'channel'
  | 'revocation'
  | 'grant'
  | 'grant-end'
  | 'evidence'
  | 'deployment'
  | 'deployment-end'
  | 'review'
  | 'follow';
export type BodyOf<K extends StatementKind> = Extract<StatementBody, { type: `weighlock.${K}/v1` }>;

export interface Signed<B extends StatementBody = StatementBody> {
  readonly body: B;
  readonly bytes: Uint8Array;
  readonly digest: Sha256;
}

/** Throws WL_USAGE for one that nobody could read back: it would stand in the log for ever. */
export async function signStatement<B extends StatementBody>(body: B, signer: Signer): Promise<Signed<B>> {
  const parsed = statementSchema.safeParse(body);
  if (!parsed.success) throw unreadable(body, parsed.error.issues[0]);
  const payload = Buffer.from(canonicalJson(body));
  const bytes = encodeEnvelope(await seal(payloadType(kindOf(body)), payload, signer));
  if (bytes.length > STATEMENT_BYTES_MAX) throw unreadable(body, { path: [], message: 'it is too long' });
  return { body, bytes, digest: sha256(bytes) };
}

function unreadable(
  body: StatementBody,
  issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined,
): WeighlockError {
  const place = issue?.path.length ? `${issue.path.join('.')}: ` : '';
  return new WeighlockError(
    'WL_USAGE',
    `nothing was logged: this ${kindOf(body)} could not be read back (${place}${issue?.message})`,
  );
}

/** Throws WL_VAULT_CORRUPT unless it is a statement of this kind that one of the keys signed. */
export function openStatement<K extends StatementKind>(
  bytes: Uint8Array,
  kind: K,
  by: { readonly keys: readonly KnownKey[]; readonly named: string },
): Signed<BodyOf<K>> {
  const opened = openEnvelope(bytes, payloadType(kind), by.keys);
  const parsed = opened && statementSchema.safeParse(JSON.parse(opened.payload.toString('utf8')));
  if (!parsed?.success || kindOf(parsed.data) !== kind)
    throw new WeighlockError(
      'WL_VAULT_CORRUPT',
      `${by.named} is not a ${kind} signed by a gate key of the trust file`,
    );
  return { body: parsed.data as BodyOf<K>, bytes, digest: sha256(bytes) };
}

const KINDS: readonly StatementKind[] = [
  'removal',
  'channel',
  'revocation',
  'grant',
  'grant-end',
  'evidence',
  'deployment',
  'deployment-end',
  'review',
  'follow',
];

/** As `openStatement`, of whatever kind; undefined unless one of the keys signed it. */
export function openAnyStatement(bytes: Uint8Array, keys: readonly KnownKey[]): Signed | undefined {
  for (const kind of KINDS) {
    try {
      return openStatement(bytes, kind, { keys, named: kind });
    } catch (error) {
      if (!(error instanceof WeighlockError)) throw error;
    }
  }
  return undefined;
}

export function kindOf(body: StatementBody): StatementKind {
  return body.type.slice('weighlock.'.length, -'/v1'.length) as StatementKind;
}

function payloadType(kind: StatementKind): string {
  return `application/vnd.weighlock.${kind}+json`;
}
