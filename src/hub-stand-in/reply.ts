/** Replies in the Hub's manner: JSON, and errors whose headers say more than their bodies. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from './fault.ts';
import type { Line } from './line.ts';

/** One request on its way: what was asked, and where the answer goes. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Path parts, percent-decoded one by one: `refs%2Fpr%2F1` is one part. */
  readonly parts: readonly string[];
  /** What the bodies of both hosts go through together; undefined where nothing holds them back. */
  readonly line?: Line | undefined;
}

export function sendJson(exchange: Exchange, value: unknown, headers: Record<string, string> = {}): void {
  const body = Buffer.from(JSON.stringify(value));
  send(exchange, 200, { 'Content-Type': 'application/json; charset=utf-8', ...headers }, body);
}

/** The Hub's errors: the code and message stand in headers, and again in the body for whoever reads only that. */
export function sendError(
  exchange: Exchange,
  status: number,
  code: string | undefined,
  message: string,
): void {
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=utf-8',
    'X-Error-Message': message,
  };
  if (code !== undefined) headers['X-Error-Code'] = code;
  send(exchange, status, headers, Buffer.from(JSON.stringify({ error: message })));
}

/** A complete answer of known length; a HEAD gets the headers alone. */
export function send(
  exchange: Exchange,
  status: number,
  headers: Record<string, string>,
  body: Buffer,
): void {
  exchange.response.writeHead(status, { ...headers, 'Content-Length': String(body.length) });
  exchange.response.end(exchange.request.method === 'HEAD' ? undefined : body);
}

/**
 * The answer of a fault that replaces the whole exchange; false where the fault is of another kind and something
 * is left to do.
 */
export function sendFault(exchange: Exchange, fault: Fault | undefined): boolean {
  switch (fault?.kind) {
    case 'status':
      send(exchange, fault.status, { ...fault.headers }, Buffer.alloc(0));
      return true;
    case 'reset':
      exchange.request.socket.resetAndDestroy();
      return true;
    case 'redirect': {
      const location = fault.location.replace('{self}', exchange.url.href);
      send(exchange, 302, { Location: location }, Buffer.alloc(0));
      return true;
    }
    case 'text':
      send(exchange, 200, { 'Content-Type': 'application/json' }, Buffer.from(fault.text));
      return true;
    default:
      return false;
  }
}

/** Headers after a `headers` fault. */
export function faultyHeaders(
  headers: Record<string, string>,
  fault: Fault | undefined,
): Record<string, string> {
  if (fault?.kind !== 'headers') return headers;
  const changed = { ...headers };
  for (const [name, value] of Object.entries(fault.set)) {
    for (const present of Object.keys(changed)) {
      if (present.toLowerCase() === name.toLowerCase()) delete changed[present];
    }
    if (value !== undefined) changed[name] = value;
  }
  return changed;
}
