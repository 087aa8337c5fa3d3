/**
 * One request to the Hub at a time: kept-alive connections, time-outs, and a token that never leaves its host.
 *
 * Redirects are not followed here: whoever asked reads the headers first and decides.
 */
import type { Dispatcher } from 'undici';
import { WeighlockError } from '../base/errors.ts';
import type { RedirectHosts } from './hub-hosts.ts';
import type { HubLimits } from './hub-limits.ts';
import { PassingFailure } from './patience.ts';

export interface HubAnswer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Dispatcher.ResponseData['body'];
}

export interface HubHttpOptions {
  readonly endpoint: URL;
  readonly token?: string;
  readonly proxy?: string;
  readonly hosts: RedirectHosts;
  readonly limits: HubLimits;
}

/** Answers that only say where to go are read to their end, so that the connection can be used again, up to here. */
const DISCARD_BYTES_MAX = 64 * 1024;

const USER_AGENT = 'weighlock';

export class HubHttp {
  readonly contacted = new Set<string>();
  /** Requests that were sent. */
  requests = 0;
  readonly #options: HubHttpOptions;
  #dispatcher: Promise<Dispatcher> | undefined;

  constructor(options: HubHttpOptions) {
    this.#options = options;
  }

  /**
   * Sends GET, without following redirects. The token goes only to the endpoint's exact origin.
   * Errors: PassingFailure where the connection failed or timed out; the signal's reason where it aborted.
   */
  async get(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<HubAnswer> {
    const { endpoint, token, limits } = this.#options;
    this.contacted.add(url.host);
    this.requests += 1;
    const authorization =
      token !== undefined && url.origin === endpoint.origin ? { authorization: `Bearer ${token}` } : {};
    try {
      this.#dispatcher ??= dispatcher(this.#options);
      const response = await (await this.#dispatcher).request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...headers, ...authorization },
        headersTimeout: limits.headersMs,
        bodyTimeout: limits.bodyIdleMs,
        signal: signal ?? null,
        highWaterMark: BODY_BUFFER_BYTES,
      });
      return { url, status: response.statusCode, headers: response.headers, body: response.body };
    } catch (error) {
      throw connectionError(error, url, signal);
    }
  }

  async close(): Promise<void> {
    await (await this.#dispatcher)?.destroy();
  }
}

/** Loaded with the first request: whoever asks nobody has no use for a client. */
async function dispatcher({ limits, hosts, proxy }: HubHttpOptions): Promise<Dispatcher> {
  const { Agent, ProxyAgent } = await import('undici');
  const pool = {
    connections: limits.connectionsPerHostMax,
    connectTimeout: limits.connectMs,
    // Parallel ranges want connections of their own: over one HTTP/2 connection they share its window.
    allowH2: false,
  };
  return proxy
    ? new ProxyAgent({ ...pool, uri: proxy })
    : new Agent({ ...pool, connect: { lookup: hosts.lookup, timeout: limits.connectMs } });
}

/** Bytes of a body read ahead of whoever consumes it, for each connection: counts against the memory budget. */
const BODY_BUFFER_BYTES = 2 ** 18;

/** Lets go of a body that nobody needs. */
export async function discard(answer: HubAnswer): Promise<void> {
  await answer.body.dump({ limit: DISCARD_BYTES_MAX }).catch(() => undefined);
}

/** Ends the connection of a body that is not wanted, whatever it is; the error that this makes is nobody's. */
export function abandon(answer: HubAnswer): void {
  answer.body.on('error', () => undefined).destroy();
}

/** What a failed connection means: our own refusal and an abort pass through, the rest may be gone next time. */
export function connectionError(error: unknown, url: URL, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  for (
    let cause = error, depth = 0;
    cause instanceof Error && depth < CAUSES_MAX;
    cause = cause.cause, depth++
  ) {
    if (cause instanceof WeighlockError || cause instanceof PassingFailure) return cause;
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const said = `${error instanceof Error ? error.message : String(error)}${code && ` (${code})`}`;
  if (CERTIFICATE_ERROR.test(code))
    return new WeighlockError(
      'WL_SOURCE_UNAVAILABLE',
      `${url.host} shows no certificate to be trusted: ${said}`,
      {
        cause: error,
        hint: 'If a proxy of your own stands in between, name its authority in NODE_EXTRA_CA_CERTS.',
      },
    );
  return new PassingFailure(`the connection to ${url.host} failed: ${said}`, { cause: error });
}

const CAUSES_MAX = 5;

/** Node's codes for a chain that does not verify: trying again would not help. */
const CERTIFICATE_ERROR = /CERT|^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/;

/** One header's value; several of one name count as none, because no header that we read may repeat. */
export function header(answer: Pick<HubAnswer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : undefined;
}
