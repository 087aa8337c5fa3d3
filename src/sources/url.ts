/**
 * One file at an http(s) address as a source: whatever server holds it, its answers are checked as the Hub's are. All
 * ranges must come from one state of the file, which its ETag or date names.
 */
import { WeighlockError } from '../base/errors.ts';
import { parseRepoPath, type RepoPath } from '../base/name.ts';
import { arrivals } from './arrivals.ts';
import { RedirectHosts } from './hub-hosts.ts';
import { abandon, connectionError, discard, type HubAnswer, HubHttp, header } from './hub-http.ts';
import { HUB_LIMITS, type HubLimits } from './hub-limits.ts';
import { Pace } from './pace.ts';
import { PassingFailure, Patience, systemWaitingClock, type WaitingClock } from './patience.ts';
import { isRedirect, rangeProblem } from './range-answer.ts';
import { type ByteRange, refuseRange, type Source, type SourceFile } from './source.ts';

/** Enough to open the address in another thread. */
export interface UrlTicket {
  readonly kind: 'url';
  readonly url: string;
  /** Hosts that a redirect may lead to, beside the one that is named. */
  readonly hosts: readonly string[];
  readonly proxy?: string;
  /** The state of the file that every range must be of: its ETag, or when it was last changed. */
  readonly validator?: string;
  /** What the server made of a range. */
  readonly ranges?: 'taken' | 'ignored';
}

export class UrlSource implements Pick<Source, 'contacted' | 'read' | 'close'> {
  readonly #ticket: UrlTicket;
  readonly #url: URL;
  readonly #limits: HubLimits;
  readonly #clock: WaitingClock;
  readonly #hosts: RedirectHosts;
  readonly #http: HubHttp;

  /** Nothing is contacted yet. */
  constructor(ticket: UrlTicket, limits: Partial<HubLimits> = {}, clock = systemWaitingClock) {
    this.#ticket = ticket;
    this.#url = new URL(ticket.url);
    this.#limits = { ...HUB_LIMITS, ...limits };
    this.#clock = clock;
    this.#hosts = new RedirectHosts(this.#url, ticket.hosts);
    const { proxy } = ticket;
    const shared = { endpoint: this.#url, hosts: this.#hosts, limits: this.#limits };
    this.#http = new HubHttp({ ...shared, ...(proxy === undefined ? {} : { proxy }) });
  }

  get contacted(): ReadonlySet<string> {
    return this.#http.contacted;
  }

  /** The file as the server describes it, and the ticket by which other threads read that very state. */
  async describe(): Promise<{ readonly file: SourceFile; readonly ticket: UrlTicket }> {
    const patience = new Patience(this.#limits, this.#clock);
    for (;;) {
      try {
        const answer = await this.#ask({ range: 'bytes=0-0' });
        const sizeBytes = sizeOf(answer);
        abandon(answer);
        const validator = validatorOf(answer);
        const file: SourceFile = { path: nameOf(this.#url), sizeBytes, declared: { kind: 'none' } };
        const ranges = answer.status === 206 ? 'taken' : 'ignored';
        return { file, ticket: { ...this.#ticket, ranges, ...(validator && { validator }) } };
      } catch (error) {
        if (!(error instanceof PassingFailure)) throw error;
        await patience.wait(error);
      }
    }
  }

  async *read(
    _revision: unknown,
    file: SourceFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    refuseRange(file, range);
    const patience = new Patience(this.#limits, this.#clock);
    let done = 0;
    while (done < range.length) {
      signal?.throwIfAborted();
      const rest = { offset: range.offset + done, length: range.length - done };
      try {
        for await (const chunk of this.#stream(file, rest, signal)) {
          patience.progressed();
          done += chunk.length;
          yield chunk;
        }
      } catch (error) {
        if (!(error instanceof PassingFailure)) throw error;
        await patience.wait(error, signal);
      }
    }
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async *#stream(
    { sizeBytes }: SourceFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { offset, length } = range;
    const answer = await this.#ask({ range: `bytes=${offset}-${offset + length - 1}` }, signal);
    const problem = rangeProblem(sizeBytes, range, answer) ?? this.#changed(answer);
    if (problem) {
      abandon(answer);
      throw this.#lies(problem);
    }
    const pace = new Pace(this.#limits, this.#clock);
    let left = length;
    try {
      pace.waiting();
      for await (const batch of arrivals(answer.body)) {
        for (const chunk of batch) {
          left -= chunk.length;
          if (left < 0) throw this.#lies('the server sends more bytes than were asked for');
          pace.arrived(chunk.length);
          yield chunk;
        }
        pace.waiting();
      }
    } catch (error) {
      throw connectionError(error, answer.url, signal);
    }
    if (left > 0) throw new PassingFailure(`${answer.url.host} sent ${left} bytes less than it announced`);
  }

  /** The answer at the end of the redirects, with a status that has a body of the file. */
  async #ask(headers: Record<string, string>, signal?: AbortSignal): Promise<HubAnswer> {
    let url = this.#url;
    for (let hops = 0; hops <= this.#limits.redirectsMax; hops++) {
      const answer = await this.#http.get(url, headers, signal);
      if (answer.status === 200 || answer.status === 206) return answer;
      const location = isRedirect(answer.status) ? header(answer, 'location') : undefined;
      await discard(answer);
      if (location === undefined) throw this.#refusal(answer);
      const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (!target) throw this.#lies('the server redirects to something that is no URL');
      this.#hosts.check(target);
      url = target;
    }
    throw this.#lies(`the server redirects more than ${this.#limits.redirectsMax} times`);
  }

  #refusal({ status, url }: HubAnswer): Error {
    const message = `${url.host} answered with status ${status}`;
    if (status === 429 || status >= 500) return new PassingFailure(message);
    if (status === 416) return this.#lies('the file is empty, or the server denies its first byte');
    const hint = 'Check the address; what needs a login is not read here.';
    return new WeighlockError('WL_SOURCE_UNAVAILABLE', message, { hint });
  }

  #changed(answer: HubAnswer): string | undefined {
    const { validator } = this.#ticket;
    if (validator === undefined || validator === validatorOf(answer)) return undefined;
    return 'the file changed while it was read';
  }

  #lies(what: string): WeighlockError {
    return new WeighlockError('WL_SOURCE_LIES', `${this.#url.host}: ${what}`, {
      hint: 'Fetch the file in another way and scan it here; what came from this server was not judged.',
    });
  }
}

function validatorOf(answer: HubAnswer): string | undefined {
  return header(answer, 'etag') ?? header(answer, 'last-modified');
}

/** From `Content-Range`, or where the server ignores ranges from `Content-Length`. Throws WL_SOURCE_LIES. */
function sizeOf(answer: HubAnswer): number {
  const text =
    answer.status === 206
      ? /^bytes 0-0\/(\d{1,15})$/.exec(header(answer, 'content-range') ?? '')?.[1]
      : /^\d{1,15}$/.exec(header(answer, 'content-length') ?? '')?.[0];
  const encoding = header(answer, 'content-encoding') ?? 'identity';
  if (text !== undefined && encoding === 'identity') return Number(text);
  abandon(answer);
  throw new WeighlockError('WL_SOURCE_LIES', `${answer.url.host} does not say how long the file is`, {
    hint: 'Fetch the file in another way and scan it here.',
  });
}

/** What the address calls the file, where that is a safe name. */
function nameOf(url: URL): RepoPath {
  try {
    return parseRepoPath(decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1)));
  } catch {
    return parseRepoPath('file');
  }
}
