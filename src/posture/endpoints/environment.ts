/** What a serving container's variables and arguments say about where the model comes from, and whose code runs. */

/** Variables by which containers name the model: TGI, DJL-LMI, vLLM of AWS and upstream, MMS. */
const MODEL_VARIABLES: ReadonlySet<string> = new Set([
  'HF_MODEL_ID',
  'OPTION_MODEL_ID',
  'SM_VLLM_MODEL',
  'SM_VLLM_MODEL_ID',
  'VLLM_MODEL',
  'MODEL_ID',
  'MODEL_NAME_OR_PATH',
]);
/** Models beside the model: adapters, drafts, tokenizers. */
const OTHER_MODEL_VARIABLES =
  /^(?:OPTION|SM_VLLM|VLLM)_(?:TOKENIZER|DRAFT_MODEL|SPECULATIVE_DRAFT_MODEL|SPECULATIVE_MODEL|HF_CONFIG_PATH)$/;

/** Variables and arguments that are looked at of one container, and how much of each; platforms take fewer and less. */
const ENTRIES_MAX = 1_000;
const VALUE_CHARS_MAX = 65_536;

export interface Told {
  readonly variable: string;
  readonly value: string;
}

/** Variables that name a model on the Hub: neither a path nor an address of a store. */
export function hubIds(environment: Readonly<Record<string, string>>): Told[] {
  return entries(environment).filter(
    ({ variable, value }) =>
      (MODEL_VARIABLES.has(variable) || OTHER_MODEL_VARIABLES.test(variable)) && isHubId(value),
  );
}

/** `org/name` or `name`, as the Hub has them; a path begins with a slash or a dot, a store with its scheme. */
export function isHubId(value: string): boolean {
  return /^(?:hf:\/\/)?[A-Za-z0-9][\w.-]{0,95}(?:\/[\w.-]{1,96})?(?:@\S{1,100})?$/.test(value);
}

const OFF: ReadonlySet<string> = new Set(['false', '0', 'no', 'off', 'none']);

/** Variables and arguments that let a model's own code run. What is not plainly "no" is a yes. */
export function remoteCode(
  environment: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Told[] {
  const variables = entries(environment).flatMap(({ variable, value }) => {
    if (variable.endsWith('TRUST_REMOTE_CODE'))
      return OFF.has(value.trim().toLowerCase()) ? [] : [{ variable, value }];
    return trusts(value) ? [{ variable, value: OPTION }] : [];
  });
  const words = args
    .slice(0, ENTRIES_MAX)
    .filter(trusts)
    .map(() => ({ variable: 'argument', value: OPTION }));
  const more = args.length > ENTRIES_MAX || Object.keys(environment).length > ENTRIES_MAX;
  return [...variables, ...words, ...(more ? [UNREAD] : [])];
}

/** Said in place of a whole command line, in which a secret may stand. */
const OPTION = '--trust-remote-code';

/** What is not read may let code run: whoever hides the option behind a thousand others is not let through. */
const UNREAD: Told = { variable: 'environment', value: '(more than is read)' };

function trusts(value: string): boolean {
  if (value.length > VALUE_CHARS_MAX) return true;
  return /--trust[-_]remote[-_]code(?![=\s]+(?:false|0|no|off)\b)/i.test(value);
}

/** The model that arguments name: vLLM's `serve <model>` and `--model`, TGI's `--model-id`, KServe's `--model_id`. */
export function modelsInArguments(args: readonly string[]): string[] {
  const words = args.slice(0, ENTRIES_MAX).flatMap((arg) => arg.slice(0, VALUE_CHARS_MAX).split(/\s+/));
  return words.flatMap((word, i) => {
    const [, joined] = /^--model(?:[-_]id)?=(.+)$/.exec(word) ?? [];
    if (joined !== undefined) return [joined];
    if (/^--model(?:[-_]id)?$/.test(word)) return words[i + 1] ?? [];
    return word === 'serve' && words[i - 1]?.endsWith('vllm') ? (words[i + 1] ?? []) : [];
  });
}

function entries(environment: Readonly<Record<string, string>>): Told[] {
  return Object.entries(environment)
    .slice(0, ENTRIES_MAX)
    .map(([name, value]) => ({ variable: name.toUpperCase(), value }));
}
