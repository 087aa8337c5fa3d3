/** Deployments, StatefulSets and InferenceServices of a cluster as workloads. What is of another shape is skipped over. */
import type { Found, Workload, WorkloadContainer } from '../workload.ts';
import type { KubernetesApi } from './api.ts';
import { egressPolicies, isIsolated, type Selectable } from './egress.ts';
import { labelsOf, list, PARTS_MAX, type Parts, record, text, words } from './shape.ts';

/** Containers of a pod that are read. A workload that has more is not known. */
const CONTAINERS_MAX = 50;

const KINDS = [
  { target: 'vllm', path: '/apis/apps/v1/deployments', permission: 'list deployments.apps', read: ofPods },
  { target: 'vllm', path: '/apis/apps/v1/statefulsets', permission: 'list statefulsets.apps', read: ofPods },
  {
    target: 'kserve',
    path: '/apis/serving.kserve.io/v1beta1/inferenceservices',
    permission: 'list inferenceservices.serving.kserve.io',
    read: ofService,
  },
] as const;

/** Everything in the cluster that this account may list. `cluster` is what it is called on record. */
export async function kubernetesWorkloads(api: KubernetesApi, cluster: string): Promise<Found> {
  const unread: string[] = [];
  const policies = await api.list(
    '/apis/networking.k8s.io/v1/networkpolicies',
    'list networkpolicies.networking.k8s.io',
  );
  if (policies.kind === 'unread') unread.push(`Kubernetes: ${policies.said}`);
  const egress = policies.kind === 'objects' ? egressPolicies(policies.objects) : undefined;
  const workloads: Workload[] = [];
  for (const { target, path, permission, read } of KINDS) {
    const found = await api.list(path, permission);
    if (found.kind === 'unread') unread.push(`Kubernetes: ${found.said}`);
    if (found.kind !== 'objects') continue;
    for (const object of found.objects) {
      const metadata = record(object.metadata);
      const namespace = text(metadata.namespace);
      const { containers, ...labels } = read(record(object.spec), metadata);
      workloads.push({
        target,
        place: `${cluster}/${namespace}/${text(metadata.name)}`,
        containers: containers.map(containerOf),
        isolated: egress && isIsolated(egress, { namespace, ...labels }),
        unread: unreadOf(containers),
      });
    }
  }
  return { targets: ['vllm', 'kserve'], placesFrom: `${cluster}/`, workloads, unread };
}

/** Containers as the cluster has them. The server comes first, as its variables are held to the record. */
interface Pods extends Omit<Selectable, 'namespace'> {
  readonly containers: readonly Parts[];
}

function ofPods(spec: Parts): Pods {
  const template = record(spec.template);
  return {
    containers: containersOf(record(template.spec)),
    labels: labelsOf(record(template.metadata).labels),
    likely: {},
  };
}

/** The pods of a service are labelled by KServe: with its name, with what it carries itself, and by the mode it runs in. */
function ofService(spec: Parts, metadata: Parts): Pods {
  const predictor = record(spec.predictor);
  const model = record(predictor.model);
  const name = text(metadata.name);
  const more = containersOf(predictor);
  return {
    containers: Object.keys(model).length > 0 ? [model, ...more] : more,
    labels: { 'serving.kserve.io/inferenceservice': name },
    likely: {
      ...labelsOf(metadata.labels),
      ...labelsOf(predictor.labels),
      ...{ app: `isvc.${name}-predictor`, component: 'predictor' },
    },
  };
}

function containersOf(pod: Parts): Parts[] {
  return [...list(pod.containers), ...list(pod.initContainers)].map(record);
}

function containerOf(container: Parts): WorkloadContainer {
  const environment: Record<string, string> = Object.create(null);
  const referred = new Set<string>();
  for (const entry of list(container.env)) {
    const { name, value, valueFrom } = record(entry);
    if (typeof name !== 'string') continue;
    // Of two of one name the last counts, and one without a value is empty.
    delete environment[name];
    referred.delete(name);
    if (valueFrom !== undefined && valueFrom !== null) referred.add(name);
    else if (typeof value === 'string') environment[name] = value;
  }
  const { storageUri, storage } = container;
  const uris = [storageUri, record(storage).storageUri].filter((uri) => typeof uri === 'string');
  return {
    image: text(container.image),
    environment: { ...environment },
    referred: [...referred],
    args: [...words(container.command), ...words(container.args)],
    uris: uris.map(text),
  };
}

function unreadOf(containers: readonly Parts[]): string[] {
  const long = containers.some(({ env, command, args, envFrom }) =>
    [env, command, args, envFrom].some((one) => list(one).length > PARTS_MAX),
  );
  return [
    ...(long || containers.length > CONTAINERS_MAX
      ? ['it has more containers, variables or words than are read']
      : []),
    ...containers
      .filter(({ envFrom }) => list(envFrom).length > 0)
      .map(
        ({ name, image }) =>
          `variables of ${text(name) || text(image) || 'a container'} come from a ConfigMap or a Secret as a whole (envFrom), which is not read`,
      ),
  ];
}
