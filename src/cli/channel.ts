/** `weighlock channel`: the movable names of a model's revisions. */
import { Command } from 'commander';
import type { ChannelIndex } from '../attest/state.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { type Commit, type ModelName, parseCommit } from '../base/name.ts';
import {
  type ChannelMove,
  type ChannelRequest,
  requireChannel,
  rollBack,
  setChannel,
} from '../lifecycle/channel.ts';
import { DEFAULT_CHANNEL, type Registry } from '../registry/registry.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { labelled, table } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface MoveFlags {
  readonly reason?: string;
  readonly expect?: string;
}

const CHANNEL_ARGUMENT = `the channel (default: ${DEFAULT_CHANNEL}, which clients call main)`;

export function channelCommand(run: Run): Command {
  const command = new Command('channel').description(
    'the movable names of a model’s revisions; the first admission of a model sets `production`',
  );
  command
    .command('list')
    .description('show where the channels of a model, or of all models, stand')
    .argument('[model]', 'org/name')
    .action((model: string | undefined, flags: Record<string, unknown>) =>
      run(flags, (wire) => list(wire, model)),
    );
  withMoveOptions(command.command('set'))
    .description('let a channel stand for another published revision')
    .argument('<model@revision>', 'org/name@commit, or @channel for where another channel stands')
    .argument('[channel]', CHANNEL_ARGUMENT, DEFAULT_CHANNEL)
    .action((model: string, channel: string, flags: MoveFlags) =>
      run({ ...flags }, (wire) => set(wire, { model, channel, flags })),
    );
  withMoveOptions(command.command('rollback'))
    .description('let a channel stand where it stood before')
    .argument('<model>', 'org/name')
    .argument('[channel]', CHANNEL_ARGUMENT, DEFAULT_CHANNEL)
    .action((model: string, channel: string, flags: MoveFlags) =>
      run({ ...flags }, async (wire) => {
        const request = moveRequest(parseModelTarget(model).model, channel, flags);
        return moved(await rollBack(await wire.gate(), request));
      }),
    );
  command
    .command('history')
    .description('show where a channel stood, and since when')
    .argument('<model>', 'org/name')
    .argument('[channel]', CHANNEL_ARGUMENT, DEFAULT_CHANNEL)
    .action((model: string, channel: string, flags: Record<string, unknown>) =>
      run(flags, (wire) => history(wire, parseModelTarget(model).model, channel)),
    );
  return command;
}

function withMoveOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why, for the log')
    .option(
      '--expect <commit>',
      'move only if the channel stands for this commit now (`none`: if there is none)',
    );
}

async function set(
  wire: Wire,
  { model: text, channel, flags }: { model: string; channel: string; flags: MoveFlags },
): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  if (revision === undefined)
    throw new WeighlockError('WL_USAGE', `say which revision the channel is to stand for: ${model}@<commit>`);
  return moved(await setChannel(await wire.gate(), { ...moveRequest(model, channel, flags), revision }));
}

function moveRequest(model: ModelName, channel: string, { reason, expect }: MoveFlags): ChannelRequest {
  const expected = expect === undefined ? {} : { expect: expect === 'none' ? null : parseCommit(expect) };
  return { model, channel, reason, ...expected, tool: TOOL };
}

function moved({ model, channel, before, commit, logIndex }: ChannelMove): Outcome {
  const from = before ? `, before ${before.slice(0, 12)}` : '';
  const text = `${channel} of ${model} → ${commit.slice(0, 12)}`;
  return {
    exit: EXIT.done,
    json: { model, channel, commit, before, logIndex },
    text:
      logIndex === undefined
        ? labelled('unchanged', `${text}: it stood there already`)
        : labelled('moved', `${text}${from}, log entry ${logIndex}\ngateways follow within 5 seconds`),
  };
}

async function list(wire: Wire, text: string | undefined): Promise<Outcome> {
  const registry = await wire.registry();
  const only = text === undefined ? undefined : parseModelTarget(text).model;
  const found: { model: ModelName; channel: string; commit: Commit; since: string; logIndex: number }[] = [];
  for await (const { model, channels } of modelsOf(registry, only)) {
    for (const [channel, at] of Object.entries(channels)) {
      const since = at.history.at(-1)?.at ?? '';
      found.push({ model, channel, commit: at.commit, since, logIndex: at.logIndex });
    }
  }
  found.sort((a, b) => (`${a.model} ${a.channel}` < `${b.model} ${b.channel}` ? -1 : 1));
  const rows = found.map(({ model, channel, commit, since, logIndex }) => [
    model,
    channel,
    commit.slice(0, 12),
    since,
    String(logIndex),
  ]);
  return {
    exit: EXIT.done,
    json: found,
    text:
      rows.length > 0
        ? table(['MODEL', 'CHANNEL', 'REVISION', 'SINCE', 'ENTRY'], rows)
        : 'There are no channels yet: the first admission of a model sets `production`.\n',
  };
}

async function* modelsOf(registry: Registry, only: ModelName | undefined) {
  if (only === undefined) {
    for await (const { model, index } of registry.models()) yield { model, channels: index.channels };
    return;
  }
  const index = await registry.model(only);
  if (!index)
    throw new WeighlockError('WL_NOT_ADMITTED', `${only} is not on record in ${registry.vault.location}`);
  yield { model: only, channels: index.channels };
}

async function history(wire: Wire, model: ModelName, channel: string): Promise<Outcome> {
  const registry = await wire.registry();
  const at: ChannelIndex = await requireChannel(registry, model, channel);
  const places = at.history.toReversed();
  const rows = places.map(({ commit, at: since, logIndex }, place) => [
    since,
    commit.slice(0, 12),
    String(logIndex),
    place === 0 ? 'now' : '',
  ]);
  return {
    exit: EXIT.done,
    json: { model, channel, history: places },
    text: table(['SINCE', 'REVISION', 'ENTRY', ''], rows),
  };
}
