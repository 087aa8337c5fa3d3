/** The Hub's JSON: read inside byte and time limits, retried, and never followed to another host. */
import { WeighlockError } from '../base/errors.ts';
import { connectionError, discard, type HubAnswer, type HubHttp, header } from './hub-http.ts';
import type { HubLimits } from './hub-limits.ts';
import { type Asked, refusal } from './hub-refusal.ts';
import { Patience, type WaitingClock, withPatience } from './patience.ts';

export interface HubApiOptions {
  readonly endpoint: URL;
  readonly http: HubHttp;
  readonly limits: HubLimits;
  readonly clock: WaitingClock;
  readonly hasToken: boolean;
}

export interface HubJson {
  readonly value: unknown;
  /** Where `Link: <…>; rel="next"` leads, on the endpoint's own origin. */
  readonly next: URL | undefined;
}

export interface JsonQuestion {
  readonly asked: Pick<Asked, 'model' | 'revision'>;
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
  /** For what is only evidence: less patience than for what is needed. */
  readonly patience?: Partial<HubLimits>;
}

export class HubApi {
  readonly #options: HubApiOptions;

  constructor(options: HubApiOptions) {
    this.#options = options;
  }

  /** An URL below the endpoint; `path` is encoded already. */
  url(path: string): URL {
    const { endpoint } = this.#options;
    return new URL(endpoint.origin + endpoint.pathname.replace(/\/$/, '') + path);
  }

  /** Errors: as `refusal` maps them; WL_SOURCE_LIES for what is not JSON; WL_LIMIT for too much of it. */
  async json(url: URL, question: JsonQuestion): Promise<HubJson> {
    return this.#ask(url, question, async (answer) => ({
      value: await readJson(answer, question.bytesMax),
      next: this.#next(answer),
    }));
  }

  /** As `json`, where the answer is another than the one with this ETag; `unchanged` where it is not. */
  async jsonUnless(
    url: URL,
    etag: string | undefined,
    question: JsonQuestion,
  ): Promise<(HubJson & { readonly etag: string | undefined }) | 'unchanged'> {
    const condition = etag === undefined ? {} : { 'if-none-match': etag };
    return this.#ask(
      url,
      question,
      async (answer) => {
        if (answer.status !== 304)
          return {
            value: await readJson(answer, question.bytesMax),
            next: this.#next(answer),
            etag: header(answer, 'etag'),
          };
        await discard(answer);
        return 'unchanged' as const;
      },
      condition,
    );
  }

  /** Returns if the answer is a success, whatever it holds; errors as `refusal` maps them. */
  async succeeds(url: URL, question: Omit<JsonQuestion, 'bytesMax'>): Promise<void> {
    return this.#ask(url, question, discard);
  }

  async #ask<T>(
    url: URL,
    question: Omit<JsonQuestion, 'bytesMax'>,
    read: (answer: HubAnswer) => Promise<T>,
    condition: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const { limits, clock } = this.#options;
    const patience = new Patience({ ...limits, ...question.patience }, clock);
    return withPatience(patience, question.signal, async () => {
      const timeout = AbortSignal.timeout(limits.jsonMs);
      const signal = question.signal ? AbortSignal.any([question.signal, timeout]) : timeout;
      try {
        return await read(await this.#follow(url, { asked: question.asked, condition }, signal));
      } catch (error) {
        throw connectionError(error, url, question.signal);
      }
    });
  }

  /** Renamed models answer 307 on the same host. */
  async #follow(
    url: URL,
    {
      asked,
      condition,
    }: Pick<JsonQuestion, 'asked'> & { readonly condition: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<HubAnswer> {
    const { limits, http, clock, hasToken } = this.#options;
    let at = url;
    for (let hops = 0; hops <= limits.redirectsMax; hops++) {
      const answer = await http.get(at, { accept: 'application/json', ...condition }, signal);
      if (answer.status === 200 || (answer.status === 304 && 'if-none-match' in condition)) return answer;
      await discard(answer);
      const location = answer.status >= 300 && answer.status < 400 ? header(answer, 'location') : undefined;
      if (location === undefined) throw refusal(answer, { ...asked, hasToken, nowMs: clock.now() });
      at = this.#sameOrigin(location, at, 'redirects its API');
    }
    throw new WeighlockError('WL_SOURCE_LIES', `${url.host} redirects in circles`);
  }

  #next(answer: HubAnswer): URL | undefined {
    const [, target] = header(answer, 'link')?.match(/<([^<>]{1,4096})>\s*;\s*rel="?next"?/) ?? [];
    return target === undefined ? undefined : this.#sameOrigin(target, answer.url, 'continues its listing');
  }

  #sameOrigin(target: string, base: URL, what: string): URL {
    const url = URL.canParse(target, base.href) ? new URL(target, base) : undefined;
    if (url && url.origin === this.#options.endpoint.origin && url.username === '') return url;
    throw new WeighlockError(
      'WL_SOURCE_LIES',
      `${base.host} ${what} on another host: ${target.slice(0, 200)}`,
    );
  }
}

async function readJson(answer: HubAnswer, bytesMax: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the body, and the connection with it.
    if (bytes > bytesMax)
      throw new WeighlockError(
        'WL_LIMIT',
        `${answer.url.host} sends more than ${bytesMax} bytes of JSON for ${answer.url.pathname}`,
      );
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw new WeighlockError(
      'WL_SOURCE_LIES',
      `${answer.url.host} sends something that is not JSON for ${answer.url.pathname}`,
      { cause },
    );
  }
}
