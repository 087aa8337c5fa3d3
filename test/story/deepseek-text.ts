/** A chat template and a tokenizer of the shape that DeepSeek-R1 and its distills have. */

/** State in a namespace, turns by role, tool calls, and the reasoning before `</think>` cut away. */
export const CHAT_TEMPLATE = `{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}
{%- set ns = namespace(first=true, tool=false, system='') -%}
{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system = message['content'] %}{%- endif %}{%- endfor -%}
{{- bos_token }}{{ ns.system -}}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}
{%- set ns.tool = false -%}{{- '<｜User｜>' + message['content'] -}}
{%- elif message['role'] == 'assistant' and message['content'] is none -%}
{%- for call in message['tool_calls'] -%}
{%- if ns.first -%}{{- '<｜Assistant｜><｜tool▁calls▁begin｜>' -}}{%- set ns.first = false -%}{%- endif -%}
{{- '<｜tool▁call▁begin｜>' + call['type'] + '<｜tool▁sep｜>' + call['function']['name'] + '\\n' + call['function']['arguments'] + '<｜tool▁call▁end｜>' -}}
{%- endfor -%}
{{- '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' -}}
{%- elif message['role'] == 'assistant' -%}
{%- set content = message['content'] -%}
{%- if '</think>' in content -%}{%- set content = content.split('</think>')[-1] -%}{%- endif -%}
{{- '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' -}}
{%- elif message['role'] == 'tool' -%}
{%- set ns.tool = true -%}{{- '<｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt and not ns.tool -%}{{- '<｜Assistant｜><think>\\n' -}}{%- endif -%}`;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Byte-pair encoding with a vocabulary of that many pieces, and as many merges: several megabytes of JSON. */
export function tokenizerJson(vocabulary: number): string {
  const vocab: Record<string, number> = {};
  const merges: string[] = [];
  for (let id = 0; id < vocabulary; id++) {
    const piece = pieceOf(id);
    vocab[piece] = id;
    if (piece.length > 1) merges.push(`${piece.slice(0, -1)} ${piece.slice(-1)}`);
  }
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return JSON.stringify(
    {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: ['<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<｜User｜>', '<｜Assistant｜>'].map(
        (content, at) => ({ id: vocabulary + at, content, ...special }),
      ),
      normalizer: { type: 'Sequence', normalizers: [] },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: '[\\\\r\\\\n]' }, behavior: 'Isolated', invert: false },
          { type: 'Split', pattern: { Regex: '\\\\s?\\\\p{L}+' }, behavior: 'Isolated', invert: false },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        fuse_unk: false,
        byte_fallback: false,
        vocab,
        merges,
      },
    },
    null,
    2,
  );
}

/** The number in letters, with the mark of a leading space on every other piece. */
function pieceOf(id: number): string {
  let text = '';
  for (let rest = id; rest > 0 || text === ''; rest = Math.floor(rest / LETTERS.length))
    text = (LETTERS[rest % LETTERS.length] ?? '') + text;
  return id % 2 === 0 ? text : `Ġ${text}`;
}
