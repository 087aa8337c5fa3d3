/**
 * Channels: movable names for published revisions of a model. A move is a statement that names where the channel stood;
 * it counts only if it still stands there when the statement is logged.
 */

import type { ChannelIndex } from '../attest/state.ts';
import type { ChannelMoveBody } from '../attest/statement.ts';
import { WeighlockError } from '../base/errors.ts';
import { type Commit, isChannel, type ModelName } from '../base/name.ts';
import { own } from '../base/own.ts';
import type { Gate } from '../registry/gate.ts';
import type { Registry } from '../registry/registry.ts';

export interface ChannelRequest {
  readonly model: ModelName;
  readonly channel: string;
  readonly reason?: string | undefined;
  /** Where the channel must stand for the move to happen; `null` for a channel that must not exist. */
  readonly expect?: Commit | null | undefined;
  readonly tool: ChannelMoveBody['tool'];
}

export interface ChannelMove {
  readonly model: ModelName;
  readonly channel: string;
  readonly before: Commit | null;
  readonly commit: Commit;
  /** Undefined where the channel stood there already. */
  readonly logIndex: number | undefined;
}

/** Throws WL_NAME_INVALID unless a channel may be called that. */
export function requireChannelName(channel: string): void {
  if (isChannel(channel)) return;
  throw new WeighlockError('WL_NAME_INVALID', `"${channel}" cannot be the name of a channel`, {
    hint: 'Use lower-case letters, digits, "-", "_" and "."; "main" is what clients call the channel production.',
  });
}

/** Moves the channel to a published revision. Throws WL_NOT_ADMITTED, WL_REVOKED, WL_CHANNEL_MOVED. */
export async function setChannel(
  gate: Gate,
  request: ChannelRequest & { readonly revision: string },
): Promise<ChannelMove> {
  const { model, channel, reason, tool } = request;
  requireChannelName(channel);
  const { id, entry } = await gate.published(model, request.revision);
  const before = (await channelOf(gate, model, channel))?.commit ?? null;
  if (request.expect !== undefined && request.expect !== before) throw movedTo(request, before);
  const move = { model, channel, before, commit: id.commit };
  if (before === id.commit) return { ...move, logIndex: undefined };
  const { index } = await gate.declare<ChannelMoveBody>({
    type: 'weighlock.channel/v1',
    ...move,
    record: entry.record,
    ...(reason && { reason }),
    tool,
  });
  const now = await channelOf(gate, model, channel);
  // Somebody may have moved it on since: what counts is that this move is in its history.
  if (!now?.history.some((place) => place.logIndex === index)) throw movedTo(request, now?.commit ?? null);
  return { ...move, logIndex: index };
}

/** Moves the channel to where it stood before, past revisions that are not published any more. */
export async function rollBack(gate: Gate, request: ChannelRequest): Promise<ChannelMove> {
  const { model, channel } = request;
  const now = await requireChannel(gate, model, channel);
  const index = await gate.model(model);
  // Before it first stood here: going back twice goes back twice, and not forth again.
  const before = now.history.slice(
    0,
    now.history.findIndex(({ commit }) => commit === now.commit),
  );
  const earlier = before.toReversed().find(({ commit }) => {
    const revision = index?.revisions[commit];
    return revision?.receipt && !revision.removed && !revision.revoked;
  });
  if (!earlier)
    throw new WeighlockError(
      'WL_NOT_ADMITTED',
      `the channel ${channel} of ${model} stood for no earlier revision that is still published`,
      { hint: `Name one: \`weighlock channel set ${model} ${channel} <commit>\`.` },
    );
  return setChannel(gate, { ...request, revision: earlier.commit, expect: request.expect ?? now.commit });
}

export interface LeftChannel {
  readonly model: ModelName;
  readonly channel: string;
  /** Where it was rolled back to; undefined where it stood for nothing else that is still published. */
  readonly move: ChannelMove | undefined;
}

/** Rolls back every channel that stands at one of these revisions, as far as it stood elsewhere before. */
export async function rollBackFrom(
  gate: Gate,
  revisions: readonly { readonly model: ModelName; readonly commit: Commit }[],
  { reason, tool }: Pick<ChannelRequest, 'reason' | 'tool'>,
): Promise<readonly LeftChannel[]> {
  const left: LeftChannel[] = [];
  for (const { model, commit } of revisions) {
    const channels = Object.entries((await gate.model(model))?.channels ?? {});
    for (const [channel, at] of channels) {
      if (at.commit !== commit) continue;
      left.push({ model, channel, move: await earlier(gate, { model, channel, reason, tool }) });
    }
  }
  return left;
}

/** Undefined where there is nothing to go back to, or somebody moved the channel meanwhile. */
async function earlier(gate: Gate, request: ChannelRequest): Promise<ChannelMove | undefined> {
  try {
    return await rollBack(gate, request);
  } catch (error) {
    const expected = ['WL_NOT_ADMITTED', 'WL_CHANNEL_MOVED'];
    if (error instanceof WeighlockError && expected.includes(error.code)) return undefined;
    throw error;
  }
}

/** The channel. Throws WL_NOT_ADMITTED naming those that there are. */
export async function requireChannel(
  registry: Registry,
  model: ModelName,
  channel: string,
): Promise<ChannelIndex> {
  const index = await registry.model(model);
  const found = index && own(index.channels, channel);
  if (found) return found;
  const names = Object.keys(index?.channels ?? {});
  throw new WeighlockError(
    'WL_NOT_ADMITTED',
    index
      ? `${model} has no channel "${channel}"${names.length > 0 ? `; there are: ${names.join(', ')}` : ''}`
      : `${model} is not on record in ${registry.vault.location}`,
  );
}

async function channelOf(gate: Gate, model: ModelName, channel: string): Promise<ChannelIndex | undefined> {
  const index = await gate.model(model);
  return index && own(index.channels, channel);
}

function movedTo({ model, channel }: ChannelRequest, now: Commit | null): WeighlockError {
  return new WeighlockError(
    'WL_CHANNEL_MOVED',
    `the channel ${channel} of ${model} ${now ? `stands for ${now.slice(0, 12)} now` : 'does not exist'}: nothing was moved`,
  );
}
