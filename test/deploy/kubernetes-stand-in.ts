/**
 * A stand-in of an API server of Kubernetes: a real server on loopback that kubectl itself speaks to. It has the kinds that
 * plans make, server-side apply against the published schemas, dry runs, deletion, lists and watches, and a
 * controller that brings pods up or does not, by what the image is called.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse as parseYaml } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: objects of a cluster are of any shape
type Stored = Record<string, any>;

const GROUPS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  '/api/v1': [
    ['services', 'Service'],
    ['serviceaccounts', 'ServiceAccount'],
    ['pods', 'Pod'],
  ],
  '/apis/apps/v1': [['deployments', 'Deployment']],
  '/apis/networking.k8s.io/v1': [['networkpolicies', 'NetworkPolicy']],
  '/apis/policy/v1': [['poddisruptionbudgets', 'PodDisruptionBudget']],
  '/apis/serving.kserve.io/v1beta1': [['inferenceservices', 'InferenceService']],
  '/apis/serving.kserve.io/v1alpha1': [['clusterstoragecontainers', 'ClusterStorageContainer']],
};

export interface ClusterOptions {
  /** What is wrong with an object, by its kind. */
  readonly problems: (item: Stored & { readonly kind: string }) => readonly string[];
}

export interface Cluster extends AsyncDisposable {
  readonly url: string;
  /** By `kind/name`. */
  readonly objects: Map<string, Stored>;
  /** Method, path without query, and whether it was a dry run, of everything that would change something. */
  readonly changes: string[];
  /** Verbs that these credentials may not use. */
  readonly forbidden: Set<string>;
  /** Kinds of which nothing is taken, but for dry runs. */
  readonly refusing: Set<string>;
}

const CONTROLLER_MS = 100;

export async function startCluster({ problems }: ClusterOptions): Promise<Cluster> {
  const objects = new Map<string, Stored>();
  const changes: string[] = [];
  const forbidden = new Set<string>();
  const refusing = new Set<string>();
  const watchers = new Set<(stored: Stored) => void>();
  let version = 100;

  const keep = (stored: Stored) => {
    version += 1;
    stored.metadata.resourceVersion = String(version);
    objects.set(`${stored.kind}/${stored.metadata.name}`, stored);
    for (const tell of watchers) tell(stored);
  };
  const settle = (stored: Stored) => {
    setTimeout(() => {
      if (objects.get(`${stored.kind}/${stored.metadata.name}`) !== stored) return;
      const next = structuredClone(stored);
      next.status = statusOf(next);
      keep(next);
    }, CONTROLLER_MS);
  };
  const change = (stored: Stored) => {
    stored.metadata.generation = (stored.metadata.generation ?? 0) + 1;
    keep(stored);
    if (stored.kind === 'Deployment' || stored.kind === 'InferenceService') settle(stored);
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    const discovered = discovery(url.pathname);
    if (discovered) return answer(response, 200, discovered);
    const at = locate(url.pathname);
    if (!at) return status(response, 404, 'NotFound', `${url.pathname} is not here`);
    const verb = request.method === 'GET' ? 'get' : (request.method ?? '').toLowerCase();
    if (forbidden.has(verb))
      return status(
        response,
        403,
        'Forbidden',
        `${at.resource} is forbidden: User "x" cannot ${verb} resource "${at.resource}"`,
      );
    const body = await bodyOf(request);
    const dry = url.searchParams.get('dryRun') === 'All';
    if (request.method !== 'GET') changes.push(`${request.method} ${url.pathname}${dry ? ' (dry run)' : ''}`);
    const key = `${at.kind}/${at.name}`;
    const there = objects.get(key);
    if (request.method === 'GET' && at.name === undefined) return list({ url, response, at });
    if (request.method === 'PATCH' && request.headers['content-type'] === 'application/apply-patch+yaml') {
      const wanted = parseYaml(body) as Stored & { kind: string };
      const wrong = problems(wanted);
      if (wrong.length > 0)
        return status(response, 400, 'BadRequest', `failed to create typed patch object: ${wrong[0]}`);
      if (!dry && refusing.has(at.kind)) return status(response, 500, 'InternalError', 'no room');
      const stored: Stored = {
        ...there,
        ...wanted,
        metadata: { ...there?.metadata, ...wanted.metadata, uid: there?.metadata.uid ?? `uid-${key}` },
      };
      if (!dry) change(stored);
      return answer(response, there ? 200 : 201, stored);
    }
    if (!there) return status(response, 404, 'NotFound', `${at.resource} "${at.name}" not found`);
    if (request.method === 'GET') return answer(response, 200, there);
    if (request.method === 'DELETE') {
      objects.delete(key);
      return answer(response, 200, { kind: 'Status', apiVersion: 'v1', status: 'Success' });
    }
    return status(response, 415, 'UnsupportedMediaType', String(request.headers['content-type']));
  });

  function list({ url, response, at }: { url: URL; response: ServerResponse; at: Located }): void {
    const wanted = /^metadata\.name=(.+)$/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1];
    const matches = (stored: Stored) =>
      stored.kind === at.kind && (wanted === undefined || stored.metadata.name === wanted);
    if (url.searchParams.get('sendInitialEvents') === 'true') {
      status(response, 422, 'Invalid', 'sendInitialEvents is forbidden for watch');
      return;
    }
    if (url.searchParams.get('watch') === 'true' || url.searchParams.get('watch') === '1') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      const since = Number(url.searchParams.get('resourceVersion') ?? 0);
      const tell = (stored: Stored) => {
        if (matches(stored)) response.write(`${JSON.stringify({ type: 'MODIFIED', object: stored })}\n`);
      };
      for (const stored of objects.values())
        if (Number(stored.metadata.resourceVersion) > since) tell(stored);
      watchers.add(tell);
      response.on('close', () => watchers.delete(tell));
      return;
    }
    const items = at.kind === 'Pod' ? podsOf(objects) : [...objects.values()].filter(matches);
    answer(response, 200, {
      kind: `${at.kind}List`,
      apiVersion: at.version,
      metadata: { resourceVersion: String(version) },
      items,
    });
  }

  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    changes,
    forbidden,
    refusing,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Located {
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly name: string | undefined;
}

function locate(path: string): Located | undefined {
  const [, group = '', , resource = '', name] =
    /^(\/api\/v1|\/apis\/[^/]+\/[^/]+)(\/namespaces\/[^/]+)?\/([a-z]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  const kind = GROUPS[group]?.find(([plural]) => plural === resource)?.[1];
  return kind === undefined ? undefined : { version: group.replace(/^\/apis?\//, ''), resource, kind, name };
}

function discovery(path: string): Stored | undefined {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const names = new Map<string, string[]>();
    for (const group of Object.keys(GROUPS)) {
      const [, , name, version] = group.split('/');
      if (version !== undefined && name !== undefined) names.set(name, [...(names.get(name) ?? []), version]);
    }
    const groups = [...names].map(([name, versions]) => {
      const all = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
      return { name, versions: all, preferredVersion: all[0] };
    });
    return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  }
  const resources = GROUPS[path];
  if (!resources) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: path.replace(/^\/apis?\//, ''),
    resources: resources.map(([name, kind]) => ({
      name,
      singularName: kind.toLowerCase(),
      namespaced: kind !== 'ClusterStorageContainer',
      kind,
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    })),
  };
}

/** An image of the name `missing` cannot be pulled, one of the name `crashing` does not stay up. */
function statusOf({ kind, spec, metadata }: Stored): Stored {
  const bad = imageTrouble(spec);
  const observedGeneration = metadata.generation;
  if (kind === 'InferenceService')
    return { observedGeneration, conditions: [{ type: 'Ready', status: bad ? 'False' : 'True' }] };
  const { replicas } = spec;
  if (!bad)
    return {
      ...{
        observedGeneration,
        replicas,
        updatedReplicas: replicas,
        readyReplicas: replicas,
        availableReplicas: replicas,
      },
      conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }],
    };
  return {
    ...{ observedGeneration, replicas, updatedReplicas: 1, unavailableReplicas: 1 },
    conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
  };
}

function imageTrouble(spec: Stored): 'ImagePullBackOff' | 'CrashLoopBackOff' | undefined {
  const image: string = spec.template?.spec.containers[0].image ?? spec.predictor?.model.image ?? '';
  if (image.includes('missing')) return 'ImagePullBackOff';
  return image.includes('crashing') ? 'CrashLoopBackOff' : undefined;
}

function podsOf(objects: ReadonlyMap<string, Stored>): Stored[] {
  return [...objects.values()]
    .filter(({ kind }) => kind === 'Deployment' || kind === 'InferenceService')
    .map(({ metadata, spec }) => {
      const reason = imageTrouble(spec);
      const state = reason ? { waiting: { reason, message: 'as it was planned' } } : { running: {} };
      const lastState =
        reason === 'CrashLoopBackOff' ? { terminated: { exitCode: 137, reason: 'OOMKilled' } } : {};
      return {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { name: `${metadata.name}-1`, labels: metadata.labels },
        status: {
          containerStatuses: [{ name: 'server', ready: !reason, started: !reason, state, lastState }],
        },
      };
    });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, code: number, value: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function status(response: ServerResponse, code: number, reason: string, message: string): void {
  answer(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code });
}
