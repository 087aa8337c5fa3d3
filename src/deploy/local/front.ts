/**
 * Front: the one address that clients know. It passes each request to the backend of the moment, so that a new revision
 * takes over between two requests and the old one ends after its last answer. Only the API passes: what else a server
 * offers (its page, its slots, its settings) stays on the other side.
 */
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where requests go. */
export interface Route {
  readonly port: number;
  /** Told to clients in a header: which revision answered. */
  readonly revision: string;
}

interface Open {
  readonly route: Route;
  readonly requests: Set<ServerResponse>;
  idle: (() => void) | undefined;
}

/** Paths that pass: OpenAI's API, and nothing that changes or shows the server. */
const PASSES = /^\/v1\/(models|chat\/completions|completions|embeddings|responses|rerank)\/?(\?|$)/;

/** Headers that belong to one connection (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'proxy-connection', 'expect'],
];

export class Front {
  readonly #server: Server;
  readonly #hosts: readonly string[];
  readonly #agent = new Agent({ keepAlive: true });
  #open: Open | undefined;
  /** What clients are told while there is nothing to pass to. */
  #closedWhy = 'the model is being loaded';

  private constructor(server: Server, hosts: readonly string[]) {
    this.#server = server;
    this.#hosts = hosts;
  }

  /** Listens; answers 503 until there is somewhere to pass to. Throws what the system says about the address. */
  static async listen(host: string, port: number): Promise<Front> {
    const server = createServer();
    const front = new Front(server, ['localhost', '127.0.0.1', '[::1]', host]);
    server.on('request', (asked, answer) => front.#pass(asked, answer));
    server.listen(port, host);
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
    return front;
  }

  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/v1`;
  }

  /** New requests go here from now on. Resolves when the last answer of where they went before is over, or is cut. */
  async switchTo(route: Route, drainMs: number): Promise<void> {
    const before = this.#open;
    this.#open = { route, requests: new Set(), idle: undefined };
    if (before) await drained(before, drainMs);
  }

  /** Passes nothing any more, and cuts what is under way: it comes from a model that is not to be used. */
  close(why: string): void {
    const before = this.#open;
    this.#open = undefined;
    this.#closedWhy = why;
    for (const answer of before?.requests ?? []) answer.destroy();
  }

  async end(): Promise<void> {
    this.close('the deployment ends');
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const open = this.#open;
    const refusal = this.#refusal(asked);
    if (refusal || !open) {
      refuse(answer, ...(refusal ?? ([503, this.#closedWhy] as const)));
      return;
    }
    if (asked.url === '/health') {
      answer.writeHead(200).end('ok');
      return;
    }
    open.requests.add(answer);
    answer.once('close', () => {
      open.requests.delete(answer);
      if (open.requests.size === 0) open.idle?.();
    });
    this.#forward(asked, answer, open.route);
  }

  /**
   * A page of a stranger's site that a browser on this machine shows can send requests here, and by a name that is
   * made to point here can even read the answers.
   */
  #refusal({ url, headers }: IncomingMessage): readonly [number, string] | undefined {
    const { host, origin } = headers;
    if (!this.#isOurs(host)) return [403, 'this address is not served under that name'];
    if (origin !== undefined && !this.#isOurs(origin.replace(/^https?:\/\//, '')))
      return [403, 'requests of web pages are not passed'];
    if (url !== '/health' && !PASSES.test(url ?? '')) return [404, 'only the API is passed'];
    return undefined;
  }

  #isOurs(host: string | undefined): boolean {
    return host !== undefined && this.#hosts.includes(host.replace(/:\d{1,5}$/, ''));
  }

  #forward(asked: IncomingMessage, answer: ServerResponse, { port, revision }: Route): void {
    const onward = request({
      host: '127.0.0.1',
      port,
      method: asked.method,
      path: asked.url,
      headers: { ...withoutHops(asked.headers), host: `127.0.0.1:${port}` },
      agent: this.#agent,
    });
    onward.on('response', (came) => {
      answer.writeHead(came.statusCode ?? 502, {
        ...withoutHops(came.headers),
        'x-weighlock-revision': revision,
      });
      came.pipe(answer);
      came.on('error', () => answer.destroy());
    });
    onward.on('error', () =>
      answer.headersSent ? answer.destroy() : refuse(answer, 502, 'the server does not answer'),
    );
    answer.once('close', () => onward.destroy());
    asked.pipe(onward);
  }
}

async function drained(open: Open, drainMs: number): Promise<void> {
  if (open.requests.size === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  open.idle = resolve;
  const timer = setTimeout(() => {
    for (const answer of open.requests) answer.destroy();
  }, drainMs);
  await promise;
  clearTimeout(timer);
}

function withoutHops(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}

/** In the form in which clients of this API read errors. */
function refuse(answer: ServerResponse, status: number, message: string): void {
  answer.writeHead(status, {
    'content-type': 'application/json',
    ...(status === 503 && { 'retry-after': '5' }),
  });
  answer.end(JSON.stringify({ error: { message, type: 'weighlock', code: status } }));
}
