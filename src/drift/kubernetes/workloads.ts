/** Deployments, StatefulSets and InferenceServices of a cluster as workloads. What is of another shape is skipped over. */
import type { Found, Workload, WorkloadContainer } from '../workload.ts';
import type { KubernetesApi } from './api.ts';

/** Containers of a pod, and words or variables of a container, that are read. A workload that has more is not known. */
const CONTAINERS_MAX = 50;
const PARTS_MAX = 1_000;

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
  const closing = policies.kind === 'objects' ? policies.objects.flatMap(closed) : undefined;
  const workloads: Workload[] = [];
  for (const { target, path, permission, read } of KINDS) {
    const list = await api.list(path, permission);
    if (list.kind === 'unread') unread.push(`Kubernetes: ${list.said}`);
    if (list.kind !== 'objects') continue;
    for (const object of list.objects) {
      const metadata = record(object.metadata);
      const namespace = text(metadata.namespace);
      const { containers, labels } = read(record(object.spec), text(metadata.name));
      workloads.push({
        target,
        place: `${cluster}/${namespace}/${text(metadata.name)}`,
        containers,
        isolated: closing?.some((policy) => policy.namespace === namespace && selects(policy.labels, labels)),
        unread: whole(containers) ? [] : ['it has more containers, variables or words than are read'],
      });
    }
  }
  return { targets: ['vllm', 'kserve'], placesFrom: `${cluster}/`, workloads, unread };
}

type Labels = Readonly<Record<string, string>>;

interface Pods {
  readonly containers: readonly WorkloadContainer[];
  readonly labels: Labels;
}

function ofPods(spec: Readonly<Record<string, unknown>>): Pods {
  const template = record(spec.template);
  const pod = record(template.spec);
  // The server comes first, as its variables are held to the record.
  const containers = [...list(pod.containers), ...list(pod.initContainers)].map((one) =>
    containerOf(record(one)),
  );
  return { containers, labels: labelsOf(record(template.metadata).labels) };
}

/** The pods of a service are labelled by KServe with its name. */
function ofService(spec: Readonly<Record<string, unknown>>, name: string): Pods {
  const predictor = record(spec.predictor);
  const model = record(predictor.model);
  const { storageUri, storage } = model;
  const uris = [storageUri, record(storage).storageUri].filter((uri) => typeof uri === 'string');
  const server = { ...containerOf(model), uris: uris.map(text) };
  const more = list(predictor.containers).map((one) => containerOf(record(one)));
  return {
    containers: Object.keys(model).length > 0 ? [server, ...more] : more,
    labels: { 'serving.kserve.io/inferenceservice': name },
  };
}

function containerOf(container: Readonly<Record<string, unknown>>): WorkloadContainer {
  const environment: Record<string, string> = Object.create(null);
  for (const entry of list(container.env)) {
    const { name, value } = record(entry);
    if (typeof name === 'string' && typeof value === 'string') environment[name] = value;
  }
  return {
    image: text(container.image),
    environment: { ...environment },
    args: [...words(container.command), ...words(container.args)],
    uris: [],
  };
}

/** Network policies that rule what leaves the pods that they select. */
function closed(
  policy: Readonly<Record<string, unknown>>,
): { readonly namespace: string; readonly labels: Labels }[] {
  const spec = record(policy.spec);
  const egress = list(spec.policyTypes).includes('Egress');
  const selector = record(spec.podSelector);
  // Expressions are not read here: such a policy is taken for one that selects nothing.
  if (!egress || list(selector.matchExpressions).length > 0) return [];
  const open = list(spec.egress).some((rule) => Object.keys(record(rule)).length === 0);
  if (open) return [];
  return [{ namespace: text(record(policy.metadata).namespace), labels: labelsOf(selector.matchLabels) }];
}

/** Lists are read one entry beyond their limit, so that a longer one is seen as such. */
function whole(containers: readonly WorkloadContainer[]): boolean {
  return (
    containers.length <= CONTAINERS_MAX &&
    containers.every(
      ({ args, environment }) => args.length <= PARTS_MAX && Object.keys(environment).length <= PARTS_MAX,
    )
  );
}

function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

function labelsOf(value: unknown): Labels {
  return Object.fromEntries(
    Object.entries(record(value)).flatMap(([name, one]) => (typeof one === 'string' ? [[name, one]] : [])),
  );
}

function words(value: unknown): string[] {
  return list(value).filter((word) => typeof word === 'string');
}

function list(value: unknown, max = PARTS_MAX): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, max + 1) : [];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 4_096) : '';
}
