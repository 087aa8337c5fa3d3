/** What honest people publish, and must be clean: a scanner that flags it is switched off. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { bytes } from '../pickles.ts';
import { zip } from '../zips.ts';
import { type Case, one, table } from './case.ts';
import {
  EMPTY_STATE,
  gguf,
  npy,
  onnx,
  onnxNode,
  png,
  pngChunk,
  safetensors,
  torchLegacy,
  torchZip,
} from './containers.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const json = (name: string, file: string, value: unknown): Case =>
  one(name, 'clean', file, `${JSON.stringify(value, null, 2)}\n`);

const python = spawnSync('python3', [path.join(import.meta.dirname, 'benign-pickles.py')], {
  encoding: 'utf8',
});
const pickles: readonly Case[] =
  python.status === 0
    ? Object.entries(JSON.parse(python.stdout) as Readonly<Record<string, string>>).map(([name, base64]) =>
        one(name, 'clean', 'data.pkl', Buffer.from(base64, 'base64')),
      )
    : [];

const CHATML =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const LLAMA3 =
  "{{- bos_token }}\n{%- if custom_tools is defined %}\n    {%- set tools = custom_tools %}\n{%- endif %}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set date_string = strftime_now('%d %b %Y') %}\n    {%- else %}\n        {%- set date_string = '26 Jul 2024' %}\n    {%- endif %}\n{%- endif %}\n{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n{%- else %}\n    {%- set system_message = '' %}\n{%- endif %}\n{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' }}\n{%- if tools is not none %}\n    {%- for t in tools %}\n        {{- t | tojson(indent=4) }}\n        {{- '\\n\\n' }}\n    {%- endfor %}\n{%- endif %}\n{%- for message in messages %}\n    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}\n        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}\n    {%- elif 'tool_calls' in message %}\n        {%- if not message.tool_calls|length == 1 %}\n            {{- raise_exception('This model only supports single tool-calls at once!') }}\n        {%- endif %}\n        {%- set tool_call = message.tool_calls[0].function %}\n        {%- if builtin_tools is defined and tool_call.name in builtin_tools %}\n            {{- '<|python_tag|>' + tool_call.name + '.call(' }}\n            {%- for arg_name, arg_val in tool_call.arguments | items %}\n                {{- arg_name + '=\"' + arg_val + '\"' }}\n                {%- if not loop.last %}{{- ', ' }}{%- endif %}\n            {%- endfor %}\n        {%- endif %}\n    {%- elif message.role == 'tool' or message.role == 'ipython' %}\n        {%- if message.content is mapping or message.content is iterable %}\n            {{- message.content | tojson }}\n        {%- else %}\n            {{- message.content }}\n        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n";
const MISTRAL =
  '{%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}{%- if not tools is defined %}{%- set tools = none %}{%- endif %}{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}{%- set ns = namespace() %}{%- set ns.index = 0 %}{%- for message in loop_messages %}{%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}{%- if (message["role"] == "user") != (ns.index % 2 == 0) %}{{- raise_exception("After the optional system message, conversation roles must alternate") }}{%- endif %}{%- set ns.index = ns.index + 1 %}{%- endif %}{%- endfor %}{{- bos_token }}{%- for message in loop_messages %}{%- if message["role"] == "user" %}{%- if tools is not none and (message == user_messages[-1]) %}{{- "[AVAILABLE_TOOLS] [" }}{%- for tool in tools %}{%- set tool = tool.function %}{{- \'{"type": "function", "function": {\' }}{%- for key, val in tool.items() if key != "return" %}{%- if val is string %}{{- \'"\' + key + \'": "\' + val + \'"\' }}{%- else %}{{- \'"\' + key + \'": \' + val|tojson }}{%- endif %}{%- if not loop.last %}{{- ", " }}{%- endif %}{%- endfor %}{{- "}}" }}{%- endfor %}{{- "[/AVAILABLE_TOOLS]" }}{%- endif %}{{- "[INST] " + message["content"] + "[/INST]" }}{%- elif message.tool_calls is defined and message.tool_calls is not none %}{{- "[TOOL_CALLS] [" }}{%- for tool_call in message.tool_calls %}{%- set out = tool_call.function|tojson %}{{- out[:-1] }}{%- if not tool_call.id is defined or tool_call.id|length != 9 %}{{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}{%- endif %}{%- endfor %}{%- elif message["role"] == "assistant" %}{{- " " + message["content"]|trim + eos_token}}{%- endif %}{%- endfor %}';
const R1 =
  "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<｜User｜>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is none %}{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls']%}{%- if not ns.is_first %}{{'<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + '\\n' + '```json' + '\\n' + tool['function']['arguments'] + '\\n' + '```' + '<｜tool▁call▁end｜>'}}{%- set ns.is_first = true -%}{%- endif %}{%- endfor %}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜><think>\\n'}}{% endif %}";
const QWEN3 =
  "{%- macro render(content) %}\n{%- if content is string %}{{- content }}{%- else %}{%- for item in content %}{%- if 'image' in item or item.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{%- elif 'text' in item %}{{- item.text }}{%- endif %}{%- endfor %}{%- endif %}{%- endmacro %}{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{%- if ns.multi_step_tool and message.role == 'user' and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}{%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}{%- endif %}{%- endfor %}{%- for message in messages %}{{- '<|im_start|>' ~ message.role ~ '\\n' ~ render(message.content).rstrip('\\n').lstrip() ~ '<|im_end|>' }}{%- if message.tool_calls %}{%- for tool_call in message.tool_calls %}{{- '{\"name\": \"' }}{{- tool_call.name }}{{- '\", \"arguments\": ' }}{{- tool_call.arguments if tool_call.arguments is string else tool_call.arguments | tojson }}{%- endfor %}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}";
const GEMMA =
  "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}";
const GRANITE =
  "{%- set ns = namespace(found=false) -%}{%- for d in documents or [] -%}{{ d.title | default('untitled') | upper }}{{ d['text'] | replace('\\n', ' ') | trim }}{%- set ns.found = true -%}{%- endfor -%}{{ messages | map(attribute='content') | join('\\n') }}{% generation %}{{ messages[-1].content }}{% endgeneration %}{%- for role, group in {'a': 1}.items() -%}{{ loop.cycle('x', 'y') }}{{ role }}{%- endfor -%}{{ dict(a=1)['a'] }}{{ range(3) | list | length }}{{ tools | map(attribute='function') | map(attribute='name') | join(', ') if tools }}";

const TEMPLATES = {
  ChatML: CHATML,
  'Llama 3': LLAMA3,
  Mistral: MISTRAL,
  'DeepSeek R1': R1,
  'Qwen 3': QWEN3,
  Gemma: GEMMA,
  Granite: GRANITE,
};

const templates: readonly Case[] = Object.entries(TEMPLATES).flatMap(([name, template]) => [
  one(`${name}, as a file`, 'clean', 'chat_template.jinja', template),
  json(`${name}, in a tokenizer configuration`, 'tokenizer_config.json', {
    tokenizer_class: 'LlamaTokenizerFast',
    chat_template: template,
  }),
  one(
    `${name}, in GGUF`,
    'clean',
    'm.gguf',
    gguf([
      ['general.architecture', 'llama'],
      ['tokenizer.chat_template', template],
    ]),
  ),
]);

const configs: readonly Case[] = [
  json('Llama', 'config.json', {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 4096,
    rope_scaling: { factor: 8, rope_type: 'llama3' },
    rms_norm_eps: 1e-5,
    torch_dtype: 'bfloat16',
    eos_token_id: [128001, 128009],
    _attn_implementation: 'sdpa',
  }),
  json('Llama with flash attention', 'config.json', {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    _attn_implementation: 'flash_attention_2',
  }),
  json('BERT', 'config.json', {
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    id2label: { 0: 'LABEL_0' },
    label2id: { LABEL_0: 0 },
    _name_or_path: 'bert-base-uncased',
  }),
  json('DeepSeek without code', 'config.json', {
    architectures: ['DeepseekV3ForCausalLM'],
    model_type: 'deepseek_v3',
    quantization_config: {
      activation_scheme: 'dynamic',
      fmt: 'e4m3',
      quant_method: 'fp8',
      weight_block_size: [128, 128],
    },
  }),
  json('Qwen VL', 'config.json', {
    architectures: ['Qwen2VLForConditionalGeneration'],
    model_type: 'qwen2_vl',
    vision_config: { depth: 32, embed_dim: 1280 },
    auto_map: null,
  }),
  json('CLIP with parts', 'config.json', {
    model_type: 'clip',
    text_config: { model_type: 'clip_text_model', _name_or_path: '' },
    vision_config: { model_type: 'clip_vision_model' },
  }),
  json('Whisper', 'generation_config.json', {
    suppress_tokens: [1, 2],
    lang_to_id: { '<|en|>': 50259 },
    forced_decoder_ids: [[1, null]],
    transformers_version: '4.31.0.dev0',
  }),
  json('generation', 'generation_config.json', {
    do_sample: true,
    temperature: 0.6,
    top_p: 0.95,
    _from_model_config: true,
  }),
  json('tokenizer configuration', 'tokenizer_config.json', {
    add_bos_token: true,
    added_tokens_decoder: { 0: { content: '<unk>', special: true } },
    model_max_length: 1e30,
    tokenizer_class: 'LlamaTokenizer',
    bos_token: { __type: 'AddedToken', content: '<s>' },
  }),
  one(
    'model_max_length as Python writes it',
    'clean',
    'tokenizer_config.json',
    '{"model_max_length": 1000000000000000019884624838656}\n',
  ),
  json('tokenizer', 'tokenizer.json', {
    version: '1.0',
    model: {
      type: 'BPE',
      vocab: { a: 0, __class__: 1, '{{': 2, 'os.system': 3, __proto__: 4, constructor: 5 },
      merges: ['a b'],
    },
    pre_tokenizer: { type: 'Split', pattern: { Regex: "(?i:'s|'t)|\\p{L}+" } },
  }),
  json('special tokens', 'special_tokens_map.json', {
    bos_token: '<s>',
    pad_token: { content: '<pad>', lstrip: false },
  }),
  json('processor', 'preprocessor_config.json', {
    image_processor_type: 'CLIPImageProcessor',
    image_mean: [0.48, 0.45, 0.4],
    size: { shortest_edge: 224 },
  }),
  json('sentence-transformers', 'modules.json', [
    { idx: 0, name: '0', path: '', type: 'sentence_transformers.models.Transformer' },
    { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
  ]),
  json('sentence-transformers versions', 'config_sentence_transformers.json', {
    __version__: { sentence_transformers: '2.2.2', transformers: '4.18.0', pytorch: '1.11.0' },
    prompts: { query: 'query: ' },
  }),
  json('diffusers', 'model_index.json', {
    _class_name: 'StableDiffusionPipeline',
    _diffusers_version: '0.21.0',
    unet: ['diffusers', 'UNet2DConditionModel'],
    text_encoder: ['transformers', 'CLIPTextModel'],
    safety_checker: [null, null],
    scheduler: ['diffusers', 'PNDMScheduler'],
  }),
  json('PEFT', 'adapter_config.json', {
    base_model_name_or_path: 'meta-llama/Llama-2-7b-hf',
    peft_type: 'LORA',
    r: 8,
    target_modules: ['q_proj', 'v_proj'],
    task_type: 'CAUSAL_LM',
    auto_mapping: null,
  }),
  json('trust_remote_code that is false', 'config.json', { model_type: 'llama', trust_remote_code: false }),
  json('trainer state', 'trainer_state.json', {
    best_metric: null,
    log_history: [{ epoch: 0.1, loss: 2.5, step: 10 }],
  }),
  json('added tokens', 'added_tokens.json', { '<|im_end|>': 151645 }),
  json(
    'vocabulary',
    'vocab.json',
    Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`tok${i}Ġ`, i])),
  ),
  one('JSON lines', 'clean', 'eval.jsonl', '{"prompt": "x", "score": 1}\n{"prompt": "y", "score": 2}\n'),
  one('an empty object without newline', 'clean', 'x.json', '{}'),
];

const MODELING = `# coding=utf-8
# Copyright 2024 The authors. Licensed under the Apache License, Version 2.0.
"""PyTorch model."""
import math
import os
import warnings
from dataclasses import dataclass
from typing import List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import nn

from transformers.activations import ACT2FN
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import add_start_docstrings, logging

from .configuration_x import XConfig

try:
    from flash_attn import flash_attn_func
except ImportError:
    flash_attn_func = None

logger = logging.get_logger(__name__)
_CHECKPOINT_FOR_DOC = "x/x-7b"


def rotate_half(x):
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


class XRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dtype = x.dtype
        x = x.to(torch.float32)
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)).to(dtype)


class XAttention(nn.Module):
    def __init__(self, config: XConfig, layer_idx: Optional[int] = None):
        super().__init__()
        self.heads = config.num_attention_heads
        self.act = ACT2FN[config.hidden_act]
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        if layer_idx is None:
            logger.warning_once(f"Instantiating {self.__class__.__name__} without layer_idx")

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        if "padding_mask" in kwargs:
            warnings.warn("deprecated")
        weights = F.softmax(self.q_proj(hidden_states) / math.sqrt(64), dim=-1)
        return weights.eval if False else weights


@dataclass
class XOutput:
    loss: Optional[torch.FloatTensor] = None
    logits: torch.FloatTensor = None


class XModel(PreTrainedModel):
    config_class = XConfig
    _no_split_modules = ["XAttention"]
    mapping = {k: v for k, v in zip("ab", range(2))}

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([XAttention(config, i) for i in range(config.num_hidden_layers)])
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(mean=0.0, std=self.config.initializer_range)

    @torch.no_grad()
    def generate_text(self, tokenizer, prompt: str, max_length: int = 2048):
        self.eval()
        inputs = tokenizer(prompt, return_tensors="pt").to(self.device)
        return tokenizer.decode(self.generate(**inputs, max_length=max_length)[0])


if __name__ == "__main__":
    print(XModel(XConfig()))
`;
const TOKENIZATION = `import os
import json
import unicodedata
from functools import lru_cache
from shutil import copyfile
from typing import Any, Dict, List, Optional

import regex as re
import sentencepiece as spm
from transformers.tokenization_utils import AddedToken, PreTrainedTokenizer

VOCAB_FILES_NAMES = {"vocab_file": "tokenizer.model"}
PAT = re.compile(r"'s|'t| ?\\p{L}+")


@lru_cache()
def bytes_to_unicode():
    bs = list(range(ord("!"), ord("~") + 1))
    return dict(zip(bs, [chr(n) for n in bs]))


class XTokenizer(PreTrainedTokenizer):
    vocab_files_names = VOCAB_FILES_NAMES

    def __init__(self, vocab_file, sp_model_kwargs: Optional[Dict[str, Any]] = None, **kwargs):
        self.sp_model = spm.SentencePieceProcessor(**(sp_model_kwargs or {}))
        self.sp_model.Load(vocab_file)
        with open(vocab_file + ".json", encoding="utf-8") as handle:
            self.encoder = json.load(handle)
        super().__init__(**kwargs)

    def save_vocabulary(self, save_directory, filename_prefix: Optional[str] = None):
        if not os.path.isdir(save_directory):
            return
        out = os.path.join(save_directory, "tokenizer.model")
        if os.path.abspath(self.vocab_file) != os.path.abspath(out):
            copyfile(self.vocab_file, out)
        return (out,)
`;
const CONFIGURATION = `from transformers.configuration_utils import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)


class XConfig(PretrainedConfig):
    model_type = "x"
    keys_to_ignore_at_inference = ["past_key_values"]

    def __init__(self, vocab_size=32000, hidden_size=4096, tie_word_embeddings=False, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        super().__init__(tie_word_embeddings=tie_word_embeddings, **kwargs)
`;

const README = `---
license: apache-2.0
language:
- en
- multilingual
tags: [text-generation, "conversational"]
library_name: transformers
pipeline_tag: text-generation
base_model: meta-llama/Llama-3.1-8B
datasets:
- HuggingFaceH4/ultrachat_200k
model-index:
- name: x
  results:
  - task: {type: text-generation}
    metrics: [{type: acc, value: 71.2}]
widget:
- text: "Hello"
---

# X-7B

<p align="center"><img src="https://example.org/logo.png" width="400"/></p>
<!-- a comment -->

| Model | MMLU | GSM8K |
|-------|------|:-----:|
| X-7B  | 71.2 | 80.1  |

\`\`\`python
import os, torch
from transformers import AutoModelForCausalLM, AutoTokenizer

os.environ["TOKENIZERS_PARALLELISM"] = "false"
model = AutoModelForCausalLM.from_pretrained("x/x-7b", trust_remote_code=True, token="hf_...")
os.system("nvidia-smi")
exec("print(1)")
\`\`\`

\`\`\`bash
export HF_TOKEN=<your token>
curl -X POST http://localhost:8000/v1/chat/completions -H "Authorization: Bearer $API_KEY"
\`\`\`

$\\mathcal{L} = -\\sum_i \\log p_i$ and {{ not a template }} and {% raw %}.

@misc{x2024, title={X}, author={A. Author}, year={2024}, eprint={2401.00001}}
`;

const f32 = Buffer.alloc(4 * 6);
const files: readonly Case[] = [
  one(
    'a workflow',
    'clean',
    '.github/workflows/ci.yaml',
    'on: push\njobs:\n  a:\n    runs-on: $' + '{{ matrix.os }}\n    if: $' + '{{ env.X && github.ref }}\n',
  ),
  one('README', 'clean', 'README.md', README),
  one('README in Chinese', 'clean', 'README_zh.md', '# 模型\n\n这是一个模型。\n'),
  one('README with Windows line ends and a mark', 'clean', 'README.md', '\ufeff# Model\r\n\r\ntext\r\n'),
  one(
    'README with emoji and right-to-left text',
    'clean',
    'README.md',
    '# 🚀 Model\n\nمرحبا بالعالم — שלום 👩‍💻\n',
  ),
  one('YAML card', 'clean', 'card.yaml', 'license: mit\ntags:\n  - a\nmetrics: {acc: 0.5}\n'),
  one(
    'requirements',
    'clean',
    'requirements.txt',
    'torch>=2.0\ntransformers==4.38.0 ; python_version >= "3.8"\nflash-attn\n',
  ),
  one('vocab.txt', 'clean', 'vocab.txt', '[PAD]\n[UNK]\n[CLS]\nthe\n##ing\nc\n(\n)\n.\n!\nsystem\n'),
  one('merges.txt', 'clean', 'merges.txt', '#version: 0.2\nĠ t\nh e\ni n\nĠ a\n'),
  one('merges that look like opcodes', 'clean', 'merges.txt', 'c os\nt R\n( S\ni n\n. .\n'),
  one('a word list from V', 'clean', 'words.txt', 'Vienna\nVeneto\nVerona\n'),
  one('a text that ends in a full stop', 'clean', 'NOTICE', 'Nothing to see here.'),
  one('licence of this project', 'clean', 'LICENSE', readFileSync(path.join(ROOT, 'LICENSE'))),
  one(
    'MIT',
    'clean',
    'LICENSE',
    'MIT License\n\nCopyright (c) 2023 DeepSeek\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n',
  ),
  one(
    'git attributes',
    'clean',
    '.gitattributes',
    '*.bin filter=lfs diff=lfs merge=lfs -text\n*.safetensors filter=lfs diff=lfs merge=lfs -text\n',
  ),
  one('git ignore', 'clean', '.gitignore', '*.pyc\n__pycache__/\n'),
  one('TSV', 'clean', 'labels.tsv', 'id\tlabel\n0\tcat\n'),
  one('modeling code', 'clean', 'modeling_x.py', MODELING),
  one('tokenization code', 'clean', 'tokenization_x.py', TOKENIZATION),
  one('configuration code', 'clean', 'configuration_x.py', CONFIGURATION),
  one(
    'Latin-1 by its first line, ASCII alone',
    'clean',
    'old.py',
    '# -*- coding: latin-1 -*-\nimport math\n\n\ndef f(x):\n    return math.sqrt(x)\n',
  ),
  one(
    'a script that asks its module what it has',
    'clean',
    'a.py',
    'import os\n\nn = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()\nprint(n, os.name, os.__file__)\n',
  ),
  one(
    'SVG-free HTML',
    'clean',
    'index.html',
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n<html><body>x</body></html>\n',
  ),
  one(
    'XML of OpenVINO',
    'clean',
    'openvino_model.xml',
    '<?xml version="1.0"?>\n<net name="x" version="11"><layers><layer id="0" name="a" type="Parameter"/></layers></net>\n',
  ),
  one('an empty module', 'clean', '__init__.py', ''),
  one(
    'safetensors',
    'clean',
    'm.safetensors',
    safetensors(
      { __metadata__: { format: 'pt' }, a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] } },
      f32,
    ),
  ),
  one(
    'safetensors, padded header and scalar',
    'clean',
    'm.safetensors',
    safetensors(
      `${JSON.stringify({ a: { dtype: 'F32', shape: [], data_offsets: [0, 4] } })}    `,
      Buffer.alloc(4),
    ),
  ),
  one(
    'safetensors, order other than offsets',
    'clean',
    'm.safetensors',
    safetensors(
      {
        b: { dtype: 'U8', shape: [2], data_offsets: [4, 6] },
        a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
      },
      Buffer.alloc(6),
    ),
  ),
  one(
    'GGUF',
    'clean',
    'm.gguf',
    gguf(
      [
        ['general.architecture', 'llama'],
        ['llama.block_count', 2],
        ['tokenizer.ggml.tokens', ['<s>', '__class__', 'cposix']],
      ],
      [{ name: 'a', dims: [6n], type: 0, offset: 0n }],
      { data: Buffer.concat([f32, Buffer.alloc(8)]) },
    ),
  ),
  one('ONNX', 'clean', 'm.onnx', onnx([onnxNode('MatMul'), onnxNode('Relu')])),
  one('NumPy', 'clean', 'a.npy', npy("'<f4'", f32, '(2, 3)')),
  one('NumPy text', 'clean', 'a.npy', npy("'<U3'", Buffer.alloc(24), '(2,)')),
  one('NumPy scalar', 'clean', 'a.npy', npy("'<f8'", Buffer.alloc(8), '()')),
  one(
    '.npz',
    'clean',
    'a.npz',
    zip([
      { name: 'a.npy', data: npy("'<f4'", f32, '(2, 3)') },
      { name: 'b.npy', data: npy("'|u1'", Buffer.alloc(4), '(4,)'), deflate: true },
    ]),
  ),
  one('PyTorch zip', 'clean', 'm.bin', torchZip(EMPTY_STATE)),
  one(
    'PyTorch zip with descriptors',
    'clean',
    'm.bin',
    zip([
      { name: 'archive/data.pkl', data: EMPTY_STATE, descriptor: true },
      { name: 'archive/version', data: Buffer.from('3\n'), descriptor: true },
    ]),
  ),
  one('legacy PyTorch', 'clean', 'm.bin', torchLegacy({})),
  one('PNG', 'clean', 'a.png', png()),
  one('PNG with a comment', 'clean', 'a.png', png([pngChunk('tEXt', bytes('Software\0GIMP'))])),
  one(
    'GIF',
    'clean',
    'a.gif',
    Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
  ),
  one('a pickle called .txt', 'clean', 'a.bin', EMPTY_STATE),
  one('Markdown of Python 2', 'clean', 'notes.md', '`print "x"` was Python 2.\n'),
];

if (pickles.length > 0) table('Python’s own pickles', pickles);
else it('Python’s own pickles are clean', { skip: 'python3 is not there' });
table('ordinary configurations', configs);
table('ordinary templates', templates);
table('ordinary files', files);
