/**
 * Reception: takes one request from its socket, hands the answer back, and writes down how it went. A connection's
 * requests are taken one at a time: what is sent ahead of its turn opens no file and holds no more than itself.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { AccessLog } from './access-log.ts';
import { type Address, parseAddress } from './address.ts';
import { type Answer, bytesBody, textAnswer } from './answer.ts';
import type { Ask, Dispatch, Dispatched } from './dispatch.ts';
import type { Metrics } from './metrics.ts';
import { refuse } from './refusal.ts';
import { discardBody, readBody, unreadBytes } from './request-body.ts';
import { sendAnswer } from './send.ts';

/** A body that nobody reads is let in up to here, and the connection kept; beyond, it ends. */
const DRAINED_BYTES_MAX = 64 << 10;

/**
 * Whoever is still sending when a connection ends reads a reset instead of our answer: so much and so long is taken in
 * and forgotten first.
 */
const LINGER = { bytesMax: 8 << 20, ms: 2_000 };

/**
 * Requests of one connection that wait for their turn; no client of the Hub sends even one ahead. Beyond, the connection
 * ends: it would make us hold whatever it sends.
 */
const WAITING_MAX = 8;

export interface ReceptionParts {
  readonly dispatch: Dispatch;
  readonly metrics: Metrics;
  readonly log: AccessLog;
  /** Whether `/-/metrics` is among the pages. */
  readonly showsMetrics: boolean;
  /** Whether `X-Forwarded-For` is a proxy's of ours. */
  readonly trustsProxy: boolean;
}

export class Reception {
  readonly #parts: ReceptionParts;
  /** Starts every request's id, so that ids of two instances differ. */
  readonly #instance = randomBytes(5).toString('hex');
  #requests = 0;
  #isClosing = false;
  readonly #connections = new WeakMap<Socket, Connection>();

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
  }

  /** From now on every answer is the last of its connection, and readiness is denied. */
  close(): void {
    this.#isClosing = true;
  }

  /** Answers the request when those before it on its connection are answered. */
  take(request: IncomingMessage, response: ServerResponse, body: 'body follows' | 'body waits'): void {
    const { socket } = request;
    let connection = this.#connections.get(socket);
    if (connection === undefined) {
      connection = { isAnswering: false, waiting: [] };
      this.#connections.set(socket, connection);
    }
    if (!connection.isAnswering) {
      connection.isAnswering = true;
      void this.#answer(request, response, body);
    } else if (connection.waiting.length < WAITING_MAX) {
      connection.waiting.push(() => this.#answer(request, response, body));
    } else if (!socket.destroyed) {
      this.#parts.metrics.malformed();
      this.#parts.log.malformed(socket.remoteAddress ?? '', 'too many requests ahead of their turn');
      socket.destroy();
    }
  }

  /** The next request of the connection, unless it ended with the answer before. */
  #next(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    connection.isAnswering = false;
    if (connection.waiting.length === 0) return;
    if (socket.destroyed || socket.writableEnded) {
      connection.waiting.length = 0;
      return;
    }
    connection.isAnswering = true;
    void connection.waiting.shift()?.();
  }

  /** Never rejects. */
  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    body: 'body follows' | 'body waits',
  ): Promise<void> {
    const began = performance.now();
    const { method = 'GET', url: target = '', headers } = request;
    this.#requests += 1;
    const requestId = `${this.#instance}-${this.#requests.toString(36)}`;
    const clientAddress = this.#clientAddress(request);
    const { socket } = request;
    this.#parts.metrics.began();
    let bytes = 0;
    const dispatched = await this.#dispatched(parseAddress(target), {
      method,
      target,
      headers,
      clientAddress,
      requestId,
      signal: () => signalOf(response),
      readBody: (bytesMax) => {
        if (body === 'body waits') response.writeContinue();
        return readBody(request, bytesMax);
      },
    });
    const end = () => {
      const durationMs = performance.now() - began;
      const { status } = dispatched.answer;
      this.#parts.metrics.answered(dispatched.address.route, { status, bytes, seconds: durationMs / 1000 });
      const userAgent = headers['user-agent'];
      const ended = response.writableFinished ? 'whole' : 'cut off';
      const served = {
        requestId,
        method,
        target,
        clientAddress,
        userAgent,
        status,
        bytes,
        durationMs,
        ended,
      } as const;
      this.#parts.log.answered(served, dispatched);
      this.#next(socket);
    };
    if (dispatched.error !== undefined) this.#parts.log.failed(requestId, dispatched.error);
    if (response.closed) return end();
    response.once('close', end);
    const isUnread = unreadBytes(request) > DRAINED_BYTES_MAX;
    const isWaiting = body === 'body waits' && !request.readableEnded;
    try {
      await sendAnswer(response, dispatched.answer, {
        requestId,
        method,
        connection: this.#isClosing || isUnread || isWaiting ? 'close' : 'keep',
        beforeEnd: isUnread && !isWaiting ? () => discardBody(request, LINGER) : undefined,
        sent: (count) => {
          bytes += count;
        },
      });
    } catch (error) {
      // A client that went away stands in the access log; anything else is ours, and the client must not take what it
      // has for the whole.
      if (!isGone(error)) this.#parts.log.failed(requestId, error);
      response.destroy();
    }
  }

  /** Bytes that are no request: a short answer if none is under way on this connection, then its end. */
  malformed(error: NodeJS.ErrnoException, socket: Socket): void {
    const code = error.code ?? 'unknown';
    this.#parts.metrics.malformed();
    if (code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    this.#parts.log.malformed(socket.remoteAddress ?? '', code);
    if (this.#connections.get(socket)?.isAnswering) {
      socket.destroy();
      return;
    }
    const status = MALFORMED_STATUS[code] ?? '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  /** Whether a client waits for us, and not we for it. */
  isWaiting(socket: Socket): boolean {
    return this.#connections.get(socket)?.isAnswering === true && socket.writableLength === 0;
  }

  /** Pages about this very process are answered here, everything else by the dispatch. */
  async #dispatched(address: Address, ask: Ask): Promise<Dispatched> {
    const isRead = ask.method === 'GET' || ask.method === 'HEAD';
    const page = isRead ? await this.#page(address) : undefined;
    if (page === undefined) return this.#parts.dispatch.dispatch(address, ask);
    return { address, answer: page, reader: undefined, commit: undefined };
  }

  async #page({ route }: Address): Promise<Answer | undefined> {
    switch (route) {
      case 'health':
        return textAnswer('alive\n');
      case 'ready': {
        if (!this.#isClosing && this.#parts.dispatch.isReady()) return textAnswer('ready\n');
        return { ...textAnswer('not ready\n'), status: 503 };
      }
      case 'metrics': {
        if (!this.#parts.showsMetrics) return refuse({ is: 'no such page' });
        const { contentType, text } = await this.#parts.metrics.text();
        return { status: 200, headers: { 'Content-Type': contentType }, body: bytesBody(Buffer.from(text)) };
      }
      default:
        return undefined;
    }
  }

  /** The last address in `X-Forwarded-For` is the one that our own proxy saw; those before it anybody can write. */
  #clientAddress({ headers, socket }: IncomingMessage): string {
    const direct = socket.remoteAddress ?? '';
    if (!this.#parts.trustsProxy) return direct;
    const forwarded = headers['x-forwarded-for'];
    const last =
      (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',').at(-1)?.trim() ?? '';
    return isIP(last) === 0 ? direct : last;
  }
}

/** What a connection is at. */
interface Connection {
  isAnswering: boolean;
  /** Requests that came before their turn, the oldest first. */
  readonly waiting: (() => Promise<void>)[];
}

/** By the parser's code. */
const MALFORMED_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function signalOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (response.closed) abort();
  else response.once('close', abort);
  return controller.signal;
}

/** Whether a send failed because nobody is there to take it. */
function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const name = (error as Error | undefined)?.name;
  return (
    name === 'AbortError' ||
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    code === 'ECONNRESET' ||
    code === 'EPIPE'
  );
}
