/**
 * Loaders: the programs that read models, and which files of a repo each of them reads. What it never opens and what
 * need not come along (second sets of weights, weights of other frameworks, the state of a training, code) may be
 * *withheld*. Cards, licences and pictures are neither read nor in the way.
 *
 * Names decide here, as they do for loaders; a verdict never depends on it.
 */
import { WeighlockError } from '../base/errors.ts';
import { duplicateWeights } from './shards.ts';

export interface Loader {
  readonly name: string;
  /** As it was given; undefined where it was not. */
  readonly version?: string;
}

export interface LoaderReading extends Loader {
  /** Paths, sorted. */
  readonly reads: readonly string[];
  readonly withhold: readonly { readonly path: string; readonly why: string }[];
}

/** Other names that people use. */
const ALIASES: Readonly<Record<string, string>> = {
  'text-generation-inference': 'tgi',
  'llama-cpp': 'llama.cpp',
  llamacpp: 'llama.cpp',
  ggml: 'llama.cpp',
  pytorch: 'torch',
  nemo: 'nemo_toolkit',
  'nemo-toolkit': 'nemo_toolkit',
  sentence_transformers: 'sentence-transformers',
};

/** `vllm@0.9`, or a name alone. Throws WL_USAGE where it is not one of the names that `known` adds to our own. */
export function parseLoader(text: string, known: readonly string[] = []): Loader {
  const [, written = '', version] =
    /^([A-Za-z0-9._-]{1,64})(?:@=?v?([0-9A-Za-z.+_-]{1,64}))?$/.exec(text) ?? [];
  const lower = written.toLowerCase();
  const name = Object.hasOwn(ALIASES, lower) ? (ALIASES[lower] ?? lower) : lower;
  const all = [...new Set([...Object.keys(READERS), ...known])].sort();
  if (!all.includes(name))
    throw new WeighlockError('WL_USAGE', `"${text}" is no loader that is known`, {
      hint: `Known are ${all.join(', ')}, each with @version behind it if you like.`,
    });
  return { name, ...(version === undefined ? {} : { version }) };
}

/** What the loader reads of the files with these paths; undefined for one whose reading is not known. */
export function readingOf(loader: Loader, all: readonly string[]): LoaderReading | undefined {
  const reader = Object.hasOwn(READERS, loader.name) ? READERS[loader.name] : undefined;
  if (reader === undefined) return undefined;
  const paths = all.toSorted();
  const read = reader(paths);
  const second = new Set(duplicateWeights(paths));
  // Where it reads nothing, it cannot load the model, and leaving everything out would not help.
  const withhold = (read.size === 0 ? [] : paths)
    .filter((path) => !read.has(path))
    .flatMap((path) => {
      const why = second.has(path) ? 'the same weights a second time' : reasonToWithhold(path, loader);
      return why === undefined ? [] : [{ path, why }];
    });
  return { ...loader, reads: paths.filter((path) => read.has(path)), withhold };
}

type Reader = (paths: readonly string[]) => ReadonlySet<string>;

/** What configures a model: read as text by everything that reads safetensors. */
const SETTINGS =
  /^(?:[\w.-]*config[\w.-]*\.json|[\w.-]*\.index\.json|(?:tokenizer|added_tokens|special_tokens_map|vocab|params|tekken|processor_config|preprocessor_config|chat_template|modules|model_index|[\w-]*vocab[\w-]*|[\w-]*tokens?)\.json|merges\.txt|[\w.-]*vocab\.txt|[\w.-]+\.(?:model|tiktoken|spm|bpe)(?:\.v\d{1,2})?|[\w.-]+\.jinja2?|tokenizer[\w.-]*\.(?:json|txt|bin))$/i;

const SAFETENSORS = /\.safetensors$/i;
const BIN = /^(?:pytorch_model|model|adapter_model|diffusion_pytorch_model)[\w.-]*\.bin$/i;
const PTH = /\.(?:pt|pth)$/i;
const GGUF = /\.gguf$/i;

/** Loaders whose reading is known. */
const READERS: Readonly<Record<string, Reader>> = {
  // Takes every safetensors file of the folder, or else every .bin, or else every .pt that is no state of a training.
  vllm: (paths) => fromFolder(paths, '', [[SAFETENSORS], [BIN], [PTH], [GGUF]]),
  tgi: (paths) => fromFolder(paths, '', [[SAFETENSORS], [BIN]]),
  transformers: (paths) =>
    fromFolder(paths, '', [
      [/^(?:model|adapter_model|pytorch_model)[\w.-]*\.safetensors$/i],
      [BIN],
      [/^tf_model[\w.-]*\.h5$/i],
      [/^flax_model[\w.-]*\.msgpack$/i],
    ]),
  'llama.cpp': (paths) => new Set(paths.filter((path) => GGUF.test(path))),
  'llama-cpp-python': (paths) => new Set(paths.filter((path) => GGUF.test(path))),
  ollama: (paths) => new Set(paths.filter((path) => GGUF.test(path))),
  'sentence-transformers': (paths) =>
    folders(paths, /^(?:|\d{1,2}_[\w-]+\/)$/).reduce<Set<string>>(
      (read, folder) => union(read, fromFolder(paths, folder, [[SAFETENSORS], [BIN]])),
      new Set(),
    ),
  // A pipeline is a folder of folders; weights at the root are for other programs.
  diffusers: (paths) => {
    const parts = paths.includes('model_index.json') ? folders(paths, /^[\w-]+\/$/) : [''];
    return parts.reduce<Set<string>>(
      (read, folder) => union(read, fromFolder(paths, folder, [[SAFETENSORS], [BIN]])),
      new Set(paths.filter((path) => path === 'model_index.json')),
    );
  },
};

/**
 * The settings of a folder, and the weights of the first kind of which it has any. Of weights with an index and other
 * names beside them, loaders take those that the index names: the second set of `consolidated` files is not read.
 */
function fromFolder(
  paths: readonly string[],
  folder: string,
  kinds: readonly (readonly RegExp[])[],
): Set<string> {
  const here = paths.filter((path) => folderOf(path) === folder);
  const isTraining = (path: string) => TRAINING.test(nameOf(path));
  const second = new Set(here.some((path) => SAFETENSORS.test(path)) ? duplicateWeights(here) : []);
  const weights = here.filter((path) => !isTraining(path) && !second.has(path));
  const [first = []] = kinds
    .map((patterns) => weights.filter((path) => patterns.some((pattern) => pattern.test(nameOf(path)))))
    .filter((found) => found.length > 0);
  return new Set([...here.filter((path) => SETTINGS.test(nameOf(path)) && !second.has(path)), ...first]);
}

const TRAINING =
  /^(?:(?:optimizer|scheduler|scaler)[\w-]{0,40}\.(?:pt|pth|bin|pkl|safetensors)$|rng_state|training_args|trainer_state|random_states|zero_to_fp32|global_step|latest$|events\.out\.tfevents)/i;
const CODE = /\.(?:py|pyc|pyd|pyw|so|dll|dylib|sh|bash|zsh|bat|cmd|ps1|js|ipynb)$/i;
const WEIGHTS =
  /\.(?:safetensors|bin|pt|pth|ckpt|gguf|ggml|h5|hdf5|keras|msgpack|onnx|onnx_data|ot|pb|tflite|mlmodel|mlpackage|mlmodelc|nemo|pkl|pickle|joblib|npz|npy|engine|pte|xml|llamafile)$/i;

function reasonToWithhold(path: string, { name }: Loader): string | undefined {
  const file = nameOf(path);
  if (TRAINING.test(file)) return 'the state of a training, which no loader needs';
  if (CODE.test(file))
    return /\.pyw?$/i.test(file)
      ? 'code, which is read only where remote code is trusted'
      : 'code, which no loader needs';
  if (WEIGHTS.test(file)) return `weights that ${name} does not read`;
  return undefined;
}

/** The folders that hold files and are named as the pattern says; the root is the empty text. */
function folders(paths: readonly string[], pattern: RegExp): readonly string[] {
  return [...new Set(paths.map(folderOf))].filter((folder) => pattern.test(folder));
}

function union(a: Set<string>, b: ReadonlySet<string>): Set<string> {
  for (const path of b) a.add(path);
  return a;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
