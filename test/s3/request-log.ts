/** What a server was asked, in order, and counted by operation. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface LoggedRequest {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** What was answered; 0 where the connection was cut, or nothing has been answered yet. */
  status: number;
  /** The error's code, where this server made the answer. */
  code: string | undefined;
}

export interface Counter {
  readonly requests: number;
  /** Bodies as they came over the wire. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** A longer test forgets its beginning; the counters do not. */
const REQUESTS_KEPT_MAX = 100_000;

export class RequestLog {
  readonly requests: LoggedRequest[] = [];
  readonly #counters = new Map<string, Counter>();

  add(request: IncomingMessage, operation: string, query: URLSearchParams): LoggedRequest {
    const { method = '', headers, url = '' } = request;
    const logged: LoggedRequest = {
      operation,
      method,
      path: url.split('?', 1)[0] ?? '',
      query: Object.fromEntries(query),
      headers,
      status: 0,
      code: undefined,
    };
    this.requests.push(logged);
    if (this.requests.length > REQUESTS_KEPT_MAX) this.requests.shift();
    this.#count(operation, { requests: 1, receivedBytes: 0, sentBytes: 0 });
    return logged;
  }

  addBytes(operation: string, bytes: Pick<Counter, 'receivedBytes' | 'sentBytes'>): void {
    this.#count(operation, { requests: 0, ...bytes });
  }

  counter(operation: string): Counter {
    return this.#counters.get(operation) ?? { requests: 0, receivedBytes: 0, sentBytes: 0 };
  }

  #count(operation: string, more: Counter): void {
    const now = this.counter(operation);
    this.#counters.set(operation, {
      requests: now.requests + more.requests,
      receivedBytes: now.receivedBytes + more.receivedBytes,
      sentBytes: now.sentBytes + more.sentBytes,
    });
  }
}
