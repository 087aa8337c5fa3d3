/**
 * A stand-in of the API server of Kubernetes for reading lists: https, a token or a client certificate, pages, and 403
 * for what the account may not list. Stricter than the original: any request that is not one of these is a mistake.
 */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Certificate, makeCertificate } from '../s3/certificate.ts';

/** Objects a page, however many are asked for: a server may give fewer. */
const PAGE = 2;

export interface ClusterOptions {
  /** Objects by the path of their list; a path that is missing is of a kind that the server does not know. */
  readonly lists: Readonly<Record<string, readonly object[]>>;
  readonly forbidden?: readonly string[];
}

export interface ClusterStandIn {
  readonly server: string;
  readonly certificate: Certificate;
  readonly token: string;
  options: ClusterOptions;
  /** What was asked that a reader of lists does not ask. */
  readonly mistakes: readonly string[];
  close(): Promise<void>;
}

export async function startCluster(options: ClusterOptions): Promise<ClusterStandIn> {
  const certificate = makeCertificate();
  const token = 'token-of-a-reader';
  const mistakes: string[] = [];
  const state = { options };
  // The same certificate stands for the client's, so that no second authority is needed.
  const tls = { ...certificate, ca: certificate.cert, requestCert: true, rejectUnauthorized: false };
  const server = createServer(tls, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://cluster');
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const known = request.headers.authorization === `Bearer ${token}`;
    if (!known && !(request.socket as TLSSocket).authorized)
      return answer(401, { kind: 'Status', code: 401 });
    const limit = Number(url.searchParams.get('limit'));
    if (
      request.method !== 'GET' ||
      !(limit > 0 && limit <= 500) ||
      request.headers.accept !== 'application/json'
    )
      mistakes.push(`${request.method} ${request.url}`);
    if (state.options.forbidden?.includes(url.pathname)) return answer(403, { kind: 'Status', code: 403 });
    const objects = state.options.lists[url.pathname];
    if (objects === undefined) return answer(404, { kind: 'Status', code: 404 });
    const from = Number(url.searchParams.get('continue') ?? 0);
    const items = objects.slice(from, from + Math.min(PAGE, limit));
    const more = from + items.length < objects.length;
    return answer(200, { items, metadata: more ? { continue: String(from + items.length) } : {} });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificate,
    token,
    mistakes,
    get options() {
      return state.options;
    },
    set options(next) {
      state.options = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A kubeconfig for it. */
export function kubeconfigOf(
  { server, certificate }: ClusterStandIn,
  user: Readonly<Record<string, unknown>>,
  cluster: Readonly<Record<string, unknown>> = {},
): string {
  const data = Buffer.from(certificate.cert).toString('base64');
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'reader' } }],
    clusters: [{ name: 'here', cluster: { server, 'certificate-authority-data': data, ...cluster } }],
    users: [{ name: 'reader', user }],
  });
}

export interface PodWish {
  readonly name: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** More of the container of the server, and more containers of the pod. */
  readonly server?: object;
  readonly pod?: object;
}

export function deploymentObject({
  name,
  image = 'vllm:1',
  args = [],
  env = {},
  server,
  pod,
}: PodWish): object {
  const labels = { app: name };
  const variables = Object.entries(env).map(([variable, value]) => ({ name: variable, value }));
  return {
    metadata: { name, namespace: 'models' },
    spec: {
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: 'server', image, command: ['vllm', 'serve'], args, env: variables, ...server },
          ],
          ...pod,
        },
      },
    },
  };
}
