/**
 * The bytes of one range: from the Hub's `/resolve/`, through its redirect, from whoever sends them.
 *
 * Before the trail leaves the endpoint's host, the answer there must name the commit, the digest and the size that
 * the manifest has; whoever sends the bytes must send exactly the range that was asked for. What is wrong for good
 * ends with WL_SOURCE_LIES, what may be gone next time is a PassingFailure.
 */
import { WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName } from '../base/name.ts';
import { arrivals } from './arrivals.ts';
import type { HubApi } from './hub-api.ts';
import type { RedirectHosts } from './hub-hosts.ts';
import { abandon, connectionError, discard, type HubAnswer, type HubHttp, header } from './hub-http.ts';
import type { HubLimits } from './hub-limits.ts';
import { refusal } from './hub-refusal.ts';
import { Pace } from './pace.ts';
import { PassingFailure, type WaitingClock } from './patience.ts';
import { isRedirect, rangeProblem } from './range-answer.ts';
import type { ByteRange, SourceFile } from './source.ts';

export interface HubDownloadOptions {
  readonly endpoint: URL;
  readonly api: HubApi;
  readonly http: HubHttp;
  readonly hosts: RedirectHosts;
  readonly limits: HubLimits;
  readonly clock: WaitingClock;
  readonly hasToken: boolean;
}

/** A file at one commit. */
export interface HubFile {
  readonly model: ModelName;
  readonly commit: Commit;
  readonly file: SourceFile;
}

export class HubDownload {
  readonly #options: HubDownloadOptions;
  /** Where a file was last redirected to, so that its ranges do not each cost a request of the rate limit. */
  readonly #redirects = new Map<string, { readonly url: URL; readonly untilMs: number }>();

  constructor(options: HubDownloadOptions) {
    this.#options = options;
  }

  /** The bytes of the range, in batches as they come: all of them, or an error. */
  async *stream(
    place: HubFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly Uint8Array[]> {
    const answer = await this.#open(place, range, signal);
    const pace = new Pace(this.#options.limits, this.#options.clock);
    let left = range.length;
    try {
      pace.waiting();
      for await (const batch of arrivals(answer.body)) {
        const arrived = batch.reduce((sum, chunk) => sum + chunk.length, 0);
        left -= arrived;
        if (left < 0) throw lies(place, 'the source sends more bytes than were asked for');
        pace.arrived(arrived);
        yield batch;
        pace.waiting();
      }
    } catch (error) {
      throw connectionError(error, answer.url, signal);
    }
    if (left === 0) return;
    // A body that only the connection's end delimits cannot be told from a broken one.
    if (header(answer, 'content-length') === undefined && header(answer, 'transfer-encoding') === undefined)
      throw new PassingFailure(`${answer.url.host} closed the connection early`);
    throw lies(place, `the source ends ${left} bytes before the end of the range`);
  }

  /** The next attempt asks the Hub anew. */
  forget({ file, commit, model }: HubFile): void {
    this.#redirects.delete(redirectKey(model, commit, file));
  }

  async #open(place: HubFile, range: ByteRange, signal?: AbortSignal): Promise<HubAnswer> {
    const { clock, http } = this.#options;
    const headers = { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
    const key = redirectKey(place.model, place.commit, place.file);
    const known = this.#redirects.get(key);
    const reused = known && known.untilMs > clock.now() ? known.url : undefined;
    const answer = reused
      ? await http.get(reused, headers, signal)
      : await this.#follow(place, headers, signal);
    if (answer.status === 206 || answer.status === 200) {
      checkRange(place, range, answer);
      return answer;
    }
    await discard(answer);
    const status = `${answer.url.host} answered with status ${answer.status}`;
    if (reused && answer.status >= 400 && answer.status < 500 && answer.status !== 429)
      throw new PassingFailure(`${status} for an address that it gave out before`, { waitMs: 0 });
    if (answer.status === 416) throw lies(place, `the source denies a range inside the file (${status})`);
    if (answer.url.origin === this.#options.endpoint.origin || answer.status === 429 || answer.status >= 500)
      throw this.#refusal(place, answer);
    throw new PassingFailure(status);
  }

  /** Follows redirects by hand from `/resolve/`; the answer is not yet looked at. */
  async #follow(place: HubFile, headers: Record<string, string>, signal?: AbortSignal): Promise<HubAnswer> {
    const { endpoint, api, http, hosts, limits } = this.#options;
    const path = place.file.path.split('/').map(encodeURIComponent).join('/');
    let url = api.url(`/${place.model}/resolve/${place.commit}/${path}`);
    for (let hops = 0; hops <= limits.redirectsMax; hops++) {
      const answer = await http.get(url, headers, signal);
      const ours = url.origin === endpoint.origin;
      const location = isRedirect(answer.status) ? header(answer, 'location') : undefined;
      const leaves = location === undefined || !isOn(endpoint, location, url);
      if (ours && leaves && answer.status < 400) this.#checkIdentity(place, answer);
      if (location === undefined) return answer;
      await discard(answer);
      const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (!target) throw lies(place, 'the source redirects to something that is no URL');
      hosts.check(target);
      if (ours && target.origin !== endpoint.origin) this.#remember(place, target);
      url = target;
    }
    throw lies(place, `the source redirects more than ${limits.redirectsMax} times`);
  }

  #remember({ model, commit, file }: HubFile, url: URL): void {
    const { limits, clock } = this.#options;
    const key = redirectKey(model, commit, file);
    this.#redirects.delete(key);
    this.#redirects.set(key, { url, untilMs: clock.now() + limits.redirectReuseMs });
    const oldest = this.#redirects.keys().next().value;
    if (this.#redirects.size > limits.redirectsKeptMax && oldest !== undefined)
      this.#redirects.delete(oldest);
  }

  /** What the endpoint itself says of the file, on the answer that leaves it (or holds the bytes). */
  #checkIdentity(place: HubFile, answer: HubAnswer): void {
    const { commit, file } = place;
    const problem = identityProblem(commit, file, answer);
    if (!problem) return;
    abandon(answer);
    throw lies(place, problem);
  }

  #refusal({ model, commit }: HubFile, answer: HubAnswer): Error {
    const { hasToken, clock } = this.#options;
    return refusal(answer, { model, revision: commit, hasToken, nowMs: clock.now() });
  }
}

function identityProblem(commit: Commit, file: SourceFile, answer: HubAnswer): string | undefined {
  const said = header(answer, 'x-repo-commit');
  if (said !== commit) return `the source answers for the commit "${said ?? 'none'}" instead of ${commit}`;
  const size = header(answer, 'x-linked-size');
  if (size !== undefined && size !== String(file.sizeBytes))
    return `the source gives it ${size} bytes, and ${file.sizeBytes} in its own listing`;
  const etag = header(answer, 'x-linked-etag');
  const digest = etag?.replace(/^(?:W\/)?"(.*)"$/, '$1');
  switch (file.declared.kind) {
    case 'lfs-sha256':
      // Large files are always linked: without the header nothing would tie the redirect to the manifest.
      return digest === file.declared.digest
        ? undefined
        : `the source names it ${etag ?? 'by no digest'} instead of ${file.declared.digest}`;
    case 'git-blob-sha1':
      return digest === undefined || digest === file.declared.digest
        ? undefined
        : `the source names it ${etag} instead of ${file.declared.digest}`;
    case 'read-before':
    case 'none':
      return undefined;
  }
}

function checkRange(place: HubFile, range: ByteRange, answer: HubAnswer): void {
  const problem = rangeProblem(place.file.sizeBytes, range, answer);
  if (!problem) return;
  abandon(answer);
  throw lies(place, problem);
}

function isOn(endpoint: URL, location: string, base: URL): boolean {
  return URL.canParse(location, base.href) && new URL(location, base).origin === endpoint.origin;
}

function redirectKey(model: ModelName, commit: Commit, file: SourceFile): string {
  return `${model}@${commit}/${file.path}`;
}

function lies({ file, model }: HubFile, what: string): WeighlockError {
  return new WeighlockError('WL_SOURCE_LIES', `${model}, ${file.path}: ${what}`);
}
