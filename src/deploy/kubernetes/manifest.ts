/** Objects of Kubernetes as the text of a file: one document each, with a word in front of what they are. */
import { stringify } from 'yaml';
import type { Subject } from '../deploy.ts';

/** An object of Kubernetes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [more: string]: unknown;
}

interface KeyReference {
  readonly name: string;
  readonly key: string;
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: KeyReference } | { readonly configMapKeyRef: KeyReference };
}

/** One YAML stream. The text is the same for the same objects, so that a review in git shows what changes. */
export function manifestText(head: string, objects: readonly KubernetesObject[]): string {
  const documents = objects.map((object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  return `${head
    .split('\n')
    .map((line) => `# ${line}\n`)
    .join('')}${documents.map((text) => `---\n${text}`).join('')}`;
}

/** What every object carries, so that whoever looks at a cluster knows what should run there. */
export function labelsOf(name: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': name,
    'app.kubernetes.io/component': 'model-server',
    'app.kubernetes.io/managed-by': 'weighlock',
  };
}

export function annotationsOf({ model, commit, origin }: Subject): Readonly<Record<string, string>> {
  return {
    'weighlock.dev/model': model,
    'weighlock.dev/commit': commit,
    'weighlock.dev/route': origin.route,
    ...(origin.route === 'vault'
      ? {
          'weighlock.dev/vault': origin.vault,
          'weighlock.dev/manifest': origin.manifest,
          'weighlock.dev/record': origin.record,
        }
      : { 'weighlock.dev/endpoint': origin.endpoint }),
  };
}

/** The account of the pods, with the AWS role that may read the revision; undefined where one is there already. */
export function serviceAccountOf(of: {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string | undefined;
  readonly roleArn: string | undefined;
}): KubernetesObject | undefined {
  const { name, namespace, serviceAccount, roleArn } = of;
  if (serviceAccount !== undefined) return undefined;
  const annotations = roleArn === undefined ? {} : { annotations: { 'eks.amazonaws.com/role-arn': roleArn } };
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, labels: labelsOf(name), ...annotations },
    automountServiceAccountToken: false,
  };
}

/** Variables in the order of their names. */
export function variables(values: Readonly<Record<string, string | undefined>>): Variable[] {
  return Object.entries(values)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, value }));
}

export function secretVariable(name: string, secret: string): Variable {
  return { name, valueFrom: { secretKeyRef: { name: secret, key: 'token' } } };
}

/** Rules of the Pod Security Standard `restricted`, and no writing into the image. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
} as const;

/** The user `vllm` of vLLM's own images since April 2026 (vllm-project/vllm#40275); older ones go by USER and HOME. */
const SERVER_USER = 2000;

export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: SERVER_USER,
  runAsGroup: SERVER_USER,
  fsGroup: SERVER_USER,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;
