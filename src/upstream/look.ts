/**
 * Looking upstream: what became of a followed model. A *look* asks what its branch stands for now, by a conditional request; an
 * *event* is what it found: an update, or something wrong with the repo that its admitted revisions came from.
 */
import { firstRecord } from '../admission/identity.ts';
import { ERRORS, WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName } from '../base/name.ts';
import type { Registry } from '../registry/registry.ts';
import { DEFAULT_CHANNEL } from '../registry/registry.ts';
import type { HubSource } from '../sources/hub.ts';
import type { RevisionId } from '../vault/layout.ts';

/** What is remembered of a model between looks, on the machine that watches. Nothing of it is believed for more than saving a look. */
export interface Seen {
  readonly etag?: string | undefined;
  readonly commit?: string | undefined;
  /** When the Hub's scanners and the owner were last asked about, in milliseconds. */
  readonly askedAt?: number | undefined;
  /** An update that was begun, and has to be taken up again: it may be on record already. */
  readonly pending?: string | undefined;
  /** The trouble that a receiver was told of last, in words. */
  readonly told?: string | undefined;
  /** The log entry that says how the model is followed: what was seen under another one is forgotten. */
  readonly follow?: number | undefined;
}

export type UpstreamEvent =
  | { readonly kind: 'update'; readonly model: ModelName; readonly commit: Commit }
  /** Something is wrong with where an admitted revision came from. */
  | {
      readonly kind: 'trouble';
      readonly model: ModelName;
      readonly what: 'gone' | 'renamed' | 'registered-again' | 'new-owner' | 'flagged';
      /** One sentence. */
      readonly because: string;
      /** What is live of it, if anything is. */
      readonly live: RevisionId | undefined;
    }
  | { readonly kind: 'unavailable'; readonly model: ModelName; readonly because: string };

export interface Looked {
  readonly events: readonly UpstreamEvent[];
  readonly seen: Seen;
}

export interface LookOptions {
  readonly registry: Registry;
  readonly source: HubSource;
  readonly model: ModelName;
  readonly revision: string;
  readonly seen: Seen;
  readonly nowMs: number;
}

/** How often owner and scanners are asked where nothing else changed. */
const ASK_MS = 6 * 3_600_000;

/** Never throws for what the Hub answers: that is an event. */
export async function look(options: LookOptions): Promise<Looked> {
  const { model, seen } = options;
  try {
    return await lookNow(options);
  } catch (error) {
    if (!(error instanceof WeighlockError) || !(error.code in ERRORS)) throw error;
    if (error.code === 'WL_MODEL_NOT_FOUND' || error.code === 'WL_MODEL_GATED')
      return {
        seen,
        events: [await trouble(options, 'gone', `upstream gives ${model} to nobody here: ${error.message}`)],
      };
    return { seen, events: [{ kind: 'unavailable', model, because: error.message }] };
  }
}

async function lookNow(options: LookOptions): Promise<Looked> {
  const { source, model, revision, seen, nowMs } = options;
  const latest = await source.latest({ model, revision, etag: seen.etag });
  const due = seen.askedAt === undefined || nowMs - seen.askedAt >= ASK_MS;
  if (latest === 'unchanged' && !due) return { events: [], seen };
  const askedAt = nowMs;
  if (latest === 'unchanged') return { events: await askAround(options), seen: { ...seen, askedAt } };
  if (latest.model !== model) {
    const because = `${model} is called ${latest.model} upstream now`;
    return { seen, events: [await trouble(options, 'renamed', because)] };
  }
  const known = await pinned(options);
  if (known?.repoId !== undefined && latest.repoId !== undefined && known.repoId !== latest.repoId) {
    const because = `the name ${model} was registered again: it was the repo ${known.repoId}, and is ${latest.repoId}`;
    return { seen, events: [await trouble(options, 'registered-again', because)] };
  }
  const events = await askAround(options);
  const recorded = (await options.registry.model(model))?.revisions[latest.commit];
  const isNew = recorded === undefined ? latest.commit !== seen.commit : latest.commit === seen.pending;
  const update = isNew ? [{ kind: 'update', model, commit: latest.commit } as const] : [];
  return { events: [...events, ...update], seen: { etag: latest.etag, commit: latest.commit, askedAt } };
}

/** What the Hub says now of the owner, and of the files that are live. */
async function askAround(options: LookOptions): Promise<readonly UpstreamEvent[]> {
  const live = await liveRevision(options);
  if (live === undefined) return [];
  const now = await options.source.resolve(options.model, live.commit);
  const known = await pinned(options);
  const events: UpstreamEvent[] = [];
  if (known?.owner !== undefined && now.publisher?.id !== undefined && known.owner !== now.publisher.id) {
    const because = `${options.model} belongs to ${now.publisher.name} (${now.publisher.id}), and belonged to ${known.ownerName} (${known.owner})`;
    events.push(await trouble(options, 'new-owner', because));
  }
  if (now.hubScan?.status === 'unsafe') {
    const because = `the Hub's scanners warn of ${options.model}@${live.commit.slice(0, 12)}, which is live`;
    events.push(await trouble(options, 'flagged', because));
  }
  return events;
}

/** Who the model came from at its first admission. */
async function pinned({ registry, model }: LookOptions) {
  const first = await firstRecord(registry, model);
  if (!first) return undefined;
  const { source } = first;
  return { repoId: source.repoId, owner: source.publisher?.id, ownerName: source.publisher?.name };
}

async function liveRevision({ registry, model }: LookOptions): Promise<RevisionId | undefined> {
  const commit = (await registry.model(model))?.channels[DEFAULT_CHANNEL]?.commit;
  return commit === undefined ? undefined : { model, commit };
}

async function trouble(
  options: LookOptions,
  what: Extract<UpstreamEvent, { kind: 'trouble' }>['what'],
  because: string,
): Promise<UpstreamEvent> {
  return { kind: 'trouble', model: options.model, what, because, live: await liveRevision(options) };
}
