/**
 * vLLM on Kubernetes: a Deployment whose pods are started anew for each revision, beside the old ones, which go when the
 * new ones answer. The pod runs as nobody, writes into nothing that stays, and reaches nobody but where its model is from.
 */

import { missingOf } from '../container-image.ts';
import type { Order, Plan, PlanLine, Target } from '../deploy.ts';
import { hubPromises } from '../hub-promises.ts';
import { GPU_SHARE, gigabytes, sizeLines } from '../size.ts';
import { applier } from './apply.ts';
import { gpuProduct } from './gpu.ts';
import {
  annotationsOf,
  CONTAINER_SECURITY,
  type KubernetesObject,
  labelsOf,
  manifestText,
  POD_SECURITY,
  serviceAccountOf,
  variables,
} from './manifest.ts';
import { networkPolicy } from './network-policy.ts';
import { readSettings, type Settings } from './settings.ts';
import { type Way, wayOf } from './ways.ts';

const PORT = 8000;

/** How long the last answers of a pod may take, and how long the cluster takes to send no new ones. */
const LAST_ANSWERS_SECONDS = 120;
const LEAVING_SECONDS = 15;

export class VllmTarget implements Target {
  async plan(order: Order): Promise<Plan> {
    const settings = readSettings(order);
    const way = wayOf(order, settings);
    const { subject } = order;
    const { name, namespace, cluster, image } = settings;
    const missingImage = missingOf('--image', image);
    const manifests = manifestText(headOf(order, way), objectsOf(order, settings, way));
    return {
      target: 'vllm',
      subject,
      lines: linesOf(order, settings, way),
      requests: [],
      files: [{ path: `${name}.yaml`, text: manifests }],
      notGuaranteed: [...hubPromises(subject), ...way.notGuaranteed],
      missing: [...(missingImage === undefined ? [] : [missingImage]), ...way.missing],
      deployment: {
        target: 'vllm',
        place: `${cluster}/${namespace}/${name}`,
        image: image ? { name: image.name, digest: image.digest } : null,
        ...(way.initImages && { otherImages: [...way.initImages] }),
        environment: Object.fromEntries(
          way.environment.map(({ name: variable, value }) => [variable, value ?? '(from a secret)']),
        ),
        isolated: way.name !== 'hub',
        url: `http://${name}.${namespace}.svc/v1`,
        resources: objectsOf(order, settings, way).map(
          ({ kind, metadata }) => `${kind}/${namespace}/${metadata.name}`,
        ),
      },
      apply: applier(order, settings, {
        kind: 'deployment',
        podLabels: labelsOf(name),
        manifests,
        shared: '',
      }),
    };
  }
}

function headOf({ subject }: Order, way: Way): string {
  return [
    `${subject.model}@${subject.commit} by vLLM, ${way.says}.`,
    'Written by `weighlock deploy vllm`; apply it with kubectl, then run the same command with --record; or let --apply do both.',
  ].join('\n');
}

function linesOf({ subject }: Order, settings: Settings, way: Way): PlanLine[] {
  const { choice, gpus, replicas, need, namespace, name, startSeconds } = settings;
  const { gpu, accelerators, why } = choice;
  return [
    ...sizeLines(subject, need, need && accelerators),
    { label: 'GPUs', text: `${gpus} × ${gpu} (${gigabytes(accelerators.gpuMemoryBytes)} each): ${why}` },
    { label: 'way', text: way.says },
    {
      label: 'objects',
      text: `Deployment ${namespace}/${name} with ${replicas} of one pod, its Service, ServiceAccount and NetworkPolicy`,
    },
    { label: 'start', text: `within ${startSeconds} s, by size` },
    {
      label: 'updates',
      text: 'new pods beside the old ones, which go when the new ones answer; where these do not come up, the old ones stay',
    },
  ];
}

function objectsOf(order: Order, settings: Settings, way: Way): KubernetesObject[] {
  const { subject } = order;
  const { name, namespace, replicas } = settings;
  const labels = labelsOf(name);
  const metadata = { name, namespace, labels, annotations: annotationsOf(subject) };
  const account = serviceAccountOf(settings);
  const disruption: KubernetesObject = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace, labels },
    spec: { minAvailable: 1, selector: { matchLabels: labels } },
  };
  return [
    ...(account ? [account] : []),
    deploymentOf(order, settings, way),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'ClusterIP',
        selector: labels,
        ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
      },
    },
    networkPolicy({ name, namespace, labels, port: PORT, egress: way.egress }),
    ...(replicas > 1 ? [disruption] : []),
  ];
}

function deploymentOf({ subject, remoteCode }: Order, settings: Settings, way: Way): KubernetesObject {
  const { name, namespace, replicas, startSeconds, serviceAccount, nodeSelector, choice } = settings;
  const labels = labelsOf(name);
  const annotations = annotationsOf(subject);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels, annotations },
    spec: {
      replicas,
      revisionHistoryLimit: 5,
      progressDeadlineSeconds: 2 * startSeconds,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels, annotations },
        spec: {
          serviceAccountName: serviceAccount ?? name,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: POD_SECURITY,
          terminationGracePeriodSeconds: LAST_ANSWERS_SECONDS + LEAVING_SECONDS,
          nodeSelector: { 'nvidia.com/gpu.product': gpuProduct(choice.gpu), ...nodeSelector },
          tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
          ...(way.initContainers.length > 0 && { initContainers: way.initContainers }),
          containers: [
            serverOf({
              model: subject.model,
              remoteCode,
              settings,
              way,
              memoryBytes: memoryOf(subject, settings),
            }),
          ],
          volumes: [
            ...way.volumes,
            { name: 'scratch', emptyDir: {} },
            { name: 'shared-memory', emptyDir: { medium: 'Memory', sizeLimit: '8Gi' } },
          ],
        },
      },
    },
  };
}

/** Each GPU's worker reads a whole file at a time, beside what Python, CUDA and shared memory take. */
function memoryOf({ weights }: Order['subject'], { gpus }: Settings): number {
  const largest = Math.max(0, ...weights.files.map(({ sizeBytes }) => sizeBytes));
  return largest * gpus + 16 * 2 ** 30;
}

function serverOf({
  model,
  remoteCode,
  settings,
  way,
  memoryBytes,
}: {
  readonly model: string;
  readonly remoteCode: Order['remoteCode'];
  readonly settings: Settings;
  readonly way: Way;
  readonly memoryBytes: number;
}) {
  const { image, gpus, need, startSeconds } = settings;
  const memory = `${Math.ceil(memoryBytes / 2 ** 30)}Gi`;
  const health = { httpGet: { path: '/health', port: 'http' } };
  return {
    name: 'server',
    image: image?.name ?? 'vllm:to-be-named',
    command: ['vllm', 'serve'],
    args: [
      ...way.model,
      `--served-model-name=${model}`,
      `--port=${PORT}`,
      `--tensor-parallel-size=${gpus}`,
      `--gpu-memory-utilization=${GPU_SHARE}`,
      ...(need ? [`--max-model-len=${need.contextTokens}`, `--max-num-seqs=${need.concurrency}`] : []),
      ...(remoteCode === 'asked for' ? ['--trust-remote-code'] : []),
    ],
    // PyTorch asks for the user's name, which an image need not have; all caches are in scratch.
    env: [
      ...way.environment,
      ...variables({
        HOME: '/tmp/home',
        USER: 'vllm',
        XDG_CACHE_HOME: '/tmp/cache',
        VLLM_CACHE_ROOT: '/tmp/cache/vllm',
        TRITON_CACHE_DIR: '/tmp/cache/triton',
        TORCHINDUCTOR_CACHE_DIR: '/tmp/cache/inductor',
      }),
    ],
    ports: [{ name: 'http', containerPort: PORT, protocol: 'TCP' }],
    resources: {
      requests: { cpu: String(2 * gpus), memory, 'nvidia.com/gpu': String(gpus) },
      limits: { memory, 'nvidia.com/gpu': String(gpus) },
    },
    securityContext: CONTAINER_SECURITY,
    startupProbe: { ...health, periodSeconds: 10, failureThreshold: Math.ceil(startSeconds / 10) },
    readinessProbe: { ...health, periodSeconds: 5, timeoutSeconds: 5 },
    livenessProbe: { ...health, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 6 },
    lifecycle: { preStop: { exec: { command: ['sleep', String(LEAVING_SECONDS)] } } },
    volumeMounts: [
      ...way.mounts,
      { name: 'scratch', mountPath: '/tmp' },
      { name: 'shared-memory', mountPath: '/dev/shm' },
    ],
  };
}
