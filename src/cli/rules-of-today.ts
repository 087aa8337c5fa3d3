/** The rules by which something is judged now: the policy and the advisories in force, and waivers. */
import type { Rules } from '../admission/rejudge.ts';
import { openWaivers } from '../attest/waiver.ts';
import type { Registry } from '../registry/registry.ts';
import { adviceFor } from './advice.ts';
import { policyInForce } from './policy-file.ts';
import { publisherKeys } from './publisher-keys.ts';
import { textOf } from './waivers.ts';
import type { Wire } from './wire.ts';

/** `waivers`: a file of them, beside those that are on record. */
export async function rulesOfToday(
  wire: Wire,
  registry: Registry,
  waivers: string | undefined,
): Promise<Rules> {
  const { state } = await registry.state('accept');
  return {
    policy: policyInForce(wire.config),
    waivers: waivers === undefined ? [] : openWaivers(textOf(waivers), registry.trust),
    advice: adviceFor(wire.home, undefined),
    revoked: new Set(Object.keys(state.revokedFiles)),
    nowMs: wire.clock.now(),
    publisherKeys: publisherKeys(wire.config),
  };
}
