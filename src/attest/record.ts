/**
 * Records: what was decided about a revision, as a signed in-toto statement.
 *
 * The predicate is SLSA's Verification Summary, so that tools that know it can read the verdict; our own part,
 * under `weighlock`, carries the manifest, the rules that spoke, findings and coverage. The subject's digest is the
 * canonical manifest digest, which binds vault, model, commit and paths to the content.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Finding, Gap } from '../base/finding.ts';
import { manifestDigest } from '../base/manifest.ts';
import { parseRepoPath } from '../base/name.ts';
import { encodeEnvelope, IN_TOTO, type KnownKey, openEnvelope, seal } from './envelope.ts';
import type { Signer } from './key.ts';
import {
  commitShape as commit,
  digestShape as digest,
  gitDigestShape,
  modelShape as model,
} from './shapes.ts';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://slsa.dev/verification_summary/v1';

/** Longest record that is read: some ten thousand files with their findings. */
export const RECORD_BYTES_MAX = 64 << 20;

const path = z.string().transform((text) => parseRepoPath(text));
const size = z.int().min(0);

const finding = z.custom<Finding>((value) => typeof value === 'object' && value !== null && 'rule' in value);
const gap = z.custom<Gap>((value) => typeof value === 'object' && value !== null && 'reason' in value);

const publisher = z.object({
  name: z.string(),
  id: z.string().optional(),
  kind: z.enum(['organisation', 'user', 'unknown']),
  verified: z.boolean().optional(),
  plan: z.string().optional(),
  followers: z.number().optional(),
});

const ruleOutcome = z.object({
  rule: z.string(),
  outcome: z.enum(['refuse', 'hold']),
  because: z.string(),
  approvals: z.int().min(1).optional(),
});

const bodySchema = z.object({
  type: z.literal('weighlock.record/v1'),
  number: z.int().min(0),
  decidedAt: z.string(),
  verdict: z.enum(['admitted', 'held', 'refused']),
  rules: z.array(ruleOutcome),
  /** Rules that held it until people approved, and the statements of their reviews. */
  approved: z.object({ rules: z.array(ruleOutcome), reviews: z.array(digest) }).optional(),
  /** Who asked for it: a name of the trust file or of an account, as the gate was told. */
  requester: z.string().max(200).optional(),
  policy: z.object({ name: z.string(), sha256: digest }),
  manifest: z.object({
    vault: z.string(),
    model,
    commit,
    files: z.array(
      z.object({ path, sizeBytes: size, sha256: digest, gitBlobSha1: gitDigestShape.optional() }),
    ),
    excluded: z.array(z.object({ path, sizeBytes: size, by: z.string() })),
  }),
  source: z.object({
    kind: z.enum(['hub', 'directory']),
    endpoint: z.string(),
    requested: z.string(),
    repoId: z.string().optional(),
    publisher: publisher.optional(),
    authors: z.array(z.string()).optional(),
    license: z.string().optional(),
    gated: z.boolean().optional(),
    tags: z.array(z.string()).optional(),
    hubScan: z.enum(['safe', 'unsafe', 'unknown']).optional(),
    contacted: z.array(z.string()),
    /** Another vault that the files came through, and its record, which is among the evidence. */
    via: z.object({ vault: z.string(), record: digest }).optional(),
  }),
  /** Per stored file: how it was read. `facts` is the digest of the object under registry/facts/. */
  coverage: z.array(
    z.object({
      path,
      format: z.string(),
      verdict: z.enum(['clean', 'blocked', 'inconclusive']),
      facts: digest,
      gaps: z.array(gap),
    }),
  ),
  findings: z.array(finding),
  evidence: z.array(z.object({ type: z.string(), sha256: digest })),
  /** A channel that this record sets if the model has none of that name yet. */
  channel: z.string().optional(),
  /** The staging area that holds the files until they are published. */
  staging: z.string().optional(),
  /** The parsers that read the files: under the same value the facts of equal bytes are the same. */
  parsers: z.string().optional(),
  /** Size of the log when the decision was made: the record's entry stands at or after it. */
  logSize: size,
  tool: z.object({ name: z.string(), version: z.string() }),
});

/** What a record says, beyond the fixed frame of the statement. */
export type RecordBody = z.infer<typeof bodySchema>;

export interface SignedRecord {
  readonly body: RecordBody;
  /** The envelope as it is stored. */
  readonly bytes: Uint8Array;
  readonly digest: Sha256;
  readonly manifestDigest: Sha256;
  readonly keyId: string;
}

export async function signRecord(
  body: RecordBody,
  resourceUri: string,
  signer: Signer,
): Promise<SignedRecord> {
  const { model, commit } = body.manifest;
  const subject = manifestDigest(body.manifest);
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: `${model}@${commit}`, digest: { sha256: subject } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      verifier: { id: `weighlock:${body.manifest.vault}`, version: { weighlock: body.tool.version } },
      timeVerified: body.decidedAt,
      resourceUri,
      policy: { uri: `registry/policies/${body.policy.sha256}`, digest: { sha256: body.policy.sha256 } },
      inputAttestations: body.evidence.map(({ type, sha256 }) => ({ uri: type, digest: { sha256 } })),
      verificationResult: body.verdict === 'admitted' ? 'PASSED' : 'FAILED',
      verifiedLevels: [],
      weighlock: body,
    },
  };
  const envelope = await seal(IN_TOTO, Buffer.from(canonicalJson(statement)), signer);
  const bytes = encodeEnvelope(envelope);
  return { body, bytes, digest: sha256(bytes), manifestDigest: subject, keyId: signer.keyId };
}

/** The record in an envelope. Throws WL_VAULT_CORRUPT unless one of the keys signed it and it is consistent. */
export function openRecord(bytes: Uint8Array, keys: readonly KnownKey[], named: string): SignedRecord {
  const corrupt = (why: string) => new WeighlockError('WL_VAULT_CORRUPT', `${named} ${why}`);
  const opened = openEnvelope(bytes, IN_TOTO, keys);
  if (!opened) throw corrupt('is not signed by a gate key of the trust file');
  const statement = parseJson(opened.payload) as Record<string, unknown> | undefined;
  const predicate = statement?.predicate as Record<string, unknown> | undefined;
  const parsed = bodySchema.safeParse(predicate?.weighlock);
  if (statement?.predicateType !== PREDICATE_TYPE || !parsed.success) throw corrupt('is not a record');
  const body = parsed.data;
  const subject = manifestDigest(body.manifest);
  const named0 = (statement.subject as { digest?: { sha256?: string } }[] | undefined)?.[0];
  if (named0?.digest?.sha256 !== subject) throw corrupt('contradicts its own manifest');
  return { body, bytes, digest: sha256(bytes), manifestDigest: subject, keyId: opened.keyId };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
