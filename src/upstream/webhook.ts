/**
 * Webhooks. Outgoing ones tell a receiver of events, signed with a shared secret: `X-Weighlock-Signature` is the HMAC-SHA-256, in
 * hex, of the time in `X-Weighlock-Timestamp`, a dot, and the body. Incoming ones, from the Hub, only make us look sooner.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Attempts, with growing pauses: a receiver that is down for longer sees the next event. */
const ATTEMPTS_MAX = 3;
const PAUSE_MS = 1_000;
const ANSWER_MS_MAX = 10_000;

/** Longest incoming webhook: the Hub's have a few kilobytes. */
const BODY_BYTES_MAX = 256 << 10;

export interface Receiver {
  readonly url: string;
  readonly secret: string;
}

/** Whether the receiver took it; never throws, never follows a redirect. */
export async function notify({ url, secret }: Receiver, event: object, nowMs: number): Promise<boolean> {
  const body = JSON.stringify(event);
  const timestamp = String(Math.floor(nowMs / 1000));
  const headers = {
    'content-type': 'application/json',
    'x-weighlock-timestamp': timestamp,
    'x-weighlock-signature': signatureOf(secret, timestamp, body),
  };
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    try {
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
      await answer.body?.cancel();
      if (answer.ok) return true;
    } catch {
      // Tried again, and told by the answer of this function.
    }
    if (attempt < ATTEMPTS_MAX) await sleep(PAUSE_MS * attempt);
  }
  return false;
}

export function signatureOf(secret: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens on loopback for the Hub's webhooks; `sooner` gets the name of a repo that is said to have changed. Whoever does not show
 * the secret is refused, and nothing else of the body is used.
 */
export async function listenForHub(
  { port, secret }: { readonly port: number; readonly secret: string },
  sooner: (model: string) => void,
): Promise<Listening> {
  const server: Server = createServer((request, response) => {
    void take(request, secret).then((model) => {
      if (model !== undefined) sooner(model);
      response.writeHead(model === undefined ? 403 : 202).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function take(request: IncomingMessage, secret: string): Promise<string | undefined> {
  const shown = request.headers['x-webhook-secret'];
  if (request.method !== 'POST' || typeof shown !== 'string' || !equal(shown, secret)) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return undefined;
      chunks.push(chunk);
    }
    const { repo } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { repo?: { name?: unknown } };
    return typeof repo?.name === 'string' ? repo.name : undefined;
  } catch {
    return undefined;
  }
}

function equal(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => createHmac('sha256', 'compare').update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}
