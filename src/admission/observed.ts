/** What is on record of a revision as evidence, as a policy asks about it: by category, with what the rate can be at most. */
import type { RevisionIndex } from '../attest/state.ts';
import { CLOCKS_APART_MS } from '../base/clock.ts';
import type { Sha256 } from '../base/digest.ts';
import type { PolicyInput } from '../policy/input.ts';
import type { Registry } from '../registry/registry.ts';

const DAY_MS = 86_400_000;

export type ObservedFacts = PolicyInput['evidence'];

/** Of evidence that names this manifest; a file that nobody reads here counts by its kind alone. */
export async function observedFacts(
  registry: Registry,
  entry: Pick<RevisionIndex, 'evidence'> | undefined,
  { manifest, nowMs }: { readonly manifest: Sha256; readonly nowMs: number },
): Promise<ObservedFacts> {
  const found: ObservedFacts[number][] = [];
  for (const { statement } of entry?.evidence ?? []) {
    const { body } = await registry.statement('evidence', statement);
    if (body.manifest !== manifest) continue;
    const about = {
      kind: body.kind,
      bound: body.deployment !== null,
      // What nobody can date is older than any rule allows.
      ageDays: ageOf(body.observedAt, nowMs) ?? Number.MAX_SAFE_INTEGER,
    };
    const none = { category: '', n: 0, failures: 0, errors: 0, interval: [0, 1] as const };
    for (const { category, n, failures, errors, interval } of body.results.length > 0 ? body.results : [none])
      found.push({ ...about, category, n, failures, errors, upperPercent: Math.ceil(100 * interval[1]) });
  }
  return found;
}

/** Undefined where nobody can say: also for what is dated in the future, which would stay young for ever. */
function ageOf(at: string, nowMs: number): number | undefined {
  const ageMs = nowMs - Date.parse(at);
  return Number.isNaN(ageMs) || ageMs < -CLOCKS_APART_MS
    ? undefined
    : Math.floor(Math.max(0, ageMs) / DAY_MS);
}
