import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import {
  safetensorsFile,
  smallGif,
  smallJpeg,
  smallPdf,
  smallPng,
  smallSafetensors,
} from '../formats/samples.ts';
import { scanFile, scanRepo } from './scan.ts';

const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** A chat template of the kind that reasoning models ship: roles, tools, a namespace, a split. */
const CHAT_TEMPLATE = `{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}{%- for message in messages %}{%- if message['role'] == 'user' %}{{'<｜User｜>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is none %}{%- for tool in message['tool_calls'] %}{{'<｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name'] + '\\n' + '\`\`\`json' + '\\n' + tool['function']['arguments']}}{%- endfor %}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor %}{% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}{% endif %}`;

const TOKENIZER_CONFIG = json({
  add_bos_token: true,
  bos_token: { __type: 'AddedToken', content: '<｜begin▁of▁sentence｜>', special: true },
  clean_up_tokenization_spaces: false,
  model_max_length: 16384,
  tokenizer_class: 'LlamaTokenizerFast',
  chat_template: CHAT_TEMPLATE,
});

const TOKENIZER = json({
  version: '1.0',
  added_tokens: [{ id: 0, content: '<｜begin▁of▁sentence｜>', special: true }],
  model: { type: 'BPE', vocab: { a: 0, b: 1, '{%': 2, '{{': 3 }, merges: ['a b', '{ %'] },
});

const CARD = Buffer.from(
  '---\nlicense: mit\nlibrary_name: transformers\n---\n# A reasoning model\n\n<div align="center">\n  <img src="figures/logo.png">\n</div>\n\n## Introduction\n\nIt reasons, e.g. with `vllm serve`.\n\n```python\nimport os\nos.system("this is prose")\n```\n',
);

const CONFIGURATION = Buffer.from(`from transformers.configuration_utils import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)

PRETRAINED_CONFIG_ARCHIVE_MAP = {}


class ExampleV3Config(PretrainedConfig):
    r"""
    The configuration of the model.

    \`\`\`python
    >>> configuration = ExampleV3Config()
    \`\`\`"""

    model_type = "example_v3"
    keys_to_ignore_at_inference = ["past_key_values"]

    def __init__(self, vocab_size=129280, hidden_size=7168, rope_scaling=None, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        super().__init__(**kwargs)
`);

const MODELING = Buffer.from(`# coding=utf-8
# Licensed under the Apache License, Version 2.0
""" PyTorch model."""
import math
import warnings
from typing import List, Optional, Tuple, Union

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn
from transformers.activations import ACT2FN
from transformers.modeling_utils import PreTrainedModel
from transformers.pytorch_utils import ALL_LAYERNORM_LAYERS, is_torch_greater_or_equal_than_1_13
from transformers.utils import add_start_docstrings, is_flash_attn_2_available, logging
from transformers.utils.import_utils import is_torch_fx_available

from .configuration_example import ExampleV3Config

if is_flash_attn_2_available():
    from flash_attn import flash_attn_func, flash_attn_varlen_func

if is_torch_fx_available():
    if not is_torch_greater_or_equal_than_1_13:
        import torch.fx

    _prepare_4d_causal_attention_mask = torch.fx.wrap(warnings.warn)

logger = logging.get_logger(__name__)

_CONFIG_FOR_DOC = "ExampleV3Config"


class RMSNorm(nn.Module):
    def __init__(self, hidden_size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, hidden_states):
        variance = hidden_states.to(torch.float32).pow(2).mean(-1, keepdim=True)
        return self.weight * hidden_states * torch.rsqrt(variance + self.variance_epsilon)


ALL_LAYERNORM_LAYERS.append(RMSNorm)

ATTENTION_CLASSES = {"eager": RMSNorm}


@add_start_docstrings("The bare model", _CONFIG_FOR_DOC)
class ExampleV3Model(PreTrainedModel):
    def __init__(self, config: ExampleV3Config):
        super().__init__(config)
        if hasattr(config, "ep_size") and config.ep_size > 1:
            assert config.ep_size == dist.get_world_size()
        self.act = ACT2FN[config.hidden_act]
        self.attn = getattr(self, f"_{config.attn}", None)

    @torch.no_grad()
    def moe_infer(self, x: torch.Tensor, topk_ids) -> Tuple[torch.Tensor, Optional[List[int]]]:
        counts = topk_ids.new_zeros((topk_ids.shape[0], 8))
        self.eval()
        return F.softmax(x, dim=-1, dtype=np.float32) / math.sqrt(x.shape[-1]), counts[..., 0]
`);

const CONFIG = {
  architectures: ['ExampleV3ForCausalLM'],
  auto_map: {
    AutoConfig: 'configuration_example.ExampleV3Config',
    AutoModel: 'modeling_example.ExampleV3Model',
  },
  model_type: 'example_v3',
  quantization_config: { fmt: 'e4m3', quant_method: 'fp8' },
};

function shard(name: string): Buffer {
  return safetensorsFile(
    { [name]: { dtype: 'F8_E4M3', shape: [4, 4], data_offsets: [0, 16] } },
    Buffer.alloc(16, 5),
  );
}

const GIT_ATTRIBUTES = Buffer.from(
  '*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.bin filter=lfs diff=lfs merge=lfs -text\n',
);

const LICENSE = Buffer.from(
  'MIT License\n\nCopyright (c) 2023 Example\n\nPermission is hereby granted, free of charge.\n',
);

const SHARDS = 4;
const shardName = (at: number) => `model-0000${at}-of-0000${SHARDS}.safetensors`;

/** A sharded model that brings its own architecture. */
function withCode(): Map<string, Buffer> {
  const files = new Map<string, Buffer>([
    ['.gitattributes', GIT_ATTRIBUTES],
    ['LICENSE', LICENSE],
    ['README.md', CARD],
    ['config.json', json(CONFIG)],
    ['configuration_example.py', CONFIGURATION],
    ['modeling_example.py', MODELING],
    ['figures/benchmark.jpg', smallJpeg()],
    ['figures/logo.png', smallPng()],
    ['paper.pdf', smallPdf('1 0 obj << /Type /Catalog /OpenAction 3 0 R >> endobj')],
    ['generation_config.json', json({ do_sample: true, temperature: 0.6 })],
    ['tokenizer.json', TOKENIZER],
    ['tokenizer_config.json', TOKENIZER_CONFIG],
  ]);
  const weight_map: Record<string, string> = {};
  for (let at = 1; at <= SHARDS; at += 1) {
    files.set(shardName(at), shard(`layer.${at}`));
    weight_map[`layer.${at}`] = shardName(at);
  }
  files.set('model.safetensors.index.json', json({ metadata: { total_size: 64 }, weight_map }));
  return files;
}

/** A distilled model of a known architecture. */
function distilled(): Map<string, Buffer> {
  return new Map([
    ['.gitattributes', GIT_ATTRIBUTES],
    ['LICENSE', LICENSE],
    ['README.md', CARD],
    [
      'config.json',
      json({ architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', torch_dtype: 'bfloat16' }),
    ],
    ['figures/benchmark.jpg', smallJpeg()],
    ['generation_config.json', json({ do_sample: true })],
    ['model.safetensors', smallSafetensors()],
    ['tokenizer.json', TOKENIZER],
    ['tokenizer_config.json', TOKENIZER_CONFIG],
  ]);
}

function scan(files: ReadonlyMap<string, Uint8Array>) {
  const parsed = [...files].map(([path, bytes]) => ({ path, facts: parseBuffer(bytes) }));
  const verdicts = Object.fromEntries(parsed.map((file) => [file.path, scanFile(file).verdict]));
  return { ...scanRepo(parsed), verdicts, all: parsed.flatMap((file) => scanFile(file).findings) };
}

const rules = (found: { readonly findings: readonly { readonly rule: string }[] }) =>
  found.findings.map(({ rule }) => rule);

const notClean = (verdicts: Readonly<Record<string, string>>) =>
  Object.entries(verdicts).filter(([, verdict]) => verdict !== 'clean');

describe('a repo', () => {
  it('of a distilled model is clean and brings no code', () => {
    const found = scan(distilled());
    assert.deepEqual(notClean(found.verdicts), []);
    assert.deepEqual([found.remoteCode, found.remoteCodeFiles, found.findings], [false, [], []]);
    assert.equal(found.license, 'mit');
    assert.equal(found.templates[0]?.file, 'tokenizer_config.json');
  });

  it('of a model with its own architecture is clean and brings code', () => {
    const found = scan(withCode());
    assert.deepEqual(notClean(found.verdicts), [], JSON.stringify(found.all));
    assert.equal(found.remoteCode, true);
    assert.deepEqual(found.remoteCodeFiles, ['configuration_example.py', 'modeling_example.py']);
    assert.ok(found.all.some(({ rule }) => rule === 'remote-code/auto-map'));
  });

  it('without its code files brings no code, and says what that means', () => {
    const files = withCode();
    files.delete('configuration_example.py');
    files.delete('modeling_example.py');
    const found = scan(files);
    assert.equal(found.remoteCode, false);
    assert.deepEqual(rules(found), ['remote-code/absent']);
  });

  it('of diffusers that names a pipeline of its own without having it says so', () => {
    const files = distilled();
    files.set(
      'model_index.json',
      json({ _class_name: ['pipeline_own', 'OwnPipeline'], unet: ['diffusers', 'X'] }),
    );
    const found = scan(files);
    assert.equal(found.remoteCode, false);
    assert.deepEqual(rules(found), ['remote-code/absent']);
    files.set('model_index.json', json({ _class_name: ['diffusers', 'FluxPipeline'] }));
    assert.deepEqual(rules(scan(files)), []);
  });

  it('whose code comes from another repo always brings code, and leads there', () => {
    const files = distilled();
    files.set('config.json', json({ auto_map: { AutoModel: 'someone/other--modeling_x.Model' } }));
    const found = scan(files);
    assert.equal(found.remoteCode, true);
    assert.deepEqual(found.references, [
      { repo: 'someone/other', from: 'config.json', key: 'auto_map.AutoModel', role: 'code' },
    ]);
  });

  const codeKeys: readonly (readonly [what: string, config: unknown, remoteCode: boolean])[] = [
    ['a nested trust_remote_code', { a: [{ b: { trust_remote_code: true } }] }, true],
    ['trust_remote_code as text', { trust_remote_code: 'True' }, true],
    ['trust_remote_code that is off', { trust_remote_code: false }, false],
    ['a custom pipeline', { custom_pipelines: { x: { impl: 'x.X', pt: ['AutoModel'] } } }, true],
    ['a target of its own', { model: { _target_: 'my_package.Model' } }, true],
    ['a target of a known library', { model: { _target_: 'torch.nn.Linear' } }, false],
    ['an attention kernel from a repo', { _attn_implementation: 'kernels-community/flash-attn' }, true],
    ['an ordinary attention', { _attn_implementation: 'flash_attention_2' }, false],
    ['a module list of a tokenizer', { auto_map: { AutoTokenizer: ['someone/x--t.T', null] } }, true],
  ];
  for (const [what, config, remoteCode] of codeKeys) {
    it(`with ${what} ${remoteCode ? 'brings' : 'does not bring'} code`, () => {
      const files = distilled();
      files.set('config.json', json(config));
      assert.equal(scan(files).remoteCode, remoteCode);
    });
  }

  it('with a configuration that calls os.system is blocked', () => {
    const files = distilled();
    files.set('conf.json', json({ x: { _target_: 'os.system', command: 'id' } }));
    files.set('conf.yaml', Buffer.from('model:\n  _target_: subprocess.run\n  args: [id]\n'));
    const { verdicts } = scan(files);
    assert.deepEqual([verdicts['conf.json'], verdicts['conf.yaml']], ['blocked', 'blocked']);
  });

  it('with a missing, an extra or an outside shard says so', () => {
    const missing = withCode();
    missing.delete(shardName(2));
    assert.ok(rules(scan(missing)).includes('repo/missing-shard'));

    const extra = withCode();
    extra.set(shardName(9), shard('x'));
    assert.ok(rules(scan(extra)).includes('repo/extra-shard'));
    const sixDigits = withCode();
    sixDigits.set(`model-00009-of-00000${SHARDS}.safetensors`, shard('x'));
    assert.ok(rules(scan(sixDigits)).includes('repo/extra-shard'), 'as DeepSeek numbers them');

    const outside = withCode();
    outside.set('model.safetensors.index.json', json({ weight_map: { a: '../../etc/passwd' } }));
    const found = scan(outside).findings.find(({ rule }) => rule === 'repo/shard-path');
    assert.equal(found?.verdict, 'blocked');
  });

  it('with a second set of weights names it, and forgives an index whose shards were left out', () => {
    const files = distilled();
    files.set('pytorch_model.bin', Buffer.from('80024b012e', 'hex'));
    files.set(
      'pytorch_model.bin.index.json',
      json({ weight_map: { a: 'pytorch_model-00001-of-00001.bin' } }),
    );
    files.set('original/consolidated.00.pth', Buffer.from('80024b012e', 'hex'));
    const found = scan(files);
    assert.deepEqual(found.duplicateWeights, [
      'original/consolidated.00.pth',
      'pytorch_model.bin',
      'pytorch_model.bin.index.json',
    ]);
    const about = found.findings.filter(({ file }) => file === 'pytorch_model.bin.index.json');
    assert.deepEqual(
      about.map(({ rule, verdict }) => [rule, verdict]),
      [['repo/index-without-shards', 'clean']],
    );
  });

  const misnamed: readonly (readonly [path: string, bytes: Buffer])[] = [
    ['pytorch_model.bin', smallSafetensors()],
    ['model.pt', smallGif()],
    ['model.safetensors', json({ a: 1 })],
    ['model.gguf', smallSafetensors()],
    [
      'modeling_x.py',
      Buffer.from('this is not, really, Python: it is prose!\nand more (of) the same; yes?\n'),
    ],
    ['config.json', Buffer.from('{"a": 1,}\n')],
  ];
  for (const [path, bytes] of misnamed) {
    it(`in which ${path} holds something else is held`, () => {
      const found = scan(new Map([[path, bytes]])).findings;
      assert.deepEqual(
        found.filter(({ rule }) => rule === 'repo/name-and-content').map(({ verdict }) => verdict),
        ['inconclusive'],
      );
    });
  }

  it('may hold Python files with nothing in them', () => {
    const files = new Map([
      ['__init__.py', Buffer.alloc(0)],
      ['a/__init__.py', Buffer.from('# Copyright\n')],
      ['version.py', Buffer.from('__version__ = "1.0"\n')],
    ]);
    const found = scan(files);
    assert.ok(!rules(found).includes('repo/name-and-content'));
    assert.deepEqual(found.remoteCodeFiles, ['version.py']);
  });

  it('with a name that mixes scripts is held', () => {
    assert.ok(rules(scan(new Map([['c\u043enfig.json', json({})]]))).includes('repo/lookalike-name'));
  });
});
