/**
 * The SDK's requests, sent by undici: the same HTTP client that everything else here uses, where the SDK's own handler
 * for it would load a second, older one into every thread.
 */
import type { Dispatcher } from 'undici';

/** A request as the SDK's middleware leaves it, signed (the HttpRequest of @smithy/types). */
interface SignedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Dispatcher.DispatchOptions['body'];
}

interface SendingOptions {
  readonly abortSignal?: unknown;
  /** 0 or none: as the dispatcher has it. */
  readonly requestTimeout?: number | undefined;
}

interface Answer {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Dispatcher.ResponseData['body'];
  };
}

/** Names under which the SDK tries again; what has none of them is judged by its `code`. */
const PASSING: Readonly<Record<string, string>> = {
  UND_ERR_BODY_TIMEOUT: 'TimeoutError',
  UND_ERR_CONNECT_TIMEOUT: 'TimeoutError',
  UND_ERR_HEADERS_TIMEOUT: 'TimeoutError',
  UND_ERR_SOCKET: 'RequestTimeout',
};

/** What the SDK calls a request handler: sends one request, follows nothing, repeats nothing. */
export class S3Requests {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #dispatcher: Dispatcher;

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  /** Errors: those of undici, under the names by which the SDK knows whether to try again. */
  async handle(request: SignedRequest, options: SendingOptions = {}): Promise<Answer> {
    const { protocol, hostname, port, method, body } = request;
    const signal = options.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    const timeoutMs = options.requestTimeout || undefined;
    try {
      const {
        statusCode,
        headers,
        body: answer,
      } = await this.#dispatcher.request({
        origin: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`,
        path: request.path + queryOf(request.query),
        method: method as Dispatcher.HttpMethod,
        headers: withoutExpect(request.headers),
        body: body ?? null,
        signal: signal ?? null,
        ...(timeoutMs && { headersTimeout: timeoutMs, bodyTimeout: timeoutMs }),
      });
      return { response: { statusCode, headers: singly(headers), body: answer } };
    } catch (error) {
      throw named(error, signal);
    }
  }

  destroy(): void {
    void this.#dispatcher.destroy();
  }

  /** The SDK asks for these two; what there is to set was set when the dispatcher was made. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

/** In the order of names, which is the one that was signed (AWS Signature Version 4, canonical query string). */
function queryOf(query: SignedRequest['query'] = {}): string {
  const pairs = Object.keys(query)
    .sort()
    .flatMap((name) => {
      const value = query[name];
      if (value === null || value === undefined) return [encode(name)];
      return [value].flat().map((one) => `${encode(name)}=${encode(one)}`);
    });
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The SDK asks for `100 Continue` before long bodies, which undici refuses to do. */
function withoutExpect(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { Expect: _, expect: __, ...rest } = headers;
  return rest;
}

/** Several headers of one name as one, as HTTP has it. */
function singly(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) single[name] = Array.isArray(value) ? value.join(', ') : value;
  return single;
}

function named(error: unknown, signal: AbortSignal | undefined): unknown {
  if (!(error instanceof Error)) return error;
  if (signal?.aborted) return Object.assign(new Error('the request was aborted', { cause: error }), ABORTED);
  const name = PASSING['code' in error ? String(error.code) : ''];
  return name === undefined ? error : Object.assign(error, { name });
}

const ABORTED = { name: 'AbortError' };
