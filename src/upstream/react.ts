/** What follows from an event: an update is brought in as its model is followed, trouble becomes evidence of what is live. */
import { type AdmissionOptions, admit } from '../admission/admit.ts';
import { type SelectionRequest, selectionOf } from '../admission/selection.ts';
import type { Follow } from '../attest/state.ts';
import { timestamp } from '../base/clock.ts';
import { type ErrorCode, WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import { setChannel } from '../lifecycle/channel.ts';
import { evidenceOf, evidenceSubject, recordEvidence } from '../lifecycle/evidence.ts';
import { wilson } from '../probe/wilson.ts';
import type { Gate } from '../registry/gate.ts';
import { DEFAULT_CHANNEL } from '../registry/registry.ts';
import type { UpstreamEvent } from './look.ts';

/** The channel on which updates wait for whoever promotes them. */
export const CANDIDATE = 'candidate';

export type Reaction =
  | { readonly kind: 'told' }
  | { readonly kind: 'admitted'; readonly channels: readonly string[] }
  | { readonly kind: 'held' | 'refused' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly because: string }
  | { readonly kind: 'recorded'; readonly logIndex: number };

type Trouble = Extract<UpstreamEvent, { kind: 'trouble' }>;
type Update = Extract<UpstreamEvent, { kind: 'update' }>;

/** An update: nothing but being told, or an admission like any other; only `auto` moves what is live. */
export async function bringUpdate(
  gate: Gate,
  { model, commit }: Update,
  { update, options }: { readonly update: Follow['update']; readonly options: AdmissionOptions },
): Promise<Reaction> {
  if (update === 'notify') return { kind: 'told' };
  try {
    const selection = await selectionNow(gate, model);
    const admission = await admit(gate, { model, revision: commit, selection }, options);
    const { verdict } = admission.record.body;
    if (verdict !== 'admitted') return { kind: verdict };
    const channels = update === 'auto' ? [CANDIDATE, DEFAULT_CHANNEL] : [CANDIDATE];
    const { tool } = options;
    for (const channel of channels)
      await setChannel(gate, { model, channel, revision: commit, reason: 'upstream went on', tool });
    return { kind: 'admitted', channels };
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    return { kind: 'failed', code: error.code, because: error.message };
  }
}

/** What was left out of what is live is left out of what comes after it. */
async function selectionNow(gate: Gate, model: ModelName): Promise<SelectionRequest> {
  const index = await gate.model(model);
  const commit = index?.channels[DEFAULT_CHANNEL]?.commit;
  const entry = commit === undefined ? undefined : index?.revisions[commit];
  if (commit === undefined || !entry) return { include: [], exclude: [] };
  const { body } = await gate.record({ model, commit }, entry.number, entry.record);
  return selectionOf(body.manifest.excluded);
}

/** Trouble is recorded once for what is live, as evidence that `show` tells and a policy can ask for. */
export async function recordTrouble(
  gate: Gate,
  { model, what, because, live }: Trouble,
  tool: AdmissionOptions['tool'],
): Promise<Reaction> {
  if (live === undefined) return { kind: 'told' };
  const { entry } = await gate.resolve(model, live.commit);
  const before = await evidenceOf(gate, entry);
  const known = before.some(
    ({ signed: { body } }) =>
      body.kind === 'upstream' && body.results.some(({ category }) => category === what),
  );
  if (known) return { kind: 'told' };
  const observedAt = timestamp(gate.clock);
  const { logIndex } = await recordEvidence(gate, await evidenceSubject(gate, model, live.commit), {
    raw: Buffer.from(`${JSON.stringify({ model, what, because, observedAt }, null, 2)}\n`),
    report: {
      kind: 'upstream',
      observer: tool,
      target: model,
      deployment: null,
      configuration: { because },
      observedAt,
      results: [{ category: what, n: 1, failures: 1, errors: 0, interval: wilson(1, 1) }],
      tool,
    },
  });
  return { kind: 'recorded', logIndex };
}
