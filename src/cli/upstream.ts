/** `weighlock upstream`: which models are watched at the Hub, and watching them. */
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import type { Follow } from '../attest/state.ts';
import { EXIT, printable, WeighlockError } from '../base/errors.ts';
import { type ModelName, parseModelName } from '../base/name.ts';
import { follow, follows } from '../lifecycle/follow.ts';
import type { Gate } from '../registry/gate.ts';
import { DEFAULT_CHANNEL } from '../registry/registry.ts';
import { HubSource } from '../sources/hub.ts';
import { look, type Seen, type UpstreamEvent } from '../upstream/look.ts';
import { bringUpdate, CANDIDATE, type Reaction, recordTrouble } from '../upstream/react.ts';
import { listenForHub, notify, type Receiver } from '../upstream/webhook.ts';
import { AdmissionView } from './admission-view.ts';
import { admissionOptions } from './admit.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseRevision } from './target.ts';
import { labelled, plural, table } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface FollowFlags {
  readonly revision: string;
  readonly update: string;
}

interface WatchFlags {
  readonly every: string;
  readonly once?: boolean;
  readonly notify?: string;
  readonly listen?: string;
  readonly json?: boolean;
}

const EVERY_SECONDS_DEFAULT = 300;
const EVERY_SECONDS_MIN = 10;
const EVERY_SECONDS_MAX = 86_400;

export function upstreamCommand(run: Run): Command {
  const command = new Command('upstream').description(
    'watch models at the Hub: be told of updates, bring them in as candidates, learn when a repo is gone or changes hands',
  );
  command
    .command('follow')
    .description('watch a model upstream')
    .argument('<model>', 'org/name')
    .option('--revision <name>', 'branch or tag', 'main')
    .option(
      '--update <how>',
      `notify: tell; candidate: admit, and let the channel ${CANDIDATE} stand for it; auto: and ${DEFAULT_CHANNEL} too`,
      'notify',
    )
    .action((model: string, flags: FollowFlags) =>
      run({ ...flags }, (wire) => runFollow(wire, model, flags)),
    );
  command
    .command('unfollow')
    .description('watch it no more')
    .argument('<model>', 'org/name')
    .action((model: string, flags: Record<string, unknown>) =>
      run(flags, (wire) => runFollow(wire, model, { revision: 'main', update: 'off' })),
    );
  command
    .command('list')
    .description('show what is watched, and what is live of it')
    .action((flags: Record<string, unknown>) => run(flags, list));
  command
    .command('watch')
    .description('look upstream again and again; a webhook of the Hub only makes it look sooner')
    .option('--every <seconds>', 'between two looks', String(EVERY_SECONDS_DEFAULT))
    .option('--once', 'look once, and end')
    .option('--notify <url>', 'POST every event there, signed with WEIGHLOCK_NOTIFY_SECRET')
    .option('--listen <port>', 'take the Hub’s webhooks on 127.0.0.1, with WEIGHLOCK_HUB_WEBHOOK_SECRET')
    .action((flags: WatchFlags) => run({ ...flags }, (wire) => watch(wire, flags)));
  return command;
}

async function runFollow(wire: Wire, text: string, { revision, update }: FollowFlags): Promise<Outcome> {
  const model = parseModelName(text);
  if (update !== 'notify' && update !== 'candidate' && update !== 'auto' && update !== 'off')
    throw new WeighlockError('WL_USAGE', `--update takes notify, candidate or auto, not "${update}"`);
  const logIndex = await follow(await wire.gate(), {
    model,
    revision: parseRevision(revision),
    update,
    tool: TOOL,
  });
  return {
    exit: EXIT.done,
    json: { model, revision, update, logIndex },
    text:
      update === 'off'
        ? labelled('ended', `${model} is watched no more, log entry ${logIndex}`)
        : labelled('following', `${model}@${revision}, ${update}, log entry ${logIndex}`) +
          labelled('next', 'weighlock upstream watch'),
  };
}

async function list(wire: Wire): Promise<Outcome> {
  const registry = await wire.registry();
  const remembered = wire.home.upstream(registry.trust.vault);
  const rows = [];
  for (const [model, { revision, update }] of await follows(registry)) {
    const live = (await registry.model(model))?.channels[DEFAULT_CHANNEL]?.commit;
    const { commit: seen } = remembered.recall(model);
    rows.push({ model, revision, update, live, seen });
  }
  const cells = rows.map(({ model, revision, update, live, seen }) => [
    model,
    revision,
    update,
    live?.slice(0, 12) ?? '',
    seen === undefined ? 'not looked yet' : seen === live ? 'the same' : seen.slice(0, 12),
  ]);
  return {
    exit: EXIT.done,
    json: rows,
    text:
      rows.length === 0
        ? labelled('', 'Nothing is followed: weighlock upstream follow org/name')
        : table(['MODEL', 'REVISION', 'UPDATE', 'LIVE', 'UPSTREAM'], cells),
  };
}

async function watch(wire: Wire, flags: WatchFlags): Promise<Outcome> {
  const everyMs = secondsOf(flags.every) * 1000;
  const receiver = flags.notify === undefined ? undefined : receiverOf(wire, flags.notify);
  const gate = await wire.gate();
  const source = new HubSource({ kind: 'hub', ...wire.config.hub });
  const rounds = new Rounds(wire, { gate, source, receiver });
  const stop = new AbortController();
  let sooner = new AbortController();
  const listening =
    flags.listen === undefined ? undefined : await listen(wire, flags.listen, () => sooner.abort());
  if (!flags.once)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    for (;;) {
      const told = await rounds.once().catch((error: unknown) => {
        if (flags.once || !(error instanceof WeighlockError)) throw error;
        wire.terminal.err(labelled('away', error.message));
        return [];
      });
      if (flags.once)
        return {
          exit: EXIT.done,
          json: told,
          text: told.map(inWords).join('') || labelled('', 'Nothing new upstream.'),
        };
      for (const one of told) wire.terminal.out(flags.json ? `${JSON.stringify(one)}\n` : inWords(one));
      await pause(everyMs, undefined, { signal: AbortSignal.any([stop.signal, sooner.signal]) }).catch(
        () => {},
      );
      sooner = new AbortController();
      if (stop.signal.aborted) return { exit: EXIT.done, json: { stopped: true }, text: '' };
    }
  } finally {
    await listening?.close();
    await source.close();
  }
}

interface Told {
  readonly event: UpstreamEvent;
  readonly reaction: Reaction;
  /** Whether the receiver of `--notify` took it. */
  readonly notified?: boolean;
}

/** One look at every model after another: the Hub counts requests. */
class Rounds {
  readonly #wire: Wire;
  readonly #gate: Gate;
  readonly #source: HubSource;
  readonly #receiver: Receiver | undefined;

  constructor(
    wire: Wire,
    {
      gate,
      source,
      receiver,
    }: { readonly gate: Gate; readonly source: HubSource; readonly receiver: Receiver | undefined },
  ) {
    this.#wire = wire;
    this.#gate = gate;
    this.#source = source;
    this.#receiver = receiver;
  }

  async once(): Promise<Told[]> {
    const told: Told[] = [];
    for (const [model, followed] of await follows(this.#gate))
      try {
        told.push(...(await this.#lookAt(model, followed)));
      } catch (error) {
        // The vault, not the Hub: the next model, and the next look, may find it back.
        if (!(error instanceof WeighlockError)) throw error;
        const event = { kind: 'unavailable', model, because: error.message } as const;
        told.push({ event, reaction: { kind: 'told' } });
      }
    return told;
  }

  async #lookAt(model: ModelName, followed: Follow): Promise<Told[]> {
    const memory = this.#wire.home.upstream(this.#gate.trust.vault);
    const { clock } = this.#gate;
    const recalled = memory.recall(model);
    const seen: Seen = recalled.follow === followed.logIndex ? recalled : {};
    const looked = await look({
      registry: this.#gate,
      source: this.#source,
      model,
      revision: followed.revision,
      seen,
      nowMs: clock.now(),
    });
    const told: Told[] = [];
    let next: Seen = { ...looked.seen, told: undefined };
    for (const event of looked.events) {
      const reaction = await this.#react(event, followed.update);
      // What failed to come in is tried again at the next look, and not remembered as seen.
      if (reaction.kind === 'failed')
        next = { ...seen, pending: event.kind === 'update' ? event.commit : seen.pending };
      const because = event.kind === 'update' ? undefined : event.because;
      const isOld = reaction.kind === 'told' && because !== undefined && because === seen.told;
      const sent =
        isOld || !this.#receiver ? undefined : await notify(this.#receiver, { event, reaction }, clock.now());
      if (sent !== false && because !== undefined) next = { ...next, told: because };
      told.push({ event, reaction, ...(sent !== undefined && { notified: sent }) });
    }
    memory.remember(model, { ...next, follow: followed.logIndex });
    return told;
  }

  async #react(event: UpstreamEvent, update: Follow['update']): Promise<Reaction> {
    switch (event.kind) {
      case 'unavailable':
        return { kind: 'told' };
      case 'trouble':
        return recordTrouble(this.#gate, event, TOOL);
      case 'update': {
        const view = new AdmissionView(this.#wire.terminal, true);
        const options = { ...admissionOptions(this.#wire, this.#source, view), requester: 'upstream watch' };
        return bringUpdate(this.#gate, event, { update, options });
      }
    }
  }
}

function inWords({ event, reaction, notified }: Told): string {
  const missed = notified === false ? '\nthe receiver of --notify did not take it' : '';
  switch (event.kind) {
    case 'unavailable':
      return labelled('away', printable(`${event.model}: ${event.because}`) + missed);
    case 'trouble':
      return labelled(
        event.what === 'gone' ? 'gone' : 'trouble',
        printable(event.because) + reactionText(reaction) + missed,
      );
    case 'update':
      return labelled('update', `${event.model} → ${event.commit}${reactionText(reaction)}${missed}`);
  }
}

function reactionText(reaction: Reaction): string {
  switch (reaction.kind) {
    case 'told':
      return '';
    case 'admitted':
      return `\nadmitted, as ${reaction.channels.join(' and ')}`;
    case 'held':
      return '\nheld: `weighlock review list`';
    case 'refused':
      return '\nrefused';
    case 'failed':
      return `\ncould not be brought in: ${printable(reaction.because)}`;
    case 'recorded':
      return `\nrecorded with what is live, log entry ${reaction.logIndex}`;
  }
}

function receiverOf({ environment }: Wire, url: string): Receiver {
  const secret = environment.WEIGHLOCK_NOTIFY_SECRET;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new WeighlockError('WL_USAGE', `--notify takes an http or https address, not "${url}"`);
  if (secret) return { url, secret };
  throw new WeighlockError('WL_USAGE', '--notify signs with WEIGHLOCK_NOTIFY_SECRET, which is not set');
}

async function listen({ environment, terminal }: Wire, port: string, sooner: () => void) {
  const secret = environment.WEIGHLOCK_HUB_WEBHOOK_SECRET;
  if (!/^\d{1,5}$/.test(port)) throw new WeighlockError('WL_USAGE', `--listen takes a port, not "${port}"`);
  if (!secret)
    throw new WeighlockError('WL_USAGE', '--listen asks for WEIGHLOCK_HUB_WEBHOOK_SECRET, which is not set');
  const listening = await listenForHub({ port: Number(port), secret }, sooner);
  terminal.err(labelled('listening', `http://127.0.0.1:${listening.port}`));
  return listening;
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (seconds >= EVERY_SECONDS_MIN && seconds <= EVERY_SECONDS_MAX) return seconds;
  throw new WeighlockError(
    'WL_USAGE',
    `--every takes ${plural(EVERY_SECONDS_MIN, 'second')} at least and ${EVERY_SECONDS_MAX} at most, not "${text}"`,
  );
}
