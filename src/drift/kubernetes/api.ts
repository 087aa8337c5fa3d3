/** The API server of Kubernetes, for reading lists: https, one page after the other, with bounds. */
import { Agent } from 'undici';
import { WeighlockError } from '../../base/errors.ts';
import type { ClusterAccess } from './kubeconfig.ts';

const TIMEOUT_MS = 30_000;
const PAGE = 200;
/** Bytes of one page: two hundred objects of etcd's limit of 1.5 MiB would be more, and nobody has those. */
const PAGE_BYTES_MAX = 32 << 20;
/** Objects of one list. */
const OBJECTS_MAX = 20_000;

export type Listing =
  | { readonly kind: 'objects'; readonly objects: readonly Record<string, unknown>[] }
  /** The server does not know such objects. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unread'; readonly said: string };

export class KubernetesApi {
  readonly #access: ClusterAccess;
  readonly #agent: Agent;

  constructor(access: ClusterAccess) {
    this.#access = access;
    const { ca, certificate } = access;
    this.#agent = new Agent({
      connections: 4,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      connect: { timeout: TIMEOUT_MS, ...(ca !== undefined && { ca }), ...certificate },
    });
  }

  /** All objects of a list, for example `/apis/apps/v1/deployments`. Throws WL_SOURCE_UNAVAILABLE without an answer. */
  async list(path: string, permission: string): Promise<Listing> {
    const objects: Record<string, unknown>[] = [];
    let next = '';
    do {
      const page = await this.#page(
        `${path}?limit=${PAGE}${next && `&continue=${encodeURIComponent(next)}`}`,
      );
      if (page.status === 404) return { kind: 'absent' };
      if (page.status === 401 || page.status === 403)
        return { kind: 'unread', said: `these credentials may not ${permission} (status ${page.status})` };
      const { items, metadata } = page.body as { items?: unknown; metadata?: { continue?: unknown } };
      if (page.status !== 200 || !Array.isArray(items))
        return { kind: 'unread', said: `${path} was answered with status ${page.status}, and no list` };
      objects.push(
        ...items.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null),
      );
      if (objects.length > OBJECTS_MAX)
        return { kind: 'unread', said: `${path} has more than ${OBJECTS_MAX} objects` };
      next = typeof metadata?.continue === 'string' ? metadata.continue : '';
    } while (next !== '');
    return { kind: 'objects', objects };
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #page(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    const { server, token } = this.#access;
    const base = new URL(server);
    try {
      const answer = await this.#agent.request({
        origin: base.origin,
        path: base.pathname.replace(/\/$/, '') + path,
        method: 'GET',
        headers: {
          accept: 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
      });
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        sizeBytes += chunk.length;
        if (sizeBytes > PAGE_BYTES_MAX) throw new Error(`an answer is longer than ${PAGE_BYTES_MAX} bytes`);
        chunks.push(chunk);
      }
      return { status: answer.statusCode, body: parsed(Buffer.concat(chunks).toString('utf8')) };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new WeighlockError('WL_SOURCE_UNAVAILABLE', `the API server ${server} did not answer: ${why}`, {
        hint: 'Check the server and the certificate authority in the kubeconfig, and the network to it.',
        cause,
      });
    }
  }
}

function parsed(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}
