/**
 * Which approvals count: whoever asked for a revision approves it under no name that is known of them. The gate is told the name
 * of whoever asks, and so names are compared generously: a comparison that finds too much only asks for somebody else.
 */
import type { Approval } from '../attest/approval.ts';
import type { Sha256 } from '../base/digest.ts';
import type { RevisionId } from '../vault/layout.ts';
import type { Registry } from './registry.ts';

/** Who asked for this commit, in any record up to `number`: who asks again does not set free who asked before. */
export async function requestersOf(
  registry: Registry,
  id: RevisionId,
  number: number,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (let earlier = 0; earlier <= number; earlier++) {
    const { requester } = (await registry.record(id, earlier)).body;
    if (requester !== undefined) names.add(foldedName(requester));
  }
  return names;
}

/** What an approval must be about, and when. */
export interface Asked {
  readonly id: RevisionId;
  readonly manifest: Sha256;
  readonly requesters: ReadonlySet<string>;
  readonly nowMs: number;
}

/** How far the clocks of two people may be apart. */
const CLOCKS_APART_MS = 10 * 60_000;

/** Why an approval or refusal cannot count; undefined where it can. */
export function mismatch(
  { body, names }: Approval,
  { id, manifest, requesters, nowMs }: Asked,
): string | undefined {
  if (body.model !== id.model || body.commit !== id.commit) return `it is about ${body.model}@${body.commit}`;
  if (body.manifest !== manifest) return 'it is about other content of the same commit';
  // Anybody may refuse: naming a person as the requester takes nobody's refusal away.
  if (body.decision === 'approve' && names.some((name) => requesters.has(foldedName(name))))
    return `${body.approver} asked for the admission`;
  if (!(Date.parse(body.expiresAt) > nowMs)) return `it ended at ${body.expiresAt}`;
  // A clock that was set back, here or there.
  if (Date.parse(body.madeAt) > nowMs + CLOCKS_APART_MS)
    return `it was made at ${body.madeAt}, which is to come`;
  return undefined;
}

/** A name as a person reads it: without case, spaces around or doubled, other forms of the same letters, and what is not seen. */
function foldedName(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/\p{C}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/\s+/gu, ' ')
    .trim();
}
