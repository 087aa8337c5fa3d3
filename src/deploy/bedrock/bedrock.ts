/**
 * Bedrock: the files of a revision are imported into Amazon Bedrock as a custom model. Bedrock copies them, so what answers is
 * a copy that nobody can verify again: what was imported, and from which manifest, is in the statement and in the tags.
 */
import { WeighlockError } from '../../base/errors.ts';
import { accountOf, json, partitionOf, regionOf, requireBucket } from '../aws.ts';
import { callerOf } from '../aws-call.ts';
import { withBucketKey } from '../bucket-key.ts';
import type { Order, Plan, Subject, Target } from '../deploy.ts';
import { gigabytes, sizeLines } from '../size.ts';
import { type Import, importOf, requestsOf } from './import.ts';

/**
 * Architectures that Custom Model Import takes, by the names of transformers, from its user guide. R1's own architecture is
 * not among them; its distills are Llama and Qwen2.
 */
const ARCHITECTURES: ReadonlySet<string> = new Set([
  'GPTBigCodeForCausalLM',
  'GptOssForCausalLM',
  'LlamaForCausalLM',
  'MistralForCausalLM',
  'MixtralForCausalLM',
  'MllamaForConditionalGeneration',
  'Qwen2ForCausalLM',
  'Qwen2VLForConditionalGeneration',
  'Qwen2_5_VLForConditionalGeneration',
  'Qwen3ForCausalLM',
  'Qwen3MoeForCausalLM',
  'T5ForConditionalGeneration',
]);

/** Of the user guide: text models of less than 200 GB, contexts of less than 128 K tokens. */
const BYTES_MAX = 200e9;
const CONTEXT_TOKENS_MAX = 131_072;

export const bedrock: Target = {
  async plan(order) {
    const { subject, flags, environment } = order;
    if (subject.origin.route === 'hub')
      throw new WeighlockError('WL_DEPLOY_REFUSED', 'Bedrock imports from a bucket, and never from the Hub', {
        hint: `Admit the model first: \`weighlock admit ${subject.model}@${subject.commit}\`.`,
      });
    requireBucket(subject, 'Bedrock');
    requireImportable(subject);
    const region = regionOf(flags, subject, environment);
    const account = accountOf(flags, subject) ?? (await callerOf(order, region)).account;
    const keyed = await withBucketKey(order);
    return planOf(keyed, importOf(keyed, { region, account, partition: partitionOf(region) }));
  },
};

/** Throws WL_DEPLOY_REFUSED, WL_DEPLOY_TOO_LARGE: an import would fail for it after it had copied everything. */
function requireImportable({ shape, weights, model, remoteCode }: Subject): void {
  const { architectures } = shape;
  const known = architectures.find((name) => ARCHITECTURES.has(name));
  if (weights.format !== 'safetensors' || known === undefined)
    throw new WeighlockError(
      'WL_DEPLOY_REFUSED',
      `Bedrock imports safetensors of architectures that it knows, and ${model} is ${architectures.join(', ') || 'of none that is named'} (${weights.format})`,
      { hint: 'Deploy it with the target sagemaker, vllm or kserve.' },
    );
  if (remoteCode)
    throw new WeighlockError(
      'WL_DEPLOY_REFUSED',
      `${model} names Python of its own, which Bedrock does not run`,
    );
  if (weights.bytes >= BYTES_MAX)
    throw new WeighlockError(
      'WL_DEPLOY_TOO_LARGE',
      `Bedrock imports less than ${gigabytes(BYTES_MAX)} of weights, and ${model} has ${gigabytes(weights.bytes)}`,
      { hint: 'Deploy it with the target sagemaker, vllm or kserve.' },
    );
  if (shape.kind === 'known' && shape.contextTokensMax > CONTEXT_TOKENS_MAX)
    throw new WeighlockError(
      'WL_DEPLOY_REFUSED',
      `Bedrock imports models of up to ${CONTEXT_TOKENS_MAX} tokens, and ${model} was made for ${shape.contextTokensMax}`,
    );
}

function planOf(order: Order, made: Import): Plan {
  const { subject } = order;
  const { place, job, role, roleArn, policy } = made;
  const requests = requestsOf(made);
  return {
    target: 'bedrock',
    subject,
    lines: [
      { label: 'import', text: `${job.importedModelName} in ${place.region}, account ${place.account}` },
      ...sizeLines(subject, undefined).slice(0, 1),
      {
        label: 'role',
        text: role ? `${roleArn}, made for exactly this revision` : `${roleArn}, which is there`,
      },
      { label: 'size', text: 'Bedrock chooses and bills its own units; nothing runs while nobody asks' },
    ],
    requests,
    files: [
      { path: 'requests.json', text: json(requests) },
      ...(role ? [{ path: 'role-trust.json', text: json(role.trust) }] : []),
      { path: 'role-policy.json', text: json(policy) },
    ],
    notGuaranteed: [
      'what answers is a copy inside of Bedrock: it is not verified again, and a revocation does not reach it',
      'which regions and architectures Bedrock takes is as its user guide said when this was written',
    ],
    missing: [],
    deployment: {
      target: 'bedrock',
      place: `arn:${place.partition}:bedrock:${place.region}:${place.account}:imported-model/${job.importedModelName}`,
      image: null,
      environment: {},
      isolated: true,
      resources: [roleArn, job.jobName],
    },
    apply: async (conduct) => (await import('./apply.ts')).applyImport(made, order, conduct),
  };
}
