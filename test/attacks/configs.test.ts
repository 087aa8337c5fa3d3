/** Configurations that lead to code, templates that escape their sandbox, secrets, pointers and names. */
import { type Answer, type Case, type CaseFile, one, table } from './case.ts';
import { EMPTY_STATE, SYSTEM, safetensors } from './containers.ts';

const config = (name: string, content: string, answer: Answer = 'held'): Case => ({
  name,
  answer,
  files: [
    { path: 'config.json', content },
    ...['modeling', 'm', 'c', 'tok'].map((module) => ({ path: `${module}.py`, content: '# nothing\n' })),
  ],
});
const many = (
  name: string,
  answer: Answer,
  ...files: readonly (readonly [string, string | Uint8Array])[]
): Case => ({
  name,
  answer,
  files: files.map(([path, content]): CaseFile => ({ path, content })),
});

/** Harmless pairs in front, as many as anybody keeps, and more. */
const hidden = (harmless: string, last: string): string => `${`${harmless}\n`.repeat(2000)}${last}\n`;

const CONFIGS: readonly Case[] = [
  one(
    'a tag behind thousands',
    'blocked',
    'a.yaml',
    hidden('k: !!python/tuple [1]', 'z: !!python/object/apply:os.system ["id"]'),
  ),
  one(
    'a target behind thousands',
    'blocked',
    'a.yaml',
    hidden('- _target_: torch.nn.Linear', '- _target_: os.system'),
  ),
  one(
    'a target behind thousands of different ones',
    'not clean',
    'a.yaml',
    `${Array.from({ length: 2000 }, (_, i) => `- _target_: torch.nn.Linear${i}`).join('\n')}\n- _target_: os.system\n`,
  ),
  one(
    'a Lambda layer in YAML',
    'not clean',
    'a.yaml',
    'config:\n  layers:\n  - class_name: Lambda\n    config: {}\n',
  ),
  config('auto_map', '{"auto_map":{"AutoModel":"modeling.X"}}'),
  config('auto_map to another repo', '{"auto_map":{"AutoModel":"evil/repo--modeling.X"}}'),
  config('auto_map at depth', '{"text_config":{"vision":[{"auto_map":{"AutoConfig":"c.C"}}]}}'),
  config('auto_map by escapes', '{"auto\\u005fmap":{"AutoModel":"modeling.X"}}'),
  config('auto_map by other escapes', '{"\\u0061\\u0075to_map":{"Auto\\u004dodel":"modeling.X"}}'),
  config('auto_map as a list', '{"auto_map":{"AutoTokenizer":["tok.T",null]}}'),
  config('auto_map as text', '{"auto_map":"modeling.X"}'),
  config('auto_map twice, the last wins', '{"auto_map":null,"auto_map":{"AutoModel":"m.X"}}'),
  config('auto_map twice, the first wins', '{"auto_map":{"AutoModel":"m.X"},"auto_map":null}'),
  config('trust_remote_code', '{"trust_remote_code":true}'),
  config('trust_remote_code as 1', '{"trust_remote_code":1}'),
  config('trust_remote_code as text', '{"trust_remote_code":"true"}'),
  config('trust_remote_code at depth', '{"backbone_config":{"kwargs":[{"trust_remote_code":true}]}}'),
  config('a Hydra target', '{"model":{"_target_":"os.system","_args_":["id"]}}', 'not clean'),
  config('a Hydra target by escape', '{"model":{"\\u005ftarget_":"subprocess.Popen"}}', 'not clean'),
  config('a custom pipeline', '{"custom_pipelines":{"x":{"impl":"pipe.X","pt":["AutoModel"]}}}'),
  config('attention from a repo', '{"_attn_implementation":"evil/kernel"}'),
  config('attention from a repo, internal key', '{"_attn_implementation_internal":"evil/kernel:attn"}'),
  config('attention of a part from a repo', '{"attn_implementation":{"text_config":"evil/kernel@main"}}'),
  config('experts from a repo', '{"experts_implementation":"evil/kernel"}'),
  config('a byte order mark', '\ufeff{"auto_map":{"AutoModel":"m.X"}}'),
  config('no JSON, but what Python reads', '{"x": NaN, "auto_map":{"AutoModel":"m.X"}}'),
  config('a comment', '{"model_type":"llama" /* "auto_map" */}', 'not clean'),
  config('two values', '{"model_type":"llama"}{"auto_map":{}}', 'not clean'),
  config('a raw control character', '{"model_type":"ll\x01ama"}', 'not clean'),
  config('a Python file', 'import os\nos.system("id")\n', 'not clean'),
  one('UTF-16', 'not clean', 'config.json', Buffer.from('{"auto_map":{"AutoModel":"m.X"}}', 'utf16le')),
  one('UTF-16 with its mark', 'not clean', 'config.json', Buffer.from('\ufeff{"auto_map":{}}', 'utf16le')),
  one('not UTF-8', 'not clean', 'config.json', Buffer.from('{"a":"\xff\xfe"}', 'latin1')),
  many(
    'tokenizer with code',
    'held',
    ['tokenizer_config.json', '{"auto_map":{"AutoTokenizer":["t.T",null]}}'],
    ['t.py', 'x = 1\n'],
  ),
  many(
    'processor with code',
    'held',
    ['preprocessor_config.json', '{"auto_map":{"AutoProcessor":"p.P"}}'],
    ['p.py', 'x = 1\n'],
  ),
  many(
    'modules of sentence-transformers',
    'held',
    ['modules.json', '[{"idx":0,"name":"0","path":"","type":"custom_st.Transformer"}]'],
    ['custom_st.py', 'x = 1\n'],
  ),
  one(
    'modules of another repo',
    'held',
    'modules.json',
    '[{"idx":0,"name":"0","path":"","type":"evil/repo--custom_st.Transformer"}]',
  ),
  many(
    'a diffusers pipeline of its own',
    'held',
    ['model_index.json', '{"_class_name":["pipeline","MyPipeline"],"unet":["my_unet","UNet"]}'],
    ['pipeline.py', 'x = 1\n'],
  ),
  many(
    'a diffusers component of its own',
    'held',
    ['model_index.json', '{"_class_name":"StableDiffusionPipeline","unet":["my_unet","UNet"]}'],
    ['my_unet.py', 'x = 1\n'],
  ),
  one(
    'a Keras Lambda',
    'not clean',
    'config.json',
    '{"class_name":"Sequential","config":{"layers":[{"class_name":"Lambda","config":{"function":["4wEAAAAAAAAAAAAA",null,null]}}]}}',
  ),
  many(
    'code in the name of JSON lines',
    'held',
    ['x.jsonl', '{"a":1}\n{"auto_map":{"AutoModel":"m.X"}}\n'],
    ['m.py', 'x = 1\n'],
  ),
  one(
    'a generate function of its own',
    'held',
    'custom_generate/generate.py',
    'def generate(model, **kwargs):\n    return model\n',
  ),
];

const jinja = (name: string, template: string): readonly Case[] => [
  one(name, 'not clean', 'chat_template.jinja', template),
  one(`${name}, in JSON`, 'not clean', 'tokenizer_config.json', JSON.stringify({ chat_template: template })),
];

const TEMPLATES: readonly Case[] = [
  one(
    'a template in YAML',
    'not clean',
    'Llama.yaml',
    'chat_template: "{{ cycler.__init__.__globals__ }}"\n',
  ),
  ...jinja('subclasses', "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
  ...jinja('cycler', '{{ cycler.__init__.__globals__.os.popen("id").read() }}'),
  ...jinja('joiner', '{{ joiner.__init__.__globals__ }}'),
  ...jinja('namespace', '{{ namespace.__init__.__globals__.os }}'),
  ...jinja('lipsum', '{{ lipsum.__globals__["os"].popen("id").read() }}'),
  ...jinja('self', '{{ self._TemplateReference__context.cycler.__init__ }}'),
  ...jinja('attr', "{{ ''|attr('__class__') }}"),
  ...jinja('attr of a sum', "{{ ''|attr('__cl' ~ 'ass__') }}"),
  ...jinja('attr of a variable', "{% set x = '__' ~ 'class' ~ '__' %}{{ messages|attr(x) }}"),
  ...jinja('attr of a message', '{{ messages|attr(messages[0].content) }}'),
  ...jinja('attr by filter block', '{% filter attr("upper") %}x{% endfilter %}'),
  ...jinja('index', "{{ ''['__class__'] }}"),
  ...jinja('index of a sum', "{{ ''['__cla' + 'ss__'] }}"),
  ...jinja('escapes', "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}"),
  ...jinja('unicode escapes', "{{ ''['\\u005f\\u005fclass\\u005f\\u005f'] }}"),
  ...jinja('reversed text', "{{ ''['__ssalc__'[::-1]] }}"),
  ...jinja('lower case', "{{ ''['__CLASS__'|lower] }}"),
  ...jinja('replace', "{{ ''['xxclassxx'|replace('x', '_')] }}"),
  ...jinja('join', "{{ ''[['__cl', 'ass__']|join] }}"),
  ...jinja('format by per cent', "{{ ''['%c%cclass%c%c'|format(95, 95, 95, 95)] }}"),
  ...jinja('format of text', "{{ '{0.__class__}'.format(messages) }}"),
  ...jinja('format_map', "{{ '{m.__class__}'.format_map({'m': messages}) }}"),
  ...jinja('map attribute', "{{ messages|map(attribute='__class__')|list }}"),
  ...jinja('map attr', "{{ messages|map('attr', '__class__')|list }}"),
  ...jinja('sort attribute', "{{ messages|sort(attribute='__class__') }}"),
  ...jinja('groupby', "{{ messages|groupby('__class__') }}"),
  ...jinja('selectattr', "{{ messages|selectattr('content.__class__') }}"),
  ...jinja('sum attribute', "{{ messages|sum(attribute='__class__') }}"),
  ...jinja('include', "{% include '/etc/passwd' %}"),
  ...jinja('import', "{% import 'os' as os %}"),
  ...jinja('from import', "{% from 'x' import y %}"),
  ...jinja('extends', "{% extends 'base' %}"),
  ...jinja('a macro that reaches its globals', '{% macro m() %}{% endmacro %}{{ m.__globals__ }}'),
  ...jinja('caller', '{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{% call m() %}{% endcall %}'),
  ...jinja('a function of the caller', '{{ raise_exception.__globals__ }}'),
  ...jinja('the loop', '{{ loop.__init__ }}'),
  ...jinja('generator frames', '{{ (messages|map("upper")).gi_frame.f_back.f_globals }}'),
  ...jinja('a huge range', '{% for i in range(10**9) %}{% for j in range(10**9) %}x{% endfor %}{% endfor %}'),
  ...jinja('a huge text', "{{ 'a' * 10**9 }}"),
  ...jinja('an unknown tag', "{% evil 'x' %}"),
  ...jinja('an open block', '{% if true %}'),
  ...jinja('set of a namespace that is a module', '{% set ns = cycler.__init__.__globals__ %}{{ ns }}'),
  ...jinja('behind whitespace control', "{%- set c = ''.__class__ -%}"),
  ...jinja('in a test', "{{ 1 if ''.__class__ is defined else 2 }}"),
  ...jinja('in a slice', "{{ messages[''.__class__:] }}"),
  ...jinja('in a default argument', "{% macro m(a=''.__class__) %}{% endmacro %}"),
  ...jinja('in a loop filter', '{% for m in messages if m.__class__ %}{% endfor %}'),
  ...jinja('adjacent texts', "{{ ''['__cl' 'ass__'] }}"),
  ...jinja('octal escapes', "{{ ''['\\137\\137class\\137\\137'] }}"),
  ...jinja('named escapes', "{{ ''['\\N{LOW LINE}_class__'] }}"),
  ...jinja('parts in variables', "{% set u = '_' %}{% set n = u ~ u ~ 'class' ~ u ~ u %}{{ messages[n] }}"),
  ...jinja('parts times two', "{% set n = '_' * 2 ~ 'class' ~ '_' * 2 %}{{ messages[n] }}"),
  ...jinja('a name from a block', "{% set n %}{{ '_' }}_class_{{ '_' }}{% endset %}{{ messages[n] }}"),
  ...jinja(
    'a name from a slice',
    "{% set n = 'x_y'[1] %}{% set m = n ~ n ~ 'class' ~ '_' ~ '_' %}{{ messages[m] }}",
  ),
  ...jinja('a name from keywords', '{{ messages[dict(__class__=1)|list|first] }}'),
  ...jinja('a name in prose', 'Hello {{ cycler.__init__ }} and so on'),
  one(
    'a template that is Python too',
    'not clean',
    'chat_template.jinja',
    '{{ __import__("os").system("id") }}',
  ),
  one('Python that is a template too', 'not clean', 'm.py', '{{ __import__("os").system("id") }}'),
  one('a template in Python', 'not clean', 'chat_template.jinja', "x = 1\n{{ ''|attr('__class__') }}\nf()\n"),
  one(
    'a list of templates',
    'not clean',
    'tokenizer_config.json',
    '{"chat_template":[{"name":"default","template":"{{ messages }}"},{"name":"rag","template":"{{ cycler.__init__ }}"}]}',
  ),
  one(
    'a template by escapes',
    'not clean',
    'tokenizer_config.json',
    '{"chat\\u005ftemplate":"{{ cycler\\u002e\\u005f\\u005finit__ }}"}',
  ),
  one(
    'a template of a processor',
    'not clean',
    'processor_config.json',
    '{"chat_template":"{{ cycler.__init__ }}"}',
  ),
  one('chat_template.json', 'not clean', 'chat_template.json', '{"chat_template":"{{ cycler.__init__ }}"}'),
  one(
    'a template at depth',
    'not clean',
    'config.json',
    '{"a":{"chat_template":{"default":"{{ cycler.__init__ }}"}}}',
  ),
  one('an additional template', 'not clean', 'additional_chat_templates/rag.jinja', '{{ cycler.__init__ }}'),
  one(
    'the second of two templates of one key',
    'not clean',
    'tokenizer_config.json',
    '{"chat_template":"{{ messages }}","chat_template":"{{ cycler.__init__ }}"}',
  ),
];

/** Parts, so that no secret stands in this file. */
const secret = (...parts: readonly string[]): string => parts.join('');
const AWS = secret('AKIA', 'IOSFODNN7', 'Q4XWZTP');
const AWS_KEY = secret('aws_secret_access_key = ', 'wJalrXUtnFEMI/K7MDENG', '/bPxRfiCYzQ4XWZTPKE');
const GITHUB = secret('ghp_', 'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx');
const HF = secret('hf_', 'QbWxTrYpLkJhGfDsAzXcVbNmQwErTyUiOp');
const SLACK = secret('xoxb-', '263594206564-2343594206574-', 'FGqddMF8t08v8N7Oq4i57vs1');
const PEM = secret(
  '-----BEGIN RSA PRIVATE',
  ' KEY-----\n',
  `${'MIIEpAIBAAKCAQEA7bq3'.repeat(20)}\n`,
  '-----END RSA PRIVATE',
  ' KEY-----\n',
);

const POINTER = (size: string, extra = ''): string =>
  `version https://git-lfs.github.com/spec/v1\n${extra}oid sha256:${'4d7a'.repeat(16)}\nsize ${size}\n`;

const REPOS: readonly Case[] = [
  one('an AWS key in a README', 'not clean', 'README.md', `# Model\n\n    ${AWS}\n    ${AWS_KEY}\n`),
  one(
    'a GitHub token in a configuration',
    'not clean',
    'config.json',
    `{"model_type":"llama","token":"${GITHUB}"}`,
  ),
  one('a Hub token in a README', 'not clean', 'README.md', `Use \`HF_TOKEN=${HF}\`.\n`),
  one('a Hub token in Python', 'not clean', 'train.py', `TOKEN = "${HF}"\n`),
  one('a Slack token in YAML', 'not clean', 'a.yaml', `token: ${SLACK}\n`),
  one('a private key', 'not clean', 'id_rsa', PEM),
  one('a private key by escapes in JSON', 'not clean', 'key.json', JSON.stringify({ key: PEM })),
  one(
    'a token in the metadata of safetensors',
    'not clean',
    'm.safetensors',
    safetensors({ __metadata__: { token: GITHUB } }),
  ),
  one('a pointer for weights', 'not clean', 'model.safetensors', POINTER('4242')),
  one('a pointer for a configuration', 'not clean', 'config.json', POINTER('42')),
  one(
    'a pointer with an extension',
    'not clean',
    'model.bin',
    POINTER('42', `ext-0-x sha256:${'a'.repeat(64)}\n`),
  ),
  one('a pointer of a negative size', 'not clean', 'model.bin', POINTER('-1')),
  one('a pickle called safetensors', 'blocked', 'model.safetensors', SYSTEM),
  one('a harmless pickle called safetensors', 'not clean', 'model.safetensors', EMPTY_STATE),
  one('a pickle called config.json', 'blocked', 'config.json', SYSTEM),
  one('a pickle called tokenizer.model', 'blocked', 'tokenizer.model', SYSTEM),
  one('a pickle called .gguf', 'blocked', 'model.gguf', SYSTEM),
  one('a name that reads backwards', 'not clean', 'model\u202esrotnesafes.bin', EMPTY_STATE),
  one('a name of invisible letters', 'not clean', 'con\u200bfig.json', '{}'),
  one('a name of Cyrillic letters', 'not clean', 'm\u043edel.safetensors', safetensors({})),
  many('two names of one case', 'not clean', ['config.json', '{}'], ['Config.json', '{}']),
  many('two names of one form', 'not clean', ['caf\u00e9.json', '{}'], ['cafe\u0301.json', '{}']),
  many('an index that leads out', 'not clean', [
    'model.safetensors.index.json',
    '{"metadata":{},"weight_map":{"a":"../../x.safetensors"}}',
  ]),
  many('an index to an absolute path', 'not clean', [
    'model.safetensors.index.json',
    '{"metadata":{},"weight_map":{"a":"/etc/x.safetensors"}}',
  ]),
  many('an index to a missing shard', 'not clean', [
    'model.safetensors.index.json',
    '{"metadata":{},"weight_map":{"a":"model-00001-of-00001.safetensors"}}',
  ]),
];

table('configurations that lead to code', CONFIGS);
table('templates that escape', TEMPLATES);
table('secrets, pointers, names and shards', REPOS);
