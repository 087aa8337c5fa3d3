/**
 * Approvals: what a person named in the trust file decides about a revision that is held. It names the content by its
 * manifest digest and the rules that it answers, so that it approves nothing else: neither other bytes, nor what another
 * rule says later. Whoever gathers approvals cannot make them: they are signed by the person's own key.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { encodeEnvelope, openEnvelope, seal } from './envelope.ts';
import type { Signer } from './key.ts';
import { commitShape as commit, digestShape as digest, modelShape as model } from './shapes.ts';
import { peopleOf, type Trust } from './trust.ts';

const APPROVAL_TYPE = 'application/vnd.weighlock.approval+json';

/** One signed approval, and a file of them. */
export const APPROVAL_BYTES_MAX = 64 << 10;

/** Longest time between an approval and the publication that it permits. */
export const APPROVAL_DAYS_MAX = 90;

/** Rules that one approval answers: more than any policy has people read. */
const RULES_MAX = 200;

const approvalSchema = z.strictObject({
  type: z.literal('weighlock.approval/v1'),
  /** The id of the vault whose trust file names the approver. */
  vault: z.string().regex(/^[0-9a-f]{32}$/),
  model,
  commit,
  /** Digest of the manifest: the files, their sizes and digests. */
  manifest: digest,
  decision: z.enum(['approve', 'refuse']),
  /** The rules that hold it, as the approver saw them: each by its name and the digest of what it is and says. */
  rules: z.array(z.strictObject({ rule: z.string().min(1).max(200), sha256: digest })).max(RULES_MAX),
  reason: z.string().min(1).max(2000),
  /** As the trust file names whoever signed. */
  approver: z.string().min(1).max(200),
  madeAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});

export type ApprovalBody = z.infer<typeof approvalSchema>;

/** An approval whose signature was checked. */
export interface Approval {
  readonly body: ApprovalBody;
  /** Names under which whoever signed it asks for admissions. */
  readonly names: readonly string[];
  /** The envelope, base64, as a review statement carries it. */
  readonly envelope: string;
  readonly digest: ReturnType<typeof sha256>;
}

export async function signApproval(body: ApprovalBody, signer: Signer): Promise<Uint8Array> {
  const payload = Buffer.from(canonicalJson(approvalSchema.parse(body)));
  return encodeEnvelope(await seal(APPROVAL_TYPE, payload, signer));
}

/**
 * The approval in an envelope. Throws WL_APPROVAL_INVALID for one that no approver of the trust file signed, that was made for
 * another vault, that claims another name than the key has, or that would hold for too long. Whether it has expired is asked
 * by whoever counts it. With `logIndex`, keys that people had until later than that count too.
 */
export function openApproval(bytes: Uint8Array, trust: Trust, logIndex?: number): Approval {
  if (bytes.length > APPROVAL_BYTES_MAX)
    throw invalid(`it is longer than an approval can be (${APPROVAL_BYTES_MAX} bytes)`);
  const people = peopleOf(trust, logIndex);
  const opened = openEnvelope(bytes, APPROVAL_TYPE, people);
  if (!opened) throw invalid('it is not signed by an approver of the trust file');
  const parsed = approvalSchema.safeParse(parse(opened.payload));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`it is malformed at ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const body = parsed.data;
  const signer = people.find(({ keyId }) => keyId === opened.keyId);
  if (body.vault !== trust.vault) throw invalid(`it was made for the vault ${body.vault}`);
  if (!signer || body.approver !== signer.name)
    throw invalid(`it says that ${body.approver} signed, and the key is ${signer?.name}'s`);
  const heldMs = Date.parse(body.expiresAt) - Date.parse(body.madeAt);
  if (!(heldMs > 0 && heldMs <= APPROVAL_DAYS_MAX * 86_400_000))
    throw invalid(`it does not end within ${APPROVAL_DAYS_MAX} days of its making`);
  const { names } = signer;
  return { body, names, envelope: Buffer.from(bytes).toString('base64'), digest: sha256(bytes) };
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}

function invalid(why: string): WeighlockError {
  return new WeighlockError('WL_APPROVAL_INVALID', `the approval does not count: ${why}`);
}
