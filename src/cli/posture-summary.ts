/** What the checks of a vault's place come to, for whoever needs no more than the sum. */
import { WeighlockError } from '../base/errors.ts';
import type { PostureSummary } from '../compare/vault-side.ts';
import { HOLD_DAYS_DEFAULT } from '../posture/bucket/bucket-plan.ts';
import type { PostureRow } from '../posture/posture.ts';
import type { Registry } from '../registry/registry.ts';
import type { Wire } from './wire.ts';

const SEVERITIES = ['critical', 'high', 'medium', 'low'];

/** Never throws: what could not be asked is unknown, with the reason. */
export async function postureSummary(
  wire: Wire,
  registry: Registry,
): Promise<PostureSummary | { readonly unknown: string }> {
  try {
    return summary(await rowsOf(wire, registry));
  } catch (error) {
    return { unknown: error instanceof WeighlockError ? error.message : 'the store could not be asked' };
  }
}

async function rowsOf(wire: Wire, registry: Registry): Promise<readonly PostureRow[]> {
  const ticket = wire.config.ticket(wire.config.vault);
  const { bucketPosture, directoryPosture } = await import('../posture/posture.ts');
  if (ticket.kind === 'directory') return directoryPosture(ticket.path);
  const { withSurroundings } = await import('../posture/open-posture.ts');
  const request = {
    holdDays: HOLD_DAYS_DEFAULT,
    registry,
    signingKeyArns: wire.home.keys.filter((key) => /^arn:[^:]*:kms:/.test(key)),
    accepted: [],
  };
  return withSurroundings(ticket.settings, request, bucketPosture);
}

function summary(rows: readonly PostureRow[]): PostureSummary {
  const count = (status: PostureRow['status']) => rows.filter((row) => row.status === status).length;
  const failed = rows
    .filter(({ status }) => status === 'failed')
    .map(({ title, severity }) => ({ title, severity }))
    .sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  return { passed: count('passed'), failed, unanswered: count('unknown') };
}
