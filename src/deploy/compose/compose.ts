/**
 * Compose: one service copies the revision and verifies it, and ends; only then the server starts, on a network that
 * leads nowhere, with a small proxy service before it where a port of this machine is to reach it. The copy's service
 * alone has credentials and a way out.
 */
import os from 'node:os';
import { stringify } from 'yaml';
import { WeighlockError } from '../../base/errors.ts';
import { type ContainerImage, containerImage, missingOf } from '../container-image.ts';
import type { Order, Plan, PlanLine, Subject, Target } from '../deploy.ts';
import { shaped, text, whole } from '../flags.ts';
import { hubPromises } from '../hub-promises.ts';
import { OFFLINE_VARIABLES, weightsFile } from '../local/server-command.ts';
import { CONTEXT_TOKENS_DEFAULT, GPU_SHARE, type Need, needOf, sizeLines } from '../size.ts';

const MODEL_FOLDER = '/models/current';
const PORT = 8000;
const GPUS_MAX = 16;

interface Settings {
  readonly server: 'vllm' | 'llama.cpp';
  readonly image: ContainerImage | undefined;
  readonly weighlockImage: ContainerImage | undefined;
  readonly name: string;
  readonly machine: string;
  readonly port: number;
  readonly gpus: number;
  readonly trustFile: string;
  readonly need: Need | undefined;
  readonly context: number;
  /** Seconds from the start of the server to its first answer. */
  readonly startSeconds: number;
}

export class ComposeTarget implements Target {
  async plan(order: Order): Promise<Plan> {
    const { subject } = order;
    const settings = readSettings(order);
    const { image, weighlockImage, name, machine, port } = settings;
    const vault = subject.origin.route === 'vault';
    const missing = [
      missingOf('--image', image),
      vault ? missingOf('--weighlock-image', weighlockImage) : undefined,
    ].filter((sentence) => sentence !== undefined);
    const environment = serverEnvironment(subject);
    return {
      target: 'compose',
      subject,
      lines: linesOf(order, settings),
      requests: [],
      files: [{ path: 'compose.yaml', text: composeText(order, settings) }],
      notGuaranteed: [
        ...hubPromises(subject),
        ...(vault ? ['whoever may speak to the container engine of this machine can change what runs'] : []),
      ],
      missing,
      deployment: {
        target: 'compose',
        place: `${machine}/${name}`,
        image: image ? { name: image.name, digest: image.digest } : null,
        environment,
        isolated: vault,
        url: `http://127.0.0.1:${port}/v1`,
        resources: vault ? ['service/copy', 'service/server', 'service/door'] : ['service/server'],
      },
    };
  }
}

function readSettings({ subject, sizing, flags }: Order): Settings {
  const asked = shaped(flags, 'server', { form: /^(vllm|llama\.cpp)$/, says: 'vllm or llama.cpp' });
  const server = serverFor(subject, asked);
  const image = (name: string, option: string) => {
    const given = text(flags, name);
    return given === undefined ? undefined : containerImage(option, given);
  };
  const need = needOf(subject, sizing);
  const { shape } = subject;
  const longest = shape.kind === 'known' ? shape.contextTokensMax : CONTEXT_TOKENS_DEFAULT;
  const project = {
    form: /^[a-z0-9][a-z0-9_-]{0,62}$/,
    says: 'lower-case letters, digits, hyphens and underscores',
  };
  const bare = subject.model.slice(subject.model.indexOf('/') + 1).toLowerCase();
  return {
    server,
    image: image('image', '--image'),
    weighlockImage: image('weighlockImage', '--weighlock-image'),
    name: shaped(flags, 'name', project) ?? bare.replaceAll(/[^a-z0-9]+/g, '-').slice(0, 60),
    machine:
      shaped(flags, 'machine', { form: /^[\w.-]{1,200}$/, says: 'the name of a machine' }) ?? os.hostname(),
    port: whole(flags, 'port', { min: 1, max: 65_535 }) ?? PORT,
    gpus: whole(flags, 'gpus', { min: 0, max: GPUS_MAX }) ?? (server === 'vllm' ? 1 : 0),
    trustFile: shaped(flags, 'trustFile', { form: /^[^\s:]{1,500}$/, says: 'a path' }) ?? './trust.json',
    need,
    context: (sizing.contextTokens ?? Math.min(CONTEXT_TOKENS_DEFAULT, longest)) * sizing.concurrency,
    startSeconds: 120 + Math.ceil(subject.sizeBytes / 100e6),
  };
}

function serverFor({ weights, model }: Subject, asked: string | undefined): Settings['server'] {
  const { format } = weights;
  if (format === 'other')
    throw new WeighlockError(
      'WL_DEPLOY_REFUSED',
      `the weights of ${model} are of a format that can run code when it is loaded`,
      { hint: 'Convert them with `weighlock remediate`, and deploy what comes of it.' },
    );
  const fitting = format === 'gguf' ? 'llama.cpp' : 'vllm';
  if (asked === undefined || asked === fitting) return fitting;
  throw new WeighlockError(
    'WL_DEPLOY_REFUSED',
    `the weights of ${model} are ${format}, which ${fitting} loads`,
  );
}

function serverEnvironment({ origin }: Subject): Readonly<Record<string, string>> {
  const { HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, ...quiet } = OFFLINE_VARIABLES;
  if (origin.route === 'vault') return { ...quiet, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE };
  return quiet;
}

/** What every service is held to: no rights, no writing into its image, nothing that grows without end. */
const CONFINED = {
  read_only: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  pids_limit: 4096,
  logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
} as const;

function composeText(order: Order, settings: Settings): string {
  const { subject } = order;
  const vault = subject.origin.route === 'vault';
  const head = [
    `# ${subject.model}@${subject.commit} by ${settings.server}, ${vault ? 'from a copy that is verified before the server starts' : 'downloaded from the Hub at that commit'}.`,
    '# Written by `weighlock deploy compose`; start it with `docker compose up --wait`, then run the same command with --record.',
  ];
  const document = {
    name: settings.name,
    services: vault
      ? {
          copy: copyService(subject, settings),
          server: serverService(order, settings),
          door: doorService(settings),
        }
      : { server: serverService(order, settings) },
    networks: vault ? { inside: { internal: true }, outside: {} } : { outside: {} },
    volumes: vault ? { models: {} } : {},
    ...(!vault && { secrets: { hub_token: { environment: 'HF_TOKEN' } } }),
  };
  return `${head.join('\n')}\n${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** Copies, verifies, ends. A later start finds the files and hashes them again. */
function copyService({ model, commit, origin }: Subject, { weighlockImage, trustFile }: Settings) {
  if (origin.route !== 'vault') return {};
  const { ticket, location } = origin;
  const folder = ticket.kind === 'directory';
  const credentials = { AWS_ACCESS_KEY_ID: null, AWS_SECRET_ACCESS_KEY: null, AWS_SESSION_TOKEN: null };
  return {
    ...CONFINED,
    image: weighlockImage?.name ?? 'weighlock:to-be-named',
    command: ['initialize', `weighlock://${model}@${commit}`, MODEL_FOLDER],
    user: '0:0',
    environment: {
      WEIGHLOCK_VAULT: folder ? '/vault' : location,
      WEIGHLOCK_TRUST: '/etc/weighlock/trust.json',
      WEIGHLOCK_HOME: '/tmp/weighlock',
      ...(ticket.kind === 's3' && {
        ...credentials,
        AWS_REGION: ticket.settings.region ?? null,
        ...(ticket.settings.endpoint && { AWS_ENDPOINT_URL: ticket.settings.endpoint }),
      }),
    },
    networks: ['outside'],
    ...(folder && { network_mode: 'none', networks: undefined }),
    tmpfs: ['/tmp'],
    volumes: [
      { type: 'volume', source: 'models', target: MODEL_FOLDER },
      { type: 'bind', source: trustFile, target: '/etc/weighlock/trust.json', read_only: true },
      ...(folder ? [{ type: 'bind', source: location, target: '/vault', read_only: true }] : []),
    ],
    restart: 'no',
  };
}

function serverService({ subject, remoteCode, flags }: Order, settings: Settings) {
  const { image, gpus, startSeconds, server } = settings;
  const vault = subject.origin.route === 'vault';
  const words =
    server === 'vllm'
      ? vllmWords({ subject, remoteCode }, settings)
      : llamaWords(subject, weightsFile(subject, text(flags, 'file')), settings);
  return {
    ...CONFINED,
    image: image?.name ?? `${server === 'vllm' ? 'vllm' : 'llama-server'}:to-be-named`,
    ...words,
    user: '65532:65532',
    environment: {
      ...serverEnvironment(subject),
      USER: 'nobody',
      HOME: '/tmp',
      XDG_CACHE_HOME: '/tmp/cache',
      VLLM_CACHE_ROOT: '/tmp/cache/vllm',
    },
    ...(vault
      ? { depends_on: { copy: { condition: 'service_completed_successfully' } }, networks: ['inside'] }
      : { networks: ['outside'], ports: [published(settings)], secrets: ['hub_token'] }),
    ...(vault && { volumes: [{ type: 'volume', source: 'models', target: MODEL_FOLDER, read_only: true }] }),
    tmpfs: ['/tmp'],
    shm_size: '8gb',
    ...(gpus > 0 && {
      deploy: {
        resources: { reservations: { devices: [{ driver: 'nvidia', count: gpus, capabilities: ['gpu'] }] } },
      },
    }),
    healthcheck: {
      test:
        server === 'vllm'
          ? ['CMD', 'python3', '-c', LOOK_BY_PYTHON]
          : ['CMD', 'curl', '-sf', `http://127.0.0.1:${PORT}/health`],
      interval: '10s',
      timeout: '5s',
      retries: 3,
      start_period: `${startSeconds}s`,
    },
    stop_grace_period: '2m',
    restart: 'on-failure:3',
  };
}

const LOOK_BY_PYTHON = `import urllib.request as r; r.urlopen('http://127.0.0.1:${PORT}/health', timeout=3)`;

/**
 * A port of the machine cannot be published on a network that leads nowhere: this service stands on both, and passes
 * connections from one to the other.
 */
function doorService(settings: Settings) {
  const { weighlockImage } = settings;
  return {
    ...CONFINED,
    image: weighlockImage?.name ?? 'weighlock:to-be-named',
    entrypoint: ['/usr/local/bin/node', '--eval', PASS_CONNECTIONS],
    depends_on: { server: { condition: 'service_healthy' } },
    networks: ['inside', 'outside'],
    ports: [published(settings)],
    restart: 'on-failure:3',
  };
}

const PASS_CONNECTIONS = [
  "const net = require('node:net');",
  'net.createServer((client) => {',
  `  const server = net.connect(${PORT}, 'server');`,
  '  client.pipe(server).pipe(client);',
  "  for (const [one, other] of [[client, server], [server, client]]) one.on('error', () => other.destroy());",
  `}).listen(${PORT});`,
].join('\n');

function published({ port }: Settings) {
  return { mode: 'host', host_ip: '127.0.0.1', target: PORT, published: String(port), protocol: 'tcp' };
}

function vllmWords({ subject, remoteCode }: Pick<Order, 'subject' | 'remoteCode'>, { gpus, need }: Settings) {
  const { model, commit, origin } = subject;
  const hub = origin.route === 'hub';
  return {
    entrypoint: ['vllm', 'serve'],
    command: [
      ...(hub ? [model, `--revision=${commit}`, `--tokenizer-revision=${commit}`] : [MODEL_FOLDER]),
      ...(hub && remoteCode === 'asked for' ? [`--code-revision=${commit}`] : []),
      `--served-model-name=${model}`,
      `--port=${PORT}`,
      `--tensor-parallel-size=${Math.max(1, gpus)}`,
      `--gpu-memory-utilization=${GPU_SHARE}`,
      ...(need ? [`--max-model-len=${need.contextTokens}`, `--max-num-seqs=${need.concurrency}`] : []),
      ...(remoteCode === 'asked for' ? ['--trust-remote-code'] : []),
    ],
  };
}

function llamaWords({ model, origin }: Subject, file: string, { context, need, gpus }: Settings) {
  if (origin.route === 'hub')
    throw new WeighlockError('WL_DEPLOY_REFUSED', 'llama.cpp takes no commit when it downloads by itself', {
      hint: `\`weighlock admit ${model}\` brings the file into the vault, and --from vault deploys it.`,
    });
  return {
    command: [
      ...[
        '--model',
        `${MODEL_FOLDER}/${file}`,
        '--alias',
        model,
        '--host',
        '0.0.0.0',
        '--port',
        String(PORT),
      ],
      ...['--ctx-size', String(context), '--parallel', String(need?.concurrency ?? 1)],
      ...(gpus > 0 ? ['--n-gpu-layers', '999'] : []),
      ...['--no-webui', '--no-slots', '--offline'],
    ],
  };
}

function linesOf({ subject, sizing }: Order, settings: Settings): PlanLine[] {
  const { server, port, gpus, name } = settings;
  const vault = subject.origin.route === 'vault';
  return [
    ...sizeLines(subject, needOf(subject, sizing)),
    {
      label: 'server',
      text: `${server}, ${gpus === 0 ? 'without a GPU' : gpus === 1 ? 'on 1 GPU' : `on ${gpus} GPUs`}`,
    },
    {
      label: 'services',
      text: vault
        ? `${name}: copy verifies and ends, server starts after it and reaches no network, door passes port ${port} of this machine`
        : `${name}: server downloads from the Hub and answers at port ${port} of this machine`,
    },
    {
      label: 'updates',
      text: 'the same command for another revision, then `docker compose up --wait`: it stands still while it loads',
    },
  ];
}
