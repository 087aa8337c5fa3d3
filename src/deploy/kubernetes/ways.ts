/**
 * Ways: how the model gets into the container. By the *gateway* the server downloads as from the Hub; by the *streamer* it
 * reads the bucket into the GPU; an *init* container copies and verifies before the server is started; from the *hub* it
 * downloads the pinned commit. Each says what the server is told, what must be beside it, and whom it may reach.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Order } from '../deploy.ts';
import { shaped } from '../flags.ts';
import { OFFLINE_VARIABLES } from '../local/server-command.ts';
import { CONTAINER_SECURITY, secretVariable, type Variable, variables } from './manifest.ts';
import type { Settings } from './settings.ts';

export type WayName = 'gateway' | 'streamer' | 'init' | 'hub';

export interface Way {
  readonly name: WayName;
  /** What the server loads: a name, a folder or an address, and the arguments that belong to it. */
  readonly model: readonly string[];
  readonly environment: readonly Variable[];
  readonly initContainers: readonly unknown[];
  /** Their images; undefined where one is not named yet. */
  readonly initImages: readonly string[] | undefined;
  readonly volumes: readonly unknown[];
  readonly mounts: readonly unknown[];
  /** Peers of the egress rules, beside DNS. */
  readonly egress: readonly unknown[];
  readonly says: string;
  readonly missing: readonly string[];
  readonly notGuaranteed: readonly string[];
}

/** Where a copied model stands. */
export const MODEL_FOLDER = '/models/current';

/** Statistics are off on every way; the Hub's client is told to stay offline where nothing is to be asked for. */
const QUIET = {
  VLLM_NO_USAGE_STATS: OFFLINE_VARIABLES.VLLM_NO_USAGE_STATS,
  DO_NOT_TRACK: OFFLINE_VARIABLES.DO_NOT_TRACK,
  HF_HUB_DISABLE_TELEMETRY: OFFLINE_VARIABLES.HF_HUB_DISABLE_TELEMETRY,
};

/** A copy beside what unpacking and other files take. */
const ROOM = 1.1;

export function wayOf(order: Order, settings: Settings): Way {
  const { subject, flags } = order;
  const asked = shaped(flags, 'via', {
    form: /^(gateway|streamer|init)$/,
    says: 'gateway, streamer or init',
  });
  if (subject.origin.route === 'hub') {
    if (asked !== undefined) throw new WeighlockError('WL_USAGE', '--via is for models from the vault');
    return hubWay(order, settings);
  }
  switch (asked) {
    case 'gateway':
      return gatewayWay(order, settings);
    case 'streamer':
      return streamerWay(order, settings);
    default:
      return initWay(order, settings);
  }
}

/** Whoever must be reached outside of the cluster, by address: a NetworkPolicy knows no names. */
function outside({ egressCidrs }: Settings, ports: readonly number[]): unknown[] {
  if (egressCidrs.length === 0) return [];
  return [
    {
      to: egressCidrs.map((cidr) => ({ ipBlock: { cidr } })),
      ports: ports.map((port) => ({ protocol: 'TCP', port })),
    },
  ];
}

function cidrMissing({ egressCidrs }: Settings, whose: string): string[] {
  if (egressCidrs.length > 0) return [];
  return [`the addresses of ${whose}, which is all that the pod may reach beside DNS: --egress-cidr <cidr>`];
}

function gatewayWay(order: Order, settings: Settings): Way {
  const { flags } = order;
  const gateway = shaped(flags, 'gateway', {
    form: /^https?:\/\/[^\s/?#@]{1,255}$/,
    says: 'an address such as https://gateway.example',
  });
  const namespace = shaped(flags, 'gatewayNamespace', {
    form: /^[a-z0-9-]{1,63}$/,
    says: 'the name of a namespace',
  });
  const inside = namespace === undefined ? [] : [gatewayPeer(namespace, gateway)];
  return {
    name: 'gateway',
    ...downloaded(order, settings, {
      HF_ENDPOINT: gateway ?? 'https://gateway.invalid',
      HF_HUB_DISABLE_XET: '1',
    }),
    egress: [...inside, ...outside(settings, [443])],
    says: 'the server downloads from the gateway as it would from the Hub, and the gateway answers for what is admitted alone',
    missing: [
      ...(gateway === undefined ? ['the gateway, as the pod reaches it: --gateway https://…'] : []),
      ...(settings.tokenSecret === undefined
        ? ['the secret with a reader’s token of the gateway: --token-secret <name>']
        : []),
      ...(namespace === undefined
        ? cidrMissing(settings, 'the gateway, and of the store that it sends clients to')
        : []),
    ],
    notGuaranteed: [
      'the server’s own client does not hash what it downloads: what stands between gateway and pod is the connection',
    ],
  };
}

function gatewayPeer(namespace: string, gateway: string | undefined): unknown {
  const url = gateway === undefined ? undefined : new URL(gateway);
  const port = Number(url?.port || (url?.protocol === 'http:' ? 80 : 443));
  return {
    to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }],
    ports: [{ protocol: 'TCP', port }],
  };
}

function hubWay(order: Order, settings: Settings): Way {
  const { subject } = order;
  const gated = subject.origin.route === 'hub' && subject.origin.gated && settings.tokenSecret === undefined;
  return {
    name: 'hub',
    ...downloaded(order, settings, {}),
    egress: [
      {
        to: [
          {
            ipBlock: {
              cidr: '0.0.0.0/0',
              except: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
            },
          },
        ],
        ports: [{ protocol: 'TCP', port: 443 }],
      },
    ],
    says: 'the server downloads the pinned commit from the Hub at every start of a pod',
    missing: gated
      ? ['the secret with a token of the Hub, as the model is gated: --token-secret <name>']
      : [],
    notGuaranteed: [
      'the pod may reach every public address at port 443: the Hub’s own are too many to be listed',
    ],
  };
}

/** What servers need that download by themselves: the name at one commit, and room for it. */
function downloaded(
  { subject, remoteCode }: Order,
  { tokenSecret }: Settings,
  more: Readonly<Record<string, string>>,
) {
  const { commit } = subject;
  const code = remoteCode === 'asked for' ? [`--code-revision=${commit}`] : [];
  return {
    model: [subject.model, `--revision=${commit}`, `--tokenizer-revision=${commit}`, ...code],
    environment: [
      ...variables({ ...QUIET, ...more, HF_HOME: '/models/hub' }),
      ...(tokenSecret === undefined ? [] : [secretVariable('HF_TOKEN', tokenSecret)]),
    ],
    initContainers: [],
    initImages: [],
    volumes: [{ name: 'models', emptyDir: { sizeLimit: roomFor(subject.sizeBytes) } }],
    mounts: [{ name: 'models', mountPath: '/models' }],
  };
}

function streamerWay({ subject }: Order, settings: Settings): Way {
  const { origin } = subject;
  if (origin.route !== 'vault' || origin.ticket.kind !== 's3')
    throw new WeighlockError('WL_USAGE', '--via streamer reads a bucket, and this vault is a folder');
  const { region, endpoint } = origin.ticket.settings;
  return {
    name: 'streamer',
    model: [origin.uri, '--load-format=runai_streamer'],
    // Offline, vLLM before April 2026 takes the address for a name of the Hub and stops (vllm-project/vllm#39155): here it
    // is the NetworkPolicy alone that keeps it from the Hub.
    environment: variables({
      ...QUIET,
      AWS_REGION: region,
      ...(endpoint && { AWS_ENDPOINT_URL: endpoint, RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING: '0' }),
    }),
    initContainers: [],
    initImages: [],
    volumes: [],
    mounts: [],
    egress: outside(settings, [443]),
    says: 'the server streams the weights from the bucket into the GPU; the revision is in the prefix',
    missing: cidrMissing(settings, 'the store and of AWS STS'),
    notGuaranteed: [
      'nothing in the pod hashes the weights on their way into the GPU: what holds is that the bucket writes each object once, and that the revision was verified before',
    ],
  };
}

function initWay({ subject }: Order, settings: Settings): Way {
  const { weighlockImage, trustConfigMap } = settings;
  const { origin } = subject;
  if (origin.route !== 'vault' || origin.ticket.kind !== 's3')
    throw new WeighlockError('WL_USAGE', '--via init reads a bucket, and this vault is a folder', {
      hint: 'Use --via gateway, which serves any vault.',
    });
  const { region, endpoint } = origin.ticket.settings;
  return {
    name: 'init',
    model: [MODEL_FOLDER],
    environment: variables(OFFLINE_VARIABLES),
    initImages: weighlockImage && [weighlockImage.name],
    initContainers: [
      {
        name: 'weighlock',
        image: weighlockImage?.name ?? 'weighlock:to-be-named',
        args: ['initialize', `weighlock://${subject.model}@${subject.commit}`, MODEL_FOLDER],
        env: [
          ...initializerVariables({ location: origin.location, region, endpoint }),
          ...variables({ WEIGHLOCK_HOME: '/tmp/weighlock', WEIGHLOCK_TRUST: '/etc/weighlock/trust.json' }),
        ],
        resources: { requests: { cpu: '1', memory: '256Mi' }, limits: { memory: '512Mi' } },
        securityContext: CONTAINER_SECURITY,
        volumeMounts: [
          { name: 'models', mountPath: MODEL_FOLDER },
          { name: 'trust', mountPath: '/etc/weighlock', readOnly: true },
          { name: 'scratch', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'models', emptyDir: { sizeLimit: roomFor(subject.sizeBytes) } },
      { name: 'trust', configMap: { name: trustConfigMap } },
    ],
    mounts: [{ name: 'models', mountPath: MODEL_FOLDER, readOnly: true }],
    egress: outside(settings, [443]),
    says: 'an init container copies the revision and verifies every byte before the server is started',
    missing: [
      ...(weighlockImage === undefined
        ? ['the image of Weighlock, by digest (`npm run image` builds it): --weighlock-image <name>@sha256:…']
        : []),
      ...cidrMissing(settings, 'the store and of AWS STS'),
    ],
    notGuaranteed: [],
  };
}

/** What `weighlock initialize` reads of its surroundings, beside the trust file and a place for its memory. */
export function initializerVariables(at: {
  readonly location: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
}): Variable[] {
  return variables({
    WEIGHLOCK_VAULT: at.location,
    AWS_REGION: at.region,
    AWS_ENDPOINT_URL: at.endpoint,
  });
}

function roomFor(bytes: number): string {
  return `${Math.ceil((bytes * ROOM) / 2 ** 30) + 1}Gi`;
}
