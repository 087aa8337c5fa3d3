/**
 * Access: who may read through a gateway. A grant is a statement that carries the digest of a token; the token itself is
 * shown once and kept nowhere.
 */
import { randomInt } from 'node:crypto';
import type { Grant } from '../attest/state.ts';
import { GRANT_NAME, type GrantBody, type GrantEndBody } from '../attest/statement.ts';
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Gate } from '../registry/gate.ts';
import type { Registry } from '../registry/registry.ts';

/** Grants in force at once: each is in the state, which every gateway reads. */
const GRANTS_MAX = 10_000;

/** Clients take only tokens of the form `hf_` and at least 34 letters and digits. */
const TOKEN_PREFIX = 'hf_';
const TOKEN_LENGTH = 40;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export type GrantRequest = Pick<GrantBody, 'name' | 'role' | 'models' | 'expiresAt' | 'tool'>;

/** Makes a token and logs its grant. Throws WL_USAGE for a name in use, or a pattern or time that cannot be meant. */
export async function grantAccess(
  gate: Gate,
  request: GrantRequest,
): Promise<{ token: string; logIndex: number }> {
  requireName(request.name);
  for (const pattern of request.models) requirePattern(pattern);
  const { expiresAt } = request;
  if (expiresAt !== undefined && !(Date.parse(expiresAt) > gate.clock.now()))
    throw new WeighlockError('WL_USAGE', `a grant that expires at ${expiresAt} would never be in force`);
  const there = await grants(gate);
  if (there.some(({ name }) => name === request.name))
    throw new WeighlockError('WL_USAGE', `there is a grant called ${request.name} already`, {
      hint: `End it first with \`weighlock access revoke ${request.name}\`, or give the new one another name.`,
    });
  if (there.length >= GRANTS_MAX)
    throw new WeighlockError('WL_USAGE', `there are ${there.length} grants, and no more are kept at once`, {
      hint: 'End some with `weighlock access revoke`; one grant may serve many machines.',
    });
  const token = newToken();
  const { index } = await gate.declare<GrantBody>({
    type: 'weighlock.grant/v1',
    ...request,
    token: sha256(token),
  });
  return { token, logIndex: index };
}

/** Ends the grants of this name. Throws WL_USAGE if there is none. */
export async function endAccess(
  gate: Gate,
  { name, reason, tool }: Pick<GrantEndBody, 'name' | 'reason' | 'tool'>,
): Promise<number> {
  const there = await grants(gate);
  if (!there.some((grant) => grant.name === name))
    throw new WeighlockError('WL_USAGE', `there is no grant called "${name}"`, {
      hint: '`weighlock access list` shows them.',
    });
  const { index } = await gate.declare<GrantEndBody>({
    type: 'weighlock.grant-end/v1',
    name,
    ...(reason && { reason }),
    tool,
  });
  return index;
}

/** The grants in force, by name. */
export async function grants(registry: Registry): Promise<Grant[]> {
  const { state } = await registry.state('accept');
  const now = registry.clock.now();
  return Object.values(state.grants)
    .filter(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > now)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function newToken(): string {
  const letters = Array.from({ length: TOKEN_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]);
  return `${TOKEN_PREFIX}${letters.join('')}`;
}

function requireName(name: string): void {
  if (GRANT_NAME.test(name)) return;
  throw new WeighlockError('WL_USAGE', `"${name}" cannot be the name of a grant`, {
    hint: 'Use letters, digits, ".", "_", "@" and "-", at most 100 of them.',
  });
}

/** `*`, `org/*`, `org/name`, `org/prefix-*`: `*` stands for any part of one segment; `*` alone for every model. */
export function requirePattern(pattern: string): void {
  if (/^(?:\*|[A-Za-z0-9._*-]{1,96}(?:\/[A-Za-z0-9._*-]{1,96})?)$/.test(pattern)) return;
  throw new WeighlockError('WL_USAGE', `"${pattern}" is not a pattern of model names`, {
    hint: 'Use org/name, org/*, org/prefix-* or *; for several models name several patterns.',
  });
}
