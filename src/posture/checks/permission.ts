/** What a refused call means: which permission is missing, for which call. */
import type { Refusal } from '../store/answer.ts';

/** The permission by name where the store denied it, and else what it said. */
export function missingPermission(permissions: readonly string[], refusal: Refusal): string {
  return refusal.kind === 'denied' ? denied(permissions, refusal.said) : refusal.said;
}

/** As `missingPermission`, for what was said already. */
export function deniedOrSaid(permissions: readonly string[], said: string): string {
  return /access ?denied|not authorized|unauthorized|forbidden|status 40[13]/i.test(said)
    ? denied(permissions, said)
    : said;
}

function denied(permissions: readonly string[], said: string): string {
  return `these credentials lack ${permissions.join(' or ')} (${said})`;
}
