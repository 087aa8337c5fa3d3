/** The bombs, and the process that reads one: started with the name of a bomb, it sends back what it cost. */
import { deflateRawSync } from 'node:zlib';
import { bytes, proto, raw, short, u32, u64 } from '../pickles.ts';
import { zip } from '../zips.ts';
import { FORMAT_BOMBS } from './bombs-formats.ts';
import { judge } from './case.ts';
import { field, gguf, npy, onnx, onnxNode, png, pngChunk, safetensors, torchZip } from './containers.ts';

export interface Bomb {
  readonly name: string;
  readonly path: string;
  readonly make: () => Uint8Array | string;
  /** Only the cost counts: the content may be clean. */
  readonly clean?: true;
}

export interface BombReport {
  readonly verdict: string;
  readonly cpuMs: number;
  readonly bytes: number;
}

const MILLION = 1_000_000;

/** Nested lists that double at every step by the memo. */
const doubling = (): Buffer =>
  bytes(
    proto(4),
    ...Array.from({ length: 60 }, (_, i) =>
      bytes('](', ...(i ? ['h', i - 1, 'h', i - 1] : ['NN']), 'e', 'q', i),
    ),
    '.',
  );

const nestedZip = (depth: number): Buffer =>
  depth === 0 ? Buffer.from('x') : zip([{ name: 'a', data: nestedZip(depth - 1), deflate: true }]);

const nestedField = (depth: number): Buffer => {
  let inner = onnxNode('Relu');
  for (let i = 0; i < depth; i++)
    inner = field(1, bytes(field(4, 'If'), field(5, bytes(field(1, 'b'), field(6, inner)))));
  return inner;
};

export const BOMBS: readonly Bomb[] = [
  ...FORMAT_BOMBS,
  { name: 'JSON of a million brackets', path: 'config.json', make: () => '['.repeat(MILLION) },
  {
    name: 'JSON of a million closed brackets',
    path: 'config.json',
    make: () => `${'['.repeat(MILLION)}${']'.repeat(MILLION)}`,
  },
  {
    name: 'JSON of a million objects',
    path: 'config.json',
    make: () => `${'{"a":'.repeat(MILLION)}1${'}'.repeat(MILLION)}`,
  },
  {
    name: 'JSON of a million keys',
    path: 'config.json',
    clean: true,
    make: () => `{${Array.from({ length: MILLION }, (_, i) => `"k${i}":1`).join(',')}}`,
  },
  {
    name: 'JSON with a number of five million digits',
    path: 'config.json',
    clean: true,
    make: () => `{"a":${'9'.repeat(5 * MILLION)}}`,
  },
  {
    name: 'JSON with a text of escapes',
    path: 'config.json',
    clean: true,
    make: () => `{"a":"${'\\u0041'.repeat(MILLION)}"}`,
  },
  { name: 'pickle of a million MARKs', path: 'a.pkl', make: () => bytes(proto(4), '('.repeat(MILLION)) },
  {
    name: 'pickle of a million nested tuples',
    path: 'a.pkl',
    make: () => bytes(proto(4), ')', '\x85'.repeat(MILLION), '.'),
    clean: true,
  },
  {
    name: 'pickle of a million nested lists',
    path: 'a.pkl',
    make: () => bytes(proto(4), ']'.repeat(MILLION), 'a'.repeat(MILLION - 1), '.'),
    clean: true,
  },
  { name: 'pickle that doubles by its memo', path: 'a.pkl', make: doubling, clean: true },
  {
    name: 'pickle that doubles tuples by DUP',
    path: 'a.pkl',
    make: () => bytes(proto(4), ')', '2\x86'.repeat(100_000), '.'),
    clean: true,
  },
  {
    name: 'pickle with an integer of two million digits',
    path: 'a.pkl',
    clean: true,
    make: () => bytes('L', '9'.repeat(2 * MILLION), 'L\n.'),
  },
  {
    name: 'pickle with LONG4 of a megabyte',
    path: 'a.pkl',
    make: () => bytes(proto(2), 0x8b, u32(MILLION), Buffer.alloc(MILLION, 1), '.'),
    clean: true,
  },
  {
    name: 'pickle of a million memo entries',
    path: 'a.pkl',
    make: () => bytes(proto(4), 'N', '\x94'.repeat(2 * MILLION), '.'),
    clean: true,
  },
  {
    name: 'pickle with huge memo numbers',
    path: 'a.pkl',
    make: () =>
      bytes(proto(4), 'N', ...Array.from({ length: 50_000 }, (_, i) => bytes('r', u32(0xffffffff - i))), '.'),
    clean: true,
  },
  {
    name: 'pickle of a million calls',
    path: 'a.pkl',
    make: () =>
      bytes(
        proto(4),
        short('posix'),
        short('system'),
        0x93,
        ...Array.from({ length: 1 }, () => '2)R0'.repeat(MILLION)),
        '.',
      ),
  },
  {
    name: 'pickle of a hundred thousand globals',
    path: 'a.pkl',
    make: () => bytes(Array.from({ length: 100_000 }, (_, i) => `cm${i}\nx\n0`).join(''), 'N.'),
  },
  {
    name: 'pickles in pickles',
    path: 'a.pkl',
    make: () => {
      let inner = bytes(proto(4), 'N.');
      for (let i = 0; i < 500; i++)
        inner = bytes(
          proto(4),
          short('torch.storage'),
          short('_load_from_bytes'),
          0x93,
          raw(inner),
          0x85,
          'R.',
        );
      return inner;
    },
  },
  { name: 'a hundred thousand pickles', path: 'a.pkl', make: () => bytes('N.'.repeat(100_000)) },
  {
    name: 'pickle with an escaped text of four megabytes',
    path: 'a.pkl',
    make: () => bytes('V', '\\u0041'.repeat(700_000), '\n.'),
    clean: true,
  },
  {
    name: 'zip of 200 MiB of zeros',
    path: 'm.pt',
    make: () => zip([{ name: 'archive/data.pkl', data: Buffer.alloc(200 * 2 ** 20), deflate: true }]),
  },
  { name: 'zip of zips of zips', path: 'm.zip', make: () => nestedZip(40) },
  {
    name: 'zip of many bombs',
    path: 'm.zip',
    make: () => {
      const data = Buffer.alloc(8 * 2 ** 20);
      return zip(Array.from({ length: 100 }, (_, i) => ({ name: `b${i}`, data, deflate: true })));
    },
  },
  {
    name: 'zip of sixty thousand members',
    path: 'm.zip',
    make: () => zip(Array.from({ length: 60_000 }, (_, i) => ({ name: `f${i}`, data: Buffer.from('x') }))),
    clean: true,
  },
  {
    name: 'deflated data without end',
    path: 'm.pt',
    make: () => torchZip(deflateRawSync(Buffer.alloc(1 << 20))),
  },
  {
    name: 'safetensors with a header of 60 MB of blanks',
    path: 'm.safetensors',
    make: () => safetensors(`{}${' '.repeat(60 * MILLION)}`),
    clean: true,
  },
  {
    name: 'safetensors of 300,000 tensors',
    path: 'm.safetensors',
    make: () =>
      safetensors(
        `{${Array.from({ length: 300_000 }, (_, i) => `"t${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join(',')}}`,
      ),
    clean: true,
  },
  {
    name: 'safetensors with a deep header',
    path: 'm.safetensors',
    make: () => safetensors(`{"a":${'['.repeat(MILLION)}`),
  },
  {
    name: 'safetensors with a shape of a million',
    path: 'm.safetensors',
    make: () => safetensors(`{"a":{"dtype":"U8","shape":[${'1,'.repeat(MILLION)}0],"data_offsets":[0,0]}}`),
  },
  {
    name: 'GGUF of 300,000 keys',
    path: 'm.gguf',
    make: () => gguf(Array.from({ length: 300_000 }, (_, i) => [`k${i}`, 1] as const)),
    clean: true,
  },
  {
    name: 'GGUF with a text array of two million',
    path: 'm.gguf',
    make: () =>
      bytes(
        'GGUF',
        u32(3),
        u64(0),
        u64(1),
        u64(1),
        'a',
        u32(9),
        u32(8),
        u64(2 * MILLION),
        Buffer.alloc(16 * MILLION),
      ),
    clean: true,
  },
  {
    name: 'GGUF with a template of 8 MB',
    path: 'm.gguf',
    make: () => gguf([['tokenizer.chat_template', '{{ a }}'.repeat(MILLION)]]),
  },
  {
    name: 'GGUF of deep arrays',
    path: 'm.gguf',
    make: () =>
      bytes(
        'GGUF',
        u32(3),
        u64(0),
        u64(1),
        u64(1),
        'a',
        u32(9),
        Buffer.concat(Array.from({ length: 200_000 }, () => bytes(u32(9), u64(1)))),
      ),
  },
  {
    name: 'ONNX of ten thousand branches in branches',
    path: 'm.onnx',
    make: () => onnx([nestedField(2000)]),
  },
  {
    name: 'ONNX of 300,000 nodes',
    path: 'm.onnx',
    make: () => {
      const node = onnxNode('Relu');
      return onnx(Array.from({ length: 300_000 }, () => node));
    },
    clean: true,
  },
  {
    name: 'PNG of 200,000 chunks',
    path: 'm.png',
    make: () => {
      const chunk = pngChunk('tEXt', Buffer.from('a\0b'));
      return png(Array.from({ length: 200_000 }, () => chunk));
    },
    clean: true,
  },
  {
    name: 'NumPy header that nests',
    path: 'm.npy',
    make: () => npy(`${'('.repeat(30_000)}`, Buffer.alloc(0)),
  },
  {
    name: 'Python of a hundred thousand parentheses',
    path: 'm.py',
    make: () => `x = ${'('.repeat(100_000)}1${')'.repeat(100_000)}\n`,
  },
  {
    name: 'Python of a hundred thousand attributes',
    path: 'm.py',
    make: () => `x = a${'.b'.repeat(100_000)}\n`,
  },
  {
    name: 'Python of a hundred thousand sums',
    path: 'm.py',
    make: () => `x = ${'"a"+'.repeat(100_000)}"b"\n`,
  },
  {
    name: 'Python of aliases that double',
    path: 'm.py',
    make: () =>
      `a0 = "aaaaaaaaaaaaaaaa"\n${Array.from({ length: 200 }, (_, i) => `a${i + 1} = a${i} + a${i}\n`).join('')}getattr(os, a200)()\n`,
  },
  {
    name: 'Python of calls in a circle',
    path: 'm.py',
    clean: true,
    make: () =>
      Array.from(
        { length: 5000 },
        (_, i) => `def f${i}():\n    f${(i + 1) % 5000}()\n    f${(i + 7) % 5000}()\n`,
      ).join(''),
  },
  {
    name: 'Python of a megabyte',
    path: 'm.py',
    clean: true,
    make: () => 'def f(x):\n    return x + 1\n'.repeat(40_000),
  },
  { name: 'Python of open quotes', path: 'm.py', make: () => `${'"""'.repeat(99_999)}\n` },
  {
    name: 'template of fifty thousand parentheses',
    path: 'chat_template.jinja',
    make: () => `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`,
  },
  {
    name: 'template of fifty thousand blocks',
    path: 'chat_template.jinja',
    make: () => `${'{% if a %}'.repeat(50_000)}${'{% endif %}'.repeat(50_000)}`,
  },
  { name: 'template of open braces', path: 'chat_template.jinja', make: () => '{{'.repeat(200_000) },
  {
    name: 'template of filters',
    clean: true,
    path: 'chat_template.jinja',
    make: () => `{{ a${'|trim'.repeat(50_000)} }}`,
  },
  {
    name: 'template of texts that double',
    path: 'chat_template.jinja',
    make: () => `{% set a = '_aaaaaaa' %}${'{% set a = a ~ a %}'.repeat(300)}{{ x[a] }}`,
  },
  { name: 'text of one line of 8 MB', path: 'README.md', clean: true, make: () => 'a'.repeat(8 * MILLION) },
  { name: 'text of key-like words', path: 'README.md', clean: true, make: () => 'AKIA '.repeat(MILLION) },
  { name: 'text of open URLs', path: 'README.md', clean: true, make: () => 'https://a:'.repeat(400_000) },
  { name: 'text of hyphens', path: 'README.md', clean: true, make: () => '-'.repeat(4 * MILLION) },
  {
    name: 'YAML of a billion laughs',
    path: 'README.md',
    clean: true,
    make: () =>
      `---\na: &a [x]\n${Array.from({ length: 30 }, (_, i) => `${String.fromCharCode(98 + (i % 25))}${i}: &b${i} [${Array.from({ length: 10 }, () => (i ? `*b${i - 1}` : '*a')).join(',')}]\n`).join('')}---\n# Model\n`,
  },
  {
    name: 'YAML of deep lists',
    path: 'README.md',
    clean: true,
    make: () => `---\na: ${'['.repeat(100_000)}\n---\n# Model\n`,
  },
];

async function read(name: string): Promise<BombReport> {
  const bomb = BOMBS.find((one) => one.name === name);
  if (!bomb) throw new Error(`no bomb ${name}`);
  await judge([
    { path: 'warm.py', content: 'x = 1\n' },
    { path: 'README.md', content: 'warm' },
  ]);
  const content = Buffer.from(bomb.make());
  const before = process.resourceUsage();
  const { verdict } = await judge([{ path: bomb.path, content }]);
  const after = process.resourceUsage();
  const cpu = after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime;
  return { verdict, cpuMs: cpu / 1000, bytes: (after.maxRSS - before.maxRSS) * 1024 };
}

if (process.send && process.argv[2] !== undefined) {
  const report = await read(process.argv[2]);
  process.send(report, () => process.exit(0));
}
