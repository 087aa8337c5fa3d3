/** What a deployment to Kubernetes is asked to be: options read and held to what Kubernetes takes. */
import { WeighlockError } from '../../base/errors.ts';
import { type ContainerImage, containerImage } from '../container-image.ts';
import type { Order } from '../deploy.ts';
import { shaped, text, texts, whole } from '../flags.ts';
import { type Need, needOf, shareOf } from '../size.ts';
import { chooseGpu, type GpuChoice } from './gpu.ts';

export interface Settings {
  readonly name: string;
  readonly namespace: string;
  readonly cluster: string;
  readonly image: ContainerImage | undefined;
  readonly weighlockImage: ContainerImage | undefined;
  readonly trustConfigMap: string;
  /** One that is there; undefined: one is made. */
  readonly serviceAccount: string | undefined;
  readonly roleArn: string | undefined;
  readonly replicas: number;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly tokenSecret: string | undefined;
  readonly egressCidrs: readonly string[];
  readonly need: Need | undefined;
  readonly choice: GpuChoice;
  /** GPUs that share the model. */
  readonly gpus: number;
  /** How long a container may take from its start to its first answer. */
  readonly startSeconds: number;
}

/** RFC 1123, as names of most objects are. */
const LABEL = {
  form: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  says: 'lower-case letters, digits and hyphens between them',
};
const ROLE = { form: /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,500}$/, says: 'the ARN of a role' };
const SELECTOR = /^([A-Za-z0-9./_-]{1,253})=([A-Za-z0-9._-]{0,63})$/;
const CIDR = /^(?:\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}|[0-9a-f:]{2,39}\/\d{1,3})$/;
const ENTRIES_MAX = 50;

/** Names of generated objects and of pods add to it. */
const NAME_LENGTH_MAX = 45;

/** Copying at 100 MB/s and loading at as much are slow; graphs and kernels take minutes, too. */
const BYTES_PER_SECOND = 50e6;
const START_SECONDS_MIN = 300;

/** Throws WL_USAGE, WL_DEPLOY_REFUSED, WL_DEPLOY_TOO_LARGE. */
export function readSettings({ subject, sizing, flags }: Order): Settings {
  requireSafetensors(subject);
  const need = needOf(subject, sizing);
  const choice = chooseGpu(subject, need, text(flags, 'gpu'));
  const image = (name: string, option: string) => {
    const given = text(flags, name);
    return given === undefined ? undefined : containerImage(option, given);
  };
  return {
    name: shaped(flags, 'name', LABEL) ?? nameOf(subject.model),
    namespace: shaped(flags, 'namespace', LABEL) ?? 'models',
    cluster: shaped(flags, 'cluster', { form: /^[\w.:@/-]{1,200}$/, says: 'a name' }) ?? 'default',
    image: image('image', '--image'),
    weighlockImage: image('weighlockImage', '--weighlock-image'),
    trustConfigMap: shaped(flags, 'trustConfigMap', LABEL) ?? 'weighlock-trust',
    serviceAccount: shaped(flags, 'serviceAccount', LABEL),
    roleArn: shaped(flags, 'roleArn', ROLE),
    replicas: whole(flags, 'replicas', { min: 1, max: 1000 }) ?? 1,
    nodeSelector: selectorOf(texts(flags, 'nodeSelector')),
    tokenSecret: shaped(flags, 'tokenSecret', LABEL),
    egressCidrs: cidrsOf(texts(flags, 'egressCidr')),
    need,
    choice,
    gpus: need ? shareOf(need, choice.accelerators.gpus).gpus : choice.accelerators.gpus,
    startSeconds: START_SECONDS_MIN + Math.ceil(subject.sizeBytes / BYTES_PER_SECOND),
  };
}

function requireSafetensors({ weights, model }: Order['subject']): void {
  if (weights.format === 'safetensors') return;
  const gguf = weights.format === 'gguf';
  throw new WeighlockError(
    'WL_DEPLOY_REFUSED',
    `the weights of ${model} are ${gguf ? 'GGUF, which vLLM is not made for' : 'of a format that can run code when it is loaded'}`,
    {
      hint: gguf
        ? 'Deploy GGUF with the targets compose or local, which run llama.cpp.'
        : 'Convert them with `weighlock remediate`, and deploy what comes of it.',
    },
  );
}

function nameOf(model: string): string {
  const bare = model.slice(model.indexOf('/') + 1);
  const name = bare
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, NAME_LENGTH_MAX);
  return name.replaceAll(/^-|-$/g, '');
}

function selectorOf(given: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const one of given.slice(0, ENTRIES_MAX)) {
    const [, key, value = ''] = SELECTOR.exec(one) ?? [];
    if (key === undefined)
      throw new WeighlockError('WL_USAGE', `--node-selector takes key=value, not "${one}"`);
    labels[key] = value;
  }
  return labels;
}

function cidrsOf(given: readonly string[]): readonly string[] {
  const wrong = given.find((one) => !CIDR.test(one));
  if (wrong !== undefined || given.length > ENTRIES_MAX)
    throw new WeighlockError(
      'WL_USAGE',
      `--egress-cidr takes at most ${ENTRIES_MAX} of the form 10.0.0.0/24, not "${wrong}"`,
    );
  return given;
}
