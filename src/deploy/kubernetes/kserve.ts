/**
 * KServe: an InferenceService whose model is copied by a storage initializer before the server starts. With Weighlock as
 * that initializer, by a ClusterStorageContainer, every byte is verified as it is copied; KServe's own takes it from the
 * bucket as it is. From the Hub the server downloads the pinned commit by itself.
 */

import { WeighlockError } from '../../base/errors.ts';
import { missingOf } from '../container-image.ts';
import type { Order, Plan, PlanLine, Target } from '../deploy.ts';
import { shaped } from '../flags.ts';
import { hubPromises } from '../hub-promises.ts';
import { OFFLINE_VARIABLES } from '../local/server-command.ts';
import { GPU_SHARE, gigabytes, sizeLines } from '../size.ts';
import { applier } from './apply.ts';
import { gpuProduct } from './gpu.ts';
import {
  annotationsOf,
  CONTAINER_SECURITY,
  type KubernetesObject,
  labelsOf,
  manifestText,
  secretVariable,
  serviceAccountOf,
  type Variable,
  variables,
} from './manifest.ts';
import { networkPolicy } from './network-policy.ts';
import { readSettings, type Settings } from './settings.ts';
import { initializerVariables, wayOf } from './ways.ts';

/** Where KServe's servers listen. */
const PORT = 8080;

export class KserveTarget implements Target {
  async plan(order: Order): Promise<Plan> {
    const settings = readSettings(order);
    const storage = storageOf(order, settings);
    const { subject } = order;
    const { name, namespace, cluster, image } = settings;
    const service = inferenceService(order, settings, storage);
    const account = serviceAccountOf(settings);
    const labels = { 'serving.kserve.io/inferenceservice': name };
    const policy = networkPolicy({ name, namespace, labels, port: PORT, egress: storage.egress });
    const head = [
      `${subject.model}@${subject.commit} by KServe: ${storage.says}.`,
      'Written by `weighlock deploy kserve`; apply it with kubectl, then run the same command with --record; or let --apply do both.',
    ].join('\n');
    const manifests = manifestText(head, [...(account ? [account] : []), service, policy]);
    const environment = storage.environment.map(({ name: variable, value }) => [
      variable,
      value ?? '(from a secret)',
    ]);
    return {
      target: 'kserve',
      subject,
      lines: linesOf(order, settings, storage),
      requests: [],
      files: [{ path: `${name}.yaml`, text: manifests }, ...storage.files],
      notGuaranteed: [...hubPromises(subject), ...storage.notGuaranteed, ...imagePromise(settings)],
      missing: storage.missing,
      deployment: {
        target: 'kserve',
        place: `${cluster}/${namespace}/${name}`,
        image: image ? { name: image.name, digest: image.digest } : null,
        environment: Object.fromEntries(environment),
        isolated: subject.origin.route === 'vault',
        url: `http://${name}-predictor.${namespace}.svc/openai/v1`,
        resources: [`InferenceService/${namespace}/${name}`, `NetworkPolicy/${namespace}/${name}`],
      },
      apply: applier(order, settings, {
        kind: 'inferenceservice',
        podLabels: labels,
        manifests,
        shared: storage.files.map(({ text }) => text).join(''),
      }),
    };
  }
}

/** The trust file itself, which `WEIGHLOCK_TRUST` takes as well as a path. */
function trustVariable({ trustConfigMap }: Settings): Variable {
  const configMapKeyRef = { name: trustConfigMap, key: 'trust.json' };
  return { name: 'WEIGHLOCK_TRUST', valueFrom: { configMapKeyRef } };
}

/** Where the model comes from, in KServe's terms. */
interface Storage {
  readonly uri: string | undefined;
  readonly args: readonly string[];
  readonly environment: readonly Variable[];
  readonly egress: readonly unknown[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly says: string;
  readonly missing: readonly string[];
  readonly notGuaranteed: readonly string[];
}

function storageOf(order: Order, settings: Settings): Storage {
  const { subject, flags } = order;
  const via = shaped(flags, 'via', { form: /^(weighlock|s3)$/, says: 'weighlock or s3' });
  if (subject.origin.route === 'hub') {
    if (via !== undefined) throw new WeighlockError('WL_USAGE', '--via is for models from the vault');
    return fromHub(order, settings);
  }
  const { ticket, uri, location } = subject.origin;
  if (ticket.kind !== 's3')
    throw new WeighlockError('WL_USAGE', 'KServe copies from a bucket, and this vault is a folder', {
      hint: 'Use the target vllm with --via gateway, which serves any vault.',
    });
  const way = wayOf({ ...order, flags: { ...flags, via: 'init' } }, settings);
  const base = {
    args: ['--model_dir=/mnt/models'],
    environment: variables(OFFLINE_VARIABLES),
    egress: way.egress,
  };
  if (via === 's3')
    return {
      ...base,
      // With the slash: it lists by the bare prefix, and would take a neighbour's files along.
      uri,
      files: [],
      says: 'KServe’s own initializer copies the prefix of the revision',
      missing: way.missing.filter((sentence) => !sentence.includes('--weighlock-image')),
      notGuaranteed: [
        'KServe’s initializer does not hash what it copies: what holds is that the bucket writes each object once, and that the revision was verified before',
      ],
    };
  const { region, endpoint } = ticket.settings;
  const env = [
    ...initializerVariables({ location, region, endpoint }),
    // A folder cannot be added to this container, and its own is not written into: memory is the only place left.
    ...variables({ WEIGHLOCK_HOME: '/dev/shm/weighlock' }),
    trustVariable(settings),
  ];
  const container = storageContainer(settings, env);
  const head =
    'Weighlock as KServe’s storage initializer for weighlock://, once for the cluster.\nThe ConfigMap with the trust file must stand in each namespace that uses it.';
  return {
    ...base,
    uri: `weighlock://${subject.model}@${subject.commit}`,
    files: [{ path: 'weighlock-storage.yaml', text: manifestText(head, [container]) }],
    says: 'Weighlock copies the revision as KServe’s storage initializer, and verifies every byte',
    missing: way.missing,
    notGuaranteed: [],
  };
}

function fromHub(order: Order, settings: Settings): Storage {
  const { subject } = order;
  const { tokenSecret } = settings;
  const { commit, model } = subject;
  const way = wayOf(order, settings);
  return {
    uri: undefined,
    args: [`--model_id=${model}`, `--model_revision=${commit}`, `--tokenizer_revision=${commit}`],
    environment: [
      ...variables({ VLLM_NO_USAGE_STATS: '1', DO_NOT_TRACK: '1', HF_HUB_DISABLE_TELEMETRY: '1' }),
      ...(tokenSecret === undefined ? [] : [secretVariable('HF_TOKEN', tokenSecret)]),
    ],
    egress: way.egress,
    files: [],
    says: way.says,
    missing: way.missing,
    notGuaranteed: way.notGuaranteed,
  };
}

function imagePromise({ image }: Settings): string[] {
  const missing = missingOf('--image', image);
  if (missing === undefined) return [];
  return [
    'the server is whatever image the cluster’s serving runtime names today; --image <name>@sha256:… pins it',
  ];
}

/**
 * KServe merges this into its own init container and gives it `<uri> <folder>` as arguments, so the command is what is set,
 * and not the arguments. Source: KServe's storage_initializer_injector.go.
 */
function storageContainer({ weighlockImage }: Settings, env: readonly Variable[]): KubernetesObject {
  return {
    apiVersion: 'serving.kserve.io/v1alpha1',
    kind: 'ClusterStorageContainer',
    metadata: { name: 'weighlock' },
    spec: {
      container: {
        name: 'storage-initializer',
        image: weighlockImage?.name ?? 'weighlock:to-be-named',
        command: ['/usr/local/bin/weighlock', 'initialize'],
        env,
        resources: { requests: { cpu: '1', memory: '256Mi' }, limits: { cpu: '4', memory: '512Mi' } },
        securityContext: CONTAINER_SECURITY,
      },
      supportedUriFormats: [{ prefix: 'weighlock://' }],
      workloadType: 'initContainer',
    },
  };
}

function inferenceService(
  { subject, remoteCode }: Order,
  settings: Settings,
  storage: Storage,
): KubernetesObject {
  const { name, namespace, replicas, serviceAccount, gpus, need, image, nodeSelector, choice } = settings;
  const gpu = String(gpus);
  return {
    apiVersion: 'serving.kserve.io/v1beta1',
    kind: 'InferenceService',
    metadata: {
      name,
      namespace,
      labels: labelsOf(name),
      annotations: { ...annotationsOf(subject), 'serving.kserve.io/deploymentMode': 'RawDeployment' },
    },
    spec: {
      predictor: {
        minReplicas: replicas,
        maxReplicas: replicas,
        deploymentStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        automountServiceAccountToken: false,
        serviceAccountName: serviceAccount ?? name,
        nodeSelector: { 'nvidia.com/gpu.product': gpuProduct(choice.gpu), ...nodeSelector },
        tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
        model: {
          modelFormat: { name: 'huggingface' },
          ...(image && { image: image.name }),
          ...(storage.uri !== undefined && { storageUri: storage.uri }),
          args: [
            ...storage.args,
            `--model_name=${name}`,
            '--backend=vllm',
            `--tensor-parallel-size=${gpu}`,
            `--gpu-memory-utilization=${GPU_SHARE}`,
            ...(need ? [`--max-model-len=${need.contextTokens}`, `--max-num-seqs=${need.concurrency}`] : []),
            ...(remoteCode === 'asked for' ? ['--trust_remote_code'] : []),
          ],
          env: storage.environment,
          resources: {
            requests: { cpu: String(2 * gpus), 'nvidia.com/gpu': gpu },
            limits: { 'nvidia.com/gpu': gpu },
          },
        },
      },
    },
  };
}

function linesOf({ subject }: Order, settings: Settings, storage: Storage): PlanLine[] {
  const { choice, gpus, need, namespace, name } = settings;
  const { gpu, accelerators, why } = choice;
  return [
    ...sizeLines(subject, need, need && accelerators),
    { label: 'GPUs', text: `${gpus} × ${gpu} (${gigabytes(accelerators.gpuMemoryBytes)} each): ${why}` },
    { label: 'storage', text: storage.says },
    {
      label: 'objects',
      text: `InferenceService ${namespace}/${name}, its NetworkPolicy${storage.files.length > 0 ? ', and a ClusterStorageContainer' : ''}`,
    },
    { label: 'updates', text: 'new pods beside the old ones, which go when the new ones answer' },
  ];
}
