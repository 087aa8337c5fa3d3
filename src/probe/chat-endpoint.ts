/**
 * An endpoint that speaks the chat completions of OpenAI's API, as vLLM, llama.cpp, TGI and gateways in front of them do.
 * Whatever it answers is hostile input: bounded in bytes and time, no redirect followed, the key sent to this host alone.
 */
import type { Dispatcher } from 'undici';
import { WeighlockError } from '../base/errors.ts';
import { type Answer, type Question, splitThought, type Talk } from './answer.ts';

/** Longest answer that is read: some two hundred thousand tokens. */
const ANSWER_BYTES_MAX = 1 << 20;
const MODELS_BYTES_MAX = 1 << 20;

/** Servers say so while they are busy; after this many tries it is an error like any other. */
const TRIES_MAX = 3;
const PAUSE_MS = 500;

/** Attempts without any answer from the start after which nobody is there. */
const SILENT_MAX = 5;

export interface EndpointOptions {
  /** With or without `/v1` at its end. */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly key?: string | undefined;
  readonly proxy?: string | undefined;
  /** For one answer, all tries together. */
  readonly timeoutMs: number;
}

type Response =
  | { readonly kind: 'json'; readonly status: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly status: number | undefined; readonly why: string };

export class ChatEndpoint implements AsyncDisposable {
  /** The address with which requests begin, ending in `/v1`. */
  readonly base: string;
  readonly #key: string | undefined;
  readonly #timeoutMs: number;
  readonly #dispatcher: Dispatcher;
  #answered = false;
  #silent = 0;

  private constructor(base: string, options: EndpointOptions, dispatcher: Dispatcher) {
    this.base = base;
    this.#key = options.key;
    this.#timeoutMs = options.timeoutMs;
    this.#dispatcher = dispatcher;
  }

  /** Throws WL_USAGE for an address that is none, or that would carry a key in the clear. */
  static async open(options: EndpointOptions): Promise<ChatEndpoint> {
    const base = baseOf(options.url, options.key);
    const { Agent, ProxyAgent } = await import('undici');
    const connect = { connect: { timeout: Math.min(options.timeoutMs, 10_000) } };
    const dispatcher = options.proxy ? new ProxyAgent({ uri: options.proxy }) : new Agent(connect);
    return new ChatEndpoint(base, options, dispatcher);
  }

  /** Names of the models that it serves. Throws WL_ENDPOINT_UNAVAILABLE, WL_ENDPOINT_DENIED. */
  async models(): Promise<string[]> {
    const response = await this.#ask('/models', undefined, MODELS_BYTES_MAX);
    if (response.kind === 'error') throw this.#failure(response);
    const list = member(response.value, 'data');
    if (!Array.isArray(list))
      throw new WeighlockError('WL_ENDPOINT_UNAVAILABLE', `${this.base}/models is no list of models`);
    return list.map((item) => member(item, 'id')).filter((id) => typeof id === 'string');
  }

  /**
   * Conversations with one of its models. An endpoint that never answered is an error of the run, thrown as
   * WL_ENDPOINT_UNAVAILABLE or WL_ENDPOINT_DENIED: nothing was probed then.
   */
  talk(model: string): Talk {
    return async ({ messages, settings }: Question): Promise<Answer> => {
      const { temperature, maxTokens, seed } = settings;
      const body = { model, messages, temperature, max_tokens: maxTokens, seed, stream: false };
      const response = await this.#ask('/chat/completions', body, ANSWER_BYTES_MAX);
      if (response.kind === 'json') {
        this.#answered = true;
        return readAnswer(response.value);
      }
      this.#silent += 1;
      if (!this.#answered && (this.#silent >= SILENT_MAX || isDenial(response.status)))
        throw this.#failure(response);
      return { kind: 'error', why: response.why };
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }

  #failure({ status, why }: Extract<Response, { kind: 'error' }>): WeighlockError {
    const code = isDenial(status) ? 'WL_ENDPOINT_DENIED' : 'WL_ENDPOINT_UNAVAILABLE';
    return new WeighlockError(code, `${this.base} cannot be probed: ${why}`);
  }

  async #ask(path: string, body: unknown, bytesMax: number): Promise<Response> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    for (let tries = 1; ; tries++) {
      const response = await this.#askOnce(path, body, { bytesMax, signal });
      const busy = response.kind === 'error' && (response.status === 429 || response.status === 503);
      if (!busy || tries >= TRIES_MAX) return response;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries));
      if (signal.aborted) return response;
    }
  }

  async #askOnce(
    path: string,
    body: unknown,
    { bytesMax, signal }: { readonly bytesMax: number; readonly signal: AbortSignal },
  ): Promise<Response> {
    const { request } = await import('undici');
    try {
      const response = await request(`${this.base}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        dispatcher: this.#dispatcher,
        signal,
      });
      const { statusCode: status } = response;
      const text = await readBounded(response.body, bytesMax);
      if (status >= 300 && status < 400)
        return { kind: 'error', status, why: 'it redirects, and that is not followed' };
      if (status !== 200) return { kind: 'error', status, why: `it answers ${status}${reasonIn(text)}` };
      if (text === undefined)
        return { kind: 'error', status, why: `its answer is longer than ${bytesMax} bytes` };
      return { kind: 'json', status, value: JSON.parse(text) };
    } catch (error) {
      return { kind: 'error', status: undefined, why: inWords(error, this.#timeoutMs) };
    }
  }
}

function baseOf(text: string, key: string | undefined): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new WeighlockError('WL_USAGE', `"${text}" is not an http:// or https:// address`);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new WeighlockError(
      'WL_USAGE',
      'the address of an endpoint holds no credentials, query or fragment',
    );
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (key !== undefined && url.protocol === 'http:' && !loopback)
    throw new WeighlockError('WL_USAGE', `the key would go to ${url.host} in the clear: use https://`);
  const path = url.pathname.replace(/\/{1,8}$/, '');
  return `${url.origin}${path.endsWith('/v1') ? path : `${path}/v1`}`;
}

function isDenial(status: number | undefined): boolean {
  return status === 401 || status === 403;
}

/** Undefined where there is more; the rest is not read. */
async function readBounded(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Letters of a server's own words that are repeated. */
const REASON_CHARACTERS_MAX = 200;

function reasonIn(text: string | undefined): string {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return '';
  }
  const message = member(member(value, 'error'), 'message') ?? member(value, 'message');
  return typeof message === 'string' ? `: ${message.slice(0, REASON_CHARACTERS_MAX)}` : '';
}

function inWords(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'it failed';
  if (error.name === 'TimeoutError') return `it did not answer within ${timeoutMs / 1000} seconds`;
  if (error instanceof SyntaxError) return 'its answer is no JSON';
  return error.message === '' ? error.name : error.message;
}

function readAnswer(value: unknown): Answer {
  const choices = member(value, 'choices');
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const message = member(choice, 'message');
  const content = member(message, 'content') ?? '';
  const apart = member(message, 'reasoning_content') ?? member(message, 'reasoning') ?? '';
  if (message === undefined || typeof content !== 'string' || typeof apart !== 'string')
    return { kind: 'error', why: 'its answer is no chat completion' };
  const { thought, text } = splitThought(content);
  return {
    kind: 'answer',
    text,
    thought: [apart, thought].filter(Boolean).join('\n'),
    complete: member(choice, 'finish_reason') === 'stop',
  };
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name] ?? undefined;
}
