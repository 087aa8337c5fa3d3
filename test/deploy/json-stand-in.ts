/** What the stand-ins of AWS's JSON services share: a server on loopback that hands each request over whole. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export abstract class JsonStandIn {
  readonly #server = http.createServer((request, response) => void this.#answer(request, response));

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  protected abstract respond(request: http.IncomingMessage, text: string): JsonAnswer;

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { status, headers, body } = this.respond(request, Buffer.concat(chunks).toString('utf8'));
    response.writeHead(status, headers);
    response.end(JSON.stringify(body));
  }
}
