/**
 * Python of the shape that DeepSeek-R1 brings: a configuration class, and a model of attention, rotary embedding
 * and experts, with the imports, the optional flash attention and the logging that such modules have.
 */

export const CONFIGURATION_PY = `from transformers.configuration_utils import PretrainedConfig
from transformers.utils import logging

logger = logging.get_logger(__name__)

PRETRAINED_CONFIG_ARCHIVE_MAP = {}


class DeepseekV3Config(PretrainedConfig):
    r"""Holds the dimensions of the model; the defaults are those of the smallest one.

    Args:
        vocab_size (\`int\`, *optional*, defaults to 129280): number of tokens.
        hidden_size (\`int\`, *optional*, defaults to 7168): width of the residual stream.
    """

    model_type = "deepseek_v3"
    keys_to_ignore_at_inference = ["past_key_values"]

    def __init__(
        self,
        vocab_size=129280,
        hidden_size=7168,
        num_hidden_layers=61,
        num_attention_heads=128,
        n_routed_experts=256,
        num_experts_per_tok=8,
        q_lora_rank=1536,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        v_head_dim=128,
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        rope_scaling=None,
        tie_word_embeddings=False,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.n_routed_experts = n_routed_experts
        self.num_experts_per_tok = num_experts_per_tok
        self.q_lora_rank = q_lora_rank
        self.kv_lora_rank = kv_lora_rank
        self.qk_rope_head_dim = qk_rope_head_dim
        self.v_head_dim = v_head_dim
        self.rms_norm_eps = rms_norm_eps
        self.rope_theta = rope_theta
        self.rope_scaling = rope_scaling
        super().__init__(tie_word_embeddings=tie_word_embeddings, **kwargs)
`;

export const MODELING_PY = `"""A decoder of attention with compressed keys and values, and of routed experts."""
import math
import warnings
from typing import List, Optional, Tuple, Union

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn
from torch.nn import CrossEntropyLoss

from transformers.activations import ACT2FN
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_attn_mask_utils import _prepare_4d_causal_attention_mask
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import PreTrainedModel
from transformers.pytorch_utils import ALL_LAYERNORM_LAYERS, is_torch_greater_or_equal_than_1_13
from transformers.utils import (
    add_start_docstrings,
    is_flash_attn_2_available,
    is_flash_attn_greater_or_equal_2_10,
    logging,
)
from transformers.utils.import_utils import is_torch_fx_available

from .configuration_deepseek import DeepseekV3Config

if is_flash_attn_2_available():
    from flash_attn import flash_attn_func, flash_attn_varlen_func
    from flash_attn.bert_padding import index_first_axis, pad_input, unpad_input  # noqa

if is_torch_fx_available():
    if not is_torch_greater_or_equal_than_1_13:
        import torch.fx

    _prepare_4d_causal_attention_mask = torch.fx.wrap(_prepare_4d_causal_attention_mask)

logger = logging.get_logger(__name__)

_CONFIG_FOR_DOC = "DeepseekV3Config"


class DeepseekV3RMSNorm(nn.Module):
    def __init__(self, hidden_size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, states):
        wide = states.to(torch.float32)
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * wide.to(states.dtype)


ALL_LAYERNORM_LAYERS.append(DeepseekV3RMSNorm)


class DeepseekV3RotaryEmbedding(nn.Module):
    def __init__(self, dim, max_position_embeddings=2048, base=10000, device=None):
        super().__init__()
        self.dim = dim
        self.base = base
        steps = torch.arange(0, dim, 2).float().to(device) / dim
        self.register_buffer("inv_freq", 1.0 / (base**steps), persistent=False)
        self.max_seq_len_cached = None
        self._fill(max_position_embeddings, self.inv_freq.device, torch.get_default_dtype())

    def _fill(self, length, device, dtype):
        self.max_seq_len_cached = length
        angles = torch.outer(torch.arange(length, device=device, dtype=self.inv_freq.dtype), self.inv_freq)
        both = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos_cached", both.cos().to(dtype), persistent=False)
        self.register_buffer("sin_cached", both.sin().to(dtype), persistent=False)

    def forward(self, x, seq_len=None):
        if self.max_seq_len_cached is None or seq_len > self.max_seq_len_cached:
            self._fill(seq_len, x.device, x.dtype)
        return self.cos_cached[:seq_len].to(x.dtype), self.sin_cached[:seq_len].to(x.dtype)


def yarn_scale(scale=1.0, mscale=1.0):
    return 1.0 if scale <= 1 else 0.1 * mscale * math.log(scale) + 1.0


def rotate_half(x):
    """Turns the last dimension by a quarter."""
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def apply_rotary_pos_emb(q, k, cos, sin, position_ids, unsqueeze_dim=1):
    cos = cos[position_ids].unsqueeze(unsqueeze_dim)
    sin = sin[position_ids].unsqueeze(unsqueeze_dim)
    return (q * cos) + (rotate_half(q) * sin), (k * cos) + (rotate_half(k) * sin)


class DeepseekV3MLP(nn.Module):
    def __init__(self, config, hidden_size=None, intermediate_size=None):
        super().__init__()
        width = hidden_size or config.hidden_size
        inner = intermediate_size or config.intermediate_size
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)
        self.act_fn = ACT2FN[config.hidden_act]

    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class MoEGate(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.weight = nn.Parameter(torch.empty((config.n_routed_experts, config.hidden_size)))
        self.e_score_correction_bias = nn.Parameter(torch.empty((config.n_routed_experts)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        import torch.nn.init as init

        init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(self, states):
        scores = F.linear(states.flatten(0, 1).float(), self.weight.float(), None).sigmoid()
        chosen = torch.topk(scores + self.e_score_correction_bias, k=self.top_k, dim=-1, sorted=False)[1]
        return chosen, scores.gather(1, chosen)


class DeepseekV3MoE(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ep_size = config.ep_size if hasattr(config, "ep_size") and config.ep_size > 1 else 1
        self.ep_rank = dist.get_rank() if self.ep_size > 1 else 0
        self.experts = nn.ModuleList(
            [DeepseekV3MLP(config, intermediate_size=config.moe_intermediate_size) for _ in range(config.n_routed_experts)]
        )
        self.gate = MoEGate(config)

    @torch.no_grad()
    def moe_infer(self, x, chosen, weights):
        counts = np.bincount(chosen.view(-1).cpu().numpy(), minlength=len(self.experts))
        if self.ep_size > 1:
            gathered = chosen.new_zeros(chosen.shape[0])
            dist.all_to_all_single(gathered, chosen)
        order = chosen.view(-1).argsort()
        outputs, begin = [], 0
        for i, count in enumerate(counts):
            if count:
                outputs.append(self.experts[i](x[order[begin : begin + count] // chosen.shape[1]]))
            begin += count
        return torch.cat(outputs, dim=0) * weights.view(-1, 1)

    def forward(self, states):
        chosen, weights = self.gate(states)
        return states + self.moe_infer(states.view(-1, states.shape[-1]), chosen, weights).view(*states.shape)


class DeepseekV3Attention(nn.Module):
    """Attention whose keys and values are kept compressed."""

    def __init__(self, config: DeepseekV3Config, layer_idx: Optional[int] = None):
        super().__init__()
        if layer_idx is None:
            logger.warning_once(f"{self.__class__.__name__} without layer_idx keeps no cache.")
        self.layer_idx = layer_idx
        self.q_a_proj = nn.Linear(config.hidden_size, config.q_lora_rank, bias=config.attention_bias)
        self.q_a_layernorm = DeepseekV3RMSNorm(config.q_lora_rank)
        self.kv_a_proj_with_mqa = nn.Linear(config.hidden_size, config.kv_lora_rank + config.qk_rope_head_dim)
        self.rotary_emb = DeepseekV3RotaryEmbedding(config.qk_rope_head_dim, base=config.rope_theta)
        self.softmax_scale = config.qk_rope_head_dim ** (-0.5) * yarn_scale() ** 2

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: Optional[torch.Tensor] = None,
        position_ids: Optional[torch.LongTensor] = None,
        past_key_value: Optional[Cache] = None,
        **kwargs,
    ) -> Tuple[torch.Tensor, Optional[Cache]]:
        if "padding_mask" in kwargs:
            warnings.warn("padding_mask is not used any more: pass attention_mask.")
        q = self.q_a_layernorm(self.q_a_proj(hidden_states))
        k = self.kv_a_proj_with_mqa(hidden_states)
        cos, sin = self.rotary_emb(k, seq_len=k.shape[-2])
        q, k = apply_rotary_pos_emb(q, k, cos, sin, position_ids)
        if past_key_value is not None:
            k, _ = past_key_value.update(k, k, self.layer_idx, {"sin": sin, "cos": cos})
        weights = torch.matmul(q, k.transpose(2, 3)) * self.softmax_scale
        if attention_mask is not None:
            weights = weights + attention_mask
        weights = F.softmax(weights, dim=-1, dtype=torch.float32).to(q.dtype)
        return torch.matmul(F.dropout(weights, p=0.0, training=self.training), k), past_key_value


class DeepseekV3FlashAttention2(DeepseekV3Attention):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._uses_top_left_mask = not is_flash_attn_greater_or_equal_2_10()

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        q = self.q_a_layernorm(self.q_a_proj(hidden_states))
        if attention_mask is None:
            return flash_attn_func(q, q, q, 0.0, softmax_scale=self.softmax_scale, causal=True), None
        flat, indices, lengths, longest = unpad_input(q, attention_mask)[:4]
        out = flash_attn_varlen_func(flat, flat, flat, lengths, lengths, longest, longest, causal=True)
        return pad_input(out, indices, q.shape[0], q.shape[1]), None


ATTENTION_CLASSES = {"eager": DeepseekV3Attention, "flash_attention_2": DeepseekV3FlashAttention2}


class DeepseekV3DecoderLayer(nn.Module):
    def __init__(self, config: DeepseekV3Config, layer_idx: int):
        super().__init__()
        self.self_attn = ATTENTION_CLASSES[config._attn_implementation](config=config, layer_idx=layer_idx)
        sparse = config.n_routed_experts is not None and layer_idx >= config.first_k_dense_replace
        self.mlp = DeepseekV3MoE(config) if sparse else DeepseekV3MLP(config)
        self.input_layernorm = DeepseekV3RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self, hidden_states: torch.Tensor, **kwargs) -> Tuple[torch.FloatTensor, ...]:
        attended, cache = self.self_attn(self.input_layernorm(hidden_states), **kwargs)
        hidden_states = hidden_states + attended
        return hidden_states + self.mlp(hidden_states), cache


@add_start_docstrings("The bare model, without a head.")
class DeepseekV3PreTrainedModel(PreTrainedModel):
    config_class = DeepseekV3Config
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["DeepseekV3DecoderLayer"]
    _supports_flash_attn_2 = True

    def _init_weights(self, module):
        std = self.config.initializer_range
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(mean=0.0, std=std)


class DeepseekV3Model(DeepseekV3PreTrainedModel):
    def __init__(self, config: DeepseekV3Config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList([DeepseekV3DecoderLayer(config, i) for i in range(config.num_hidden_layers)])
        self.norm = DeepseekV3RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_init()

    def forward(
        self,
        input_ids: torch.LongTensor = None,
        attention_mask: Optional[torch.Tensor] = None,
        past_key_values: Optional[List[torch.FloatTensor]] = None,
        use_cache: Optional[bool] = None,
    ) -> Union[Tuple, BaseModelOutputWithPast]:
        if input_ids is None:
            raise ValueError("input_ids must be given")
        cache = DynamicCache.from_legacy_cache(past_key_values) if use_cache else None
        states = self.embed_tokens(input_ids)
        mask = _prepare_4d_causal_attention_mask(attention_mask, input_ids.shape, states, 0)
        for layer in self.layers:
            states, cache = layer(states, attention_mask=mask, past_key_value=cache)
        return BaseModelOutputWithPast(last_hidden_state=self.norm(states), past_key_values=cache)


class DeepseekV3ForCausalLM(DeepseekV3PreTrainedModel):
    _tied_weights_keys = ["lm_head.weight"]

    def __init__(self, config):
        super().__init__(config)
        self.model = DeepseekV3Model(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids=None, labels: Optional[torch.LongTensor] = None, **kwargs):
        outputs = self.model(input_ids=input_ids, **kwargs)
        logits = self.lm_head(outputs[0]).float()
        loss = None
        if labels is not None:
            loss = CrossEntropyLoss()(logits[..., :-1, :].reshape(-1, logits.shape[-1]), labels[..., 1:].reshape(-1))
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=outputs.past_key_values)

    @staticmethod
    def _reorder_cache(past_key_values, beam_idx):
        return tuple(tuple(past.index_select(0, beam_idx.to(past.device)) for past in layer) for layer in past_key_values)
`;
