/**
 * The way back: what stood in the cluster before is read first, object by object. Afterwards each is given back as it was,
 * by the same field manager, so that the next deployment meets nobody else's fields; what was not there is taken away.
 */
import { parseAllDocuments } from 'yaml';
import type { Kubectl } from './kubectl.ts';

export const FIELD_MANAGER = 'weighlock';

/** Objects that go to the cluster, as YAML streams. */
export interface Sent {
  /** Its own objects: they go where it goes. */
  readonly manifests: string;
  /** Objects that others use as well. */
  readonly shared: string;
}

type Parts = Readonly<Record<string, unknown>>;

/** What a controller counts in a Deployment is its own. */
const COUNTED = 'deployment.kubernetes.io/revision';

/** The objects of these that the cluster has. */
export async function standing(kubectl: Kubectl, { manifests, shared }: Sent): Promise<readonly Parts[]> {
  const text = await kubectl.run(['get', '--ignore-not-found', '--output', 'json', '--filename', '-'], {
    input: `${shared}${manifests}`,
  });
  if (text.trim() === '') return [];
  const answer = parts(JSON.parse(text));
  return answer.kind === 'List' && Array.isArray(answer.items) ? answer.items.map(parts) : [answer];
}

/** What was done, in words: each is true once it is said. Throws what kubectl does. */
export async function goBack(kubectl: Kubectl, sent: Sent, before: readonly Parts[]): Promise<string> {
  const there = new Set(before.map(nameOf));
  const isNew = (object: Parts) => !there.has(nameOf(object));
  const made = objectsIn(sent.manifests).filter(isNew);
  const stays = objectsIn(sent.shared).filter(isNew);
  if (before.length > 0)
    await kubectl.run([...SEND, '--force-conflicts'], { input: listOf(before.map(asApplied)) });
  if (made.length > 0)
    await kubectl.run(['delete', '--ignore-not-found', '--wait=false', '--filename', '-'], {
      input: listOf(made.map(reference)),
    });
  return [
    ...(before.length > 0 ? ['what stood there before was put back'] : []),
    ...(made.length > 0 ? ['what was made was taken away again'] : []),
    ...stays.map((object) => `${nameOf(object)} stays, as others may use it by now`),
  ].join(', and ');
}

/** On the server's side, so that the cluster itself says whose fields they are. */
export const SEND = [
  'apply',
  '--server-side',
  '--validate=false',
  `--field-manager=${FIELD_MANAGER}`,
  '--filename',
  '-',
] as const;

/** As it would have been applied: without what the cluster writes itself. */
function asApplied(object: Parts): Parts {
  const { status: _, metadata, ...rest } = object;
  const { labels, annotations } = parts(metadata);
  const { [COUNTED]: __, ...kept } = parts(annotations);
  return {
    ...rest,
    metadata: { ...reference(object).metadata, labels, annotations: annotations && kept },
  };
}

function reference({ apiVersion, kind, metadata }: Parts) {
  const { name, namespace } = parts(metadata);
  return { apiVersion, kind, metadata: { name, namespace } };
}

function nameOf({ kind, metadata }: Parts): string {
  const { name, namespace } = parts(metadata);
  return [kind, namespace, name].filter((word) => word !== undefined).join('/');
}

function objectsIn(stream: string): Parts[] {
  return parseAllDocuments(stream).map((document) => parts(document.toJS()));
}

function listOf(items: readonly Parts[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function parts(value: unknown): Parts {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Parts) : {};
}
