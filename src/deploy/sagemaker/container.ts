/**
 * Containers of SageMaker: how each is told which model, from where, and how large. LMI is DJL Serving with vLLM inside, which
 * reads `OPTION_*`; AWS's vLLM makes a flag of each `SM_VLLM_*` (an empty value makes a bare flag); TGI, which upstream only
 * maintains, has variables of its own. Nothing leaves the container: usage statistics are off everywhere, and from the vault
 * the clients of the Hub are offline.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Subject } from '../deploy.ts';
import { GPU_SHARE, type Need } from '../size.ts';

export type ContainerKind = 'lmi' | 'vllm' | 'tgi';
const KINDS: readonly ContainerKind[] = ['lmi', 'vllm', 'tgi'];

/** Where SageMaker puts what it downloads from S3. */
const MODEL_FOLDER = '/opt/ml/model';

export interface ContainerSettings {
  readonly kind: ContainerKind;
  readonly subject: Subject;
  readonly need: Need | undefined;
  /** GPUs that share the model. */
  readonly gpus: number;
  readonly remoteCode: 'refused' | 'asked for';
  /** How long SageMaker waits for the start. */
  readonly startupSeconds: number;
  /** What stands for the token until the call is made: a reference to a secret, never the token. */
  readonly token: string | undefined;
}

export function containerKind(text: string | undefined): ContainerKind {
  const kind = KINDS.find((known) => known === (text ?? 'lmi'));
  if (kind) return kind;
  throw new WeighlockError('WL_USAGE', `--container takes lmi, vllm or tgi, not "${text}"`);
}

/** The repository of AWS's own image, for the sentence that asks for one. */
export const IMAGE_REPOSITORIES: Readonly<Record<ContainerKind, string>> = {
  lmi: 'djl-inference',
  vllm: 'vllm',
  tgi: 'huggingface-pytorch-tgi-inference',
};

/** Variables of the container, sorted by name. Throws WL_DEPLOY_REFUSED for weights that it cannot load. */
export function environmentOf(settings: ContainerSettings): Record<string, string> {
  requireSafetensors(settings);
  const variables = { ...silence(settings), ...modelVariables(settings) };
  const named = Object.entries(variables).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Nothing tells anybody that or how it runs; from the vault, the Hub is not asked at all. */
function silence({ subject }: ContainerSettings): Variables {
  const offline = subject.origin.route === 'vault' ? '1' : undefined;
  return {
    DO_NOT_TRACK: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_OFFLINE: offline,
    TRANSFORMERS_OFFLINE: offline,
    VLLM_NO_USAGE_STATS: '1',
  };
}

function modelVariables(settings: ContainerSettings): Variables {
  switch (settings.kind) {
    case 'lmi':
      return lmi(settings);
    case 'vllm':
      return vllm(settings);
    case 'tgi':
      return tgi(settings);
  }
}

function lmi({ subject, need, gpus, remoteCode, token, startupSeconds }: ContainerSettings): Variables {
  const hub = subject.origin.route === 'hub';
  return {
    // From the bucket it finds the folder by itself: a name of the Hub stands here only where the Hub is asked.
    HF_MODEL_ID: hub ? subject.model : undefined,
    OPTION_REVISION: hub ? subject.commit : undefined,
    HF_TOKEN: token,
    // vLLM batches by itself: from LMI 15 on this is how it is served, and answers are those of OpenAI's protocol.
    OPTION_ASYNC_MODE: 'true',
    OPTION_ROLLING_BATCH: 'disable',
    OPTION_ENTRYPOINT: 'djl_python.lmi_vllm.vllm_async_service',
    OPTION_MODEL_LOADING_TIMEOUT: String(startupSeconds),
    // What cannot load ends, instead of being tried until SageMaker gives up.
    SERVING_FAIL_FAST: 'true',
    OPTION_TENSOR_PARALLEL_DEGREE: String(gpus),
    OPTION_MAX_MODEL_LEN: need && String(need.contextTokens),
    OPTION_MAX_ROLLING_BATCH_SIZE: need && String(need.concurrency),
    OPTION_GPU_MEMORY_UTILIZATION: String(GPU_SHARE),
    OPTION_TRUST_REMOTE_CODE: String(remoteCode === 'asked for'),
    OPT_OUT_TRACKING: 'true',
  };
}

function vllm({ subject, need, gpus, remoteCode, token }: ContainerSettings): Variables {
  const hub = subject.origin.route === 'hub';
  return {
    SM_VLLM_MODEL: hub ? subject.model : MODEL_FOLDER,
    SM_VLLM_REVISION: hub ? subject.commit : undefined,
    SM_VLLM_TOKENIZER_REVISION: hub ? subject.commit : undefined,
    SM_VLLM_CODE_REVISION: hub && remoteCode === 'asked for' ? subject.commit : undefined,
    HF_TOKEN: token,
    SM_VLLM_SERVED_MODEL_NAME: subject.model,
    SM_VLLM_TENSOR_PARALLEL_SIZE: String(gpus),
    SM_VLLM_MAX_MODEL_LEN: need && String(need.contextTokens),
    SM_VLLM_MAX_NUM_SEQS: need && String(need.concurrency),
    SM_VLLM_GPU_MEMORY_UTILIZATION: String(GPU_SHARE),
    // A bare flag: any value, `false` too, would turn it on or stop the start.
    SM_VLLM_TRUST_REMOTE_CODE: remoteCode === 'asked for' ? '' : undefined,
  };
}

/** The prompt may take all of the context but for this part, which is left for the answer. */
const ANSWER_SHARE = 4;

function tgi({ subject, need, gpus, remoteCode, token }: ContainerSettings): Variables {
  const hub = subject.origin.route === 'hub';
  const input =
    need && String(Math.max(1, need.contextTokens - Math.ceil(need.contextTokens / ANSWER_SHARE)));
  return {
    HF_MODEL_ID: hub ? subject.model : MODEL_FOLDER,
    HF_MODEL_REVISION: hub ? subject.commit : undefined,
    HF_TOKEN: token,
    SM_NUM_GPUS: String(gpus),
    MAX_INPUT_TOKENS: input,
    MAX_TOTAL_TOKENS: need && String(need.contextTokens),
    MAX_BATCH_PREFILL_TOKENS: input,
    CUDA_MEMORY_FRACTION: String(GPU_SHARE),
    MESSAGES_API_ENABLED: 'true',
    HF_MODEL_TRUST_REMOTE_CODE: remoteCode === 'asked for' ? 'true' : undefined,
    TRUST_REMOTE_CODE: remoteCode === 'asked for' ? 'true' : undefined,
    USAGE_STATS: 'off',
  };
}

function requireSafetensors({ subject, kind }: ContainerSettings): void {
  const { format } = subject.weights;
  if (format === 'safetensors') return;
  throw new WeighlockError(
    'WL_DEPLOY_REFUSED',
    format === 'gguf'
      ? `the weights of ${subject.model} are GGUF, which the container ${kind} is not made for`
      : `the weights of ${subject.model} are of a format that can run code when it is loaded`,
    {
      hint:
        format === 'gguf'
          ? 'Deploy GGUF with the targets compose or local, which run llama.cpp.'
          : 'Convert them with `weighlock remediate`, and deploy what comes of it.',
    },
  );
}
