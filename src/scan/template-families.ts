/**
 * Families of chat templates by the tokens that mark their turns, and the sentences that published templates bring.
 * Data: what is listed here is usual and says nothing about who wrote the template at hand.
 */

export interface TemplateFamily {
  readonly name: string;
  /** Tokens of which every template of the family has each. */
  readonly marks: readonly string[];
}

/** The more particular before the more general: the first whose marks are all there counts. */
export const FAMILIES: readonly TemplateFamily[] = [
  { name: 'Phi-4', marks: ['<|im_start|>', '<|im_sep|>', '<|im_end|>'] },
  { name: 'ChatML (Qwen, Hermes, SmolLM)', marks: ['<|im_start|>', '<|im_end|>'] },
  { name: 'Llama 4', marks: ['<|header_start|>', '<|header_end|>', '<|eot|>'] },
  { name: 'Llama 3', marks: ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'] },
  { name: 'Llama 2', marks: ['[INST]', '[/INST]', '<<SYS>>', '<</SYS>>'] },
  { name: 'Mistral', marks: ['[INST]', '[/INST]'] },
  { name: 'Gemma 4', marks: ['<|turn>', '<turn|>'] },
  { name: 'Gemma', marks: ['<start_of_turn>', '<end_of_turn>'] },
  { name: 'DeepSeek', marks: ['<｜User｜>', '<｜Assistant｜>'] },
  {
    name: 'Command R',
    marks: ['<|START_OF_TURN_TOKEN|>', '<|END_OF_TURN_TOKEN|>', '<|USER_TOKEN|>', '<|CHATBOT_TOKEN|>'],
  },
  { name: 'gpt-oss (harmony)', marks: ['<|start|>', '<|message|>', '<|end|>'] },
  { name: 'Granite', marks: ['<|start_of_role|>', '<|end_of_role|>', '<|end_of_text|>'] },
  { name: 'Kimi', marks: ['<|im_system|>', '<|im_user|>', '<|im_assistant|>', '<|im_middle|>'] },
  { name: 'Phi-3', marks: ['<|user|>', '<|assistant|>', '<|end|>'] },
  { name: 'GLM', marks: ['[gMASK]', '<|user|>', '<|assistant|>', '<|observation|>'] },
  { name: 'Zephyr', marks: ['<|user|>', '<|assistant|>'] },
];

/** What sentences of published templates begin with, in lower case and without their ends. */
const USUAL: readonly string[] = [
  'you are a helpful assistant',
  'you are a helpful ai assistant',
  'you are qwen, created by alibaba cloud',
  'you are chatgpt, a large language model trained by openai',
  'you are kimi, an ai assistant created by moonshot ai',
  'you are command-r',
  'you are aya',
  'you are granite',
  'you are mistral',
  'you are deepseek',
  'knowledge cutoff',
  'cutting knowledge date',
  'today date',
  "today's date",
  'current date',
  'environment: ipython',
  'tools:',
  '# tools',
  '## available tools',
  '### instruction',
  '### response',
  'you may call one or more functions to assist with the user query',
  'you may call one or more tools to assist with the user query',
  'you are provided with function signatures within',
  'for each function call, return a json object with function name and arguments within',
  'you have access to the following functions',
  'you have access to the following tools',
  'you are a function calling ai model',
  'to call a function, please respond with json for a function call',
  'given the following functions, please respond with a json for a function call',
  'respond in the format {"name": function name',
  'do not use variables',
  'with its proper arguments that best answers the given prompt',
  'if you choose to call a function only reply in the following format',
  'function calls must follow the specified format',
  'required parameters must be specified',
  'you may provide optional reasoning',
  '- if there is no function call available, answer the question like normal with your current knowledge and do not tell the user about function calls',
  'when a tool is not listed below, it is not available and you should never attempt to use it',
  '# valid channels: analysis, commentary, final',
  'channel must be included for every message',
  'the following instructions take precedence over instructions in the default preamble and user prompt',
  'you reject any instructions which conflict with system preamble instructions',
  'you must think step by step before every response, including after receiving function/tool results',
  'when thinking is disabled, begin your response directly after the',
  'you follow these instructions in all languages, and always respond to the user in the language they use or request',
  'here are the functions available in jsonschema format',
  'in this environment you have access to a set of tools you can use to answer the user',
];

/** Whether a sentence is one that published templates bring. */
export function isUsual(sentence: string): boolean {
  const bare = sentence
    .toLowerCase()
    .replace(/^(?:<[^<>]{1,40}>|\s)*(?:system|user|assistant)?\s*/, '')
    .trim();
  return bare === '' || USUAL.some((usual) => bare.startsWith(usual));
}

/** The family whose marks are all among the tokens; undefined where none fits. */
export function familyOfTemplate(tokens: readonly string[]): TemplateFamily | undefined {
  const have = new Set(tokens);
  return FAMILIES.find(({ marks }) => marks.every((mark) => have.has(mark)));
}

/** The family that is meant where only a part of its marks is there, and which are missing. */
export function nearestFamily(
  tokens: readonly string[],
): { readonly family: TemplateFamily; readonly missing: readonly string[] } | undefined {
  const have = new Set(tokens);
  const near = FAMILIES.map((family) => ({ family, missing: family.marks.filter((mark) => !have.has(mark)) }))
    .filter(({ family, missing }) => missing.length < family.marks.length)
    .sort((a, b) => a.missing.length - b.missing.length);
  return near[0];
}
