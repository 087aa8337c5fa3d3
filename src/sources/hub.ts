/** The Hugging Face Hub, or whatever speaks its protocol, as a source. */
import { WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName } from '../base/name.ts';
import type { HubActivity } from './hub-activity.ts';
import { HubApi } from './hub-api.ts';
import { HubDownload } from './hub-download.ts';
import { parseEndpoint, RedirectHosts } from './hub-hosts.ts';
import { HubHttp } from './hub-http.ts';
import { HUB_LIMITS, type HubLimits } from './hub-limits.ts';
import type { Latest, ListingOptions } from './hub-listing.ts';
import { PassingFailure, Patience, systemWaitingClock, type WaitingClock } from './patience.ts';
import {
  type ByteRange,
  refuseRange,
  type Source,
  type SourceFile,
  type SourceRevision,
  type SourceTicket,
} from './source.ts';

export interface HubSourceOptions {
  readonly limits?: Partial<HubLimits>;
  readonly clock?: WaitingClock;
}

/** Longest revision name; git's own refs are bounded by file names. */
const REVISION_LENGTH_MAX = 255;

export class HubSource implements Source {
  readonly ticket: SourceTicket & { readonly kind: 'hub' };
  readonly #endpoint: URL;
  readonly #limits: HubLimits;
  readonly #clock: WaitingClock;
  readonly #http: HubHttp;
  readonly #api: HubApi;
  readonly #download: HubDownload;

  /** Throws WL_CONFIG_INVALID for an endpoint that is no URL. Nothing is contacted yet. */
  constructor(ticket: SourceTicket & { readonly kind: 'hub' }, options: HubSourceOptions = {}) {
    this.ticket = ticket;
    this.#limits = { ...HUB_LIMITS, ...options.limits };
    this.#clock = options.clock ?? systemWaitingClock;
    this.#endpoint = parseEndpoint(ticket.endpoint);
    const hosts = new RedirectHosts(this.#endpoint, ticket.hosts);
    const { token, proxy } = ticket;
    this.#http = new HubHttp({
      endpoint: this.#endpoint,
      hosts,
      limits: this.#limits,
      ...(token === undefined ? {} : { token }),
      ...(proxy === undefined ? {} : { proxy }),
    });
    const shared = { endpoint: this.#endpoint, http: this.#http, limits: this.#limits, clock: this.#clock };
    const hasToken = token !== undefined;
    this.#api = new HubApi({ ...shared, hasToken });
    this.#download = new HubDownload({ ...shared, hosts, hasToken, api: this.#api });
  }

  get contacted(): ReadonlySet<string> {
    return this.#http.contacted;
  }

  /** Requests that were sent so far. */
  get requests(): number {
    return this.#http.requests;
  }

  /** What goes on around a model, seen from one of its commits. `now` in milliseconds. */
  async activity(
    at: { readonly model: ModelName; readonly commit: Commit; readonly now: number },
    signal?: AbortSignal,
  ): Promise<HubActivity> {
    const { fetchActivity } = await import('./hub-activity.ts');
    return fetchActivity(this.#api, at, { limits: this.#limits, signal });
  }

  /** What a branch or tag stands for now, unless the answer is the one with this ETag: as cheap as a look can be. */
  async latest(
    asked: { readonly model: ModelName; readonly revision: string; readonly etag: string | undefined },
    signal?: AbortSignal,
  ): Promise<Latest | 'unchanged'> {
    refuseRevision(asked.revision);
    const { fetchLatest } = await import('./hub-listing.ts');
    return fetchLatest(this.#api, asked, { limits: this.#limits, signal });
  }

  async resolve(
    model: ModelName,
    revision: string | undefined,
    signal?: AbortSignal,
  ): Promise<SourceRevision> {
    if (revision !== undefined) refuseRevision(revision);
    // Loaded here, because the threads that only read bytes need neither these nor the schemas that they bring.
    const [{ fetchFiles, fetchInfo }, { fetchHistory, fetchHubScan, fetchPublisher }] = await Promise.all([
      import('./hub-listing.ts'),
      import('./hub-evidence.ts'),
    ]);
    const options: ListingOptions = { limits: this.#limits, signal };
    const info = await fetchInfo(this.#api, { model, revision }, options);
    if (info.gated) await this.#checkAccess(info.model, signal);
    const files = await fetchFiles(this.#api, info, options);
    const [publisher, hubScan, history] = await Promise.all([
      fetchPublisher(this.#api, info.model, options),
      fetchHubScan(this.#api, { ...info, files }, options),
      fetchHistory(this.#api, info, options),
    ]);
    return {
      kind: 'hub',
      endpoint: this.ticket.endpoint,
      requested: revision ?? 'main',
      ...info,
      files,
      ...(publisher === undefined ? {} : { publisher }),
      ...(hubScan === undefined ? {} : { hubScan }),
      ...(history === undefined ? {} : { history }),
    };
  }

  async *read(
    { model, commit }: Pick<SourceRevision, 'model' | 'commit'>,
    file: SourceFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    if (commit === undefined) throw new Error('a revision of the Hub has a commit');
    refuseRange(file, range);
    const place = { model, commit, file };
    const patience = new Patience(this.#limits, this.#clock);
    let done = 0;
    while (done < range.length) {
      signal?.throwIfAborted();
      const rest = { offset: range.offset + done, length: range.length - done };
      try {
        for await (const batch of this.#download.stream(place, rest, signal)) {
          patience.progressed();
          for (const chunk of batch) {
            done += chunk.length;
            yield chunk;
          }
        }
      } catch (error) {
        if (!(error instanceof PassingFailure)) throw error;
        this.#download.forget(place);
        await patience.wait(error, signal);
      }
    }
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  /** A gated model lists its files to everybody and sends them to nobody: better said now than at the first byte. */
  async #checkAccess(model: ModelName, signal: AbortSignal | undefined): Promise<void> {
    const asked = { model, revision: 'main' };
    await this.#api.succeeds(this.#api.url(`/api/models/${model}/auth-check`), { asked, signal });
  }
}

/** What an URL would resolve away, or a shell would not have meant, is no revision. */
function refuseRevision(revision: string): void {
  const plain = revision !== '' && revision.length <= REVISION_LENGTH_MAX && revision.isWellFormed();
  if (plain && !/[\u0000-\u0020\u007f\\^~:?*[]|\.\.|^\.$/.test(revision)) return;
  throw new WeighlockError(
    'WL_NAME_INVALID',
    `"${revision.slice(0, REVISION_LENGTH_MAX)}" is not a branch, tag or commit`,
  );
}
