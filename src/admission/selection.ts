/**
 * Selection: which of a revision's files are brought in. What is left out is excluded, on record, with the option
 * that left it out.
 */
import picomatch from 'picomatch';
import { WeighlockError } from '../base/errors.ts';
import type { ExcludedFile } from '../base/manifest.ts';
import { type RepoPath, refuseClashes, SIGNATURE_PATH } from '../base/name.ts';
import type { SourceFile } from '../sources/source.ts';

export interface SelectionRequest {
  /** Globs or `@sets`; nothing means everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** One GGUF quantisation, as in `org/name:Q4_K_M`. */
  readonly quantisation?: string | undefined;
}

export interface Selection {
  readonly files: readonly SourceFile[];
  readonly excluded: readonly ExcludedFile[];
  /** An upstream `model.sig`: its name is ours in a published revision, so it is kept as evidence instead. */
  readonly upstreamSignature?: SourceFile;
}

/** Named sets, for what a glob says badly. */
const SETS: Readonly<Record<string, (paths: readonly RepoPath[]) => (path: RepoPath) => boolean>> = {
  '@code': () => glob('**/*.{py,pyc,pyd,pyw,so,dll,dylib,sh,bash,zsh,bat,cmd,ps1,js,ipynb}'),
  '@duplicates': duplicates,
};

/** Most patterns on a command line, and their length: they come from people. */
const PATTERN_LENGTH_MAX = 1000;

/** The options that a record's excluded files name: what was chosen once is chosen for the next revision. */
export function selectionOf(excluded: readonly { readonly by: string }[]): SelectionRequest {
  const named = [...new Set(excluded.map(({ by }) => by))];
  const after = (prefix: string) =>
    named.filter((by) => by.startsWith(prefix)).map((by) => by.slice(prefix.length));
  const [quantisation] = after(':');
  return {
    include: after('--include ').flatMap((patterns) => patterns.split(' ')),
    exclude: after('--exclude '),
    ...(quantisation !== undefined && { quantisation }),
  };
}

/** Throws WL_USAGE where an option names a set that is not known, or nothing is left to bring in. */
export function select(all: readonly SourceFile[], request: SelectionRequest): Selection {
  const paths = all.map((file) => file.path);
  const included = request.include.map((pattern) => matcher(pattern, paths));
  const excluded = request.exclude.map((pattern) => ({ pattern, matches: matcher(pattern, paths) }));
  const quantisation = request.quantisation ? quantised(request.quantisation, paths) : undefined;

  const reasonToLeaveOut = (path: RepoPath): string | undefined => {
    if (path === SIGNATURE_PATH) return 'reserved name, kept as evidence';
    if (quantisation && !quantisation(path)) return `:${request.quantisation}`;
    if (included.length > 0 && !included.some((matches) => matches(path)))
      return `--include ${request.include.join(' ')}`;
    const by = excluded.find(({ matches }) => matches(path));
    return by && `--exclude ${by.pattern}`;
  };

  const files: SourceFile[] = [];
  const left: ExcludedFile[] = [];
  for (const file of all) {
    const by = reasonToLeaveOut(file.path);
    if (by) left.push({ path: file.path, sizeBytes: file.sizeBytes, by });
    else files.push(file);
  }
  if (files.length === 0)
    throw new WeighlockError('WL_USAGE', 'the options leave no file of the model to bring in');
  // Our signature comes to stand beside the files: none may need its name as a folder, or differ from it in case only.
  refuseClashes([...files.map((file) => file.path), SIGNATURE_PATH]);
  const upstreamSignature = all.find((file) => file.path === SIGNATURE_PATH);
  return { files, excluded: left, ...(upstreamSignature && { upstreamSignature }) };
}

function matcher(pattern: string, paths: readonly RepoPath[]): (path: RepoPath) => boolean {
  if (pattern.length > PATTERN_LENGTH_MAX) throw new WeighlockError('WL_USAGE', 'a pattern is too long');
  if (!pattern.startsWith('@')) return glob(pattern);
  const set = SETS[pattern];
  if (!set)
    throw new WeighlockError(
      'WL_USAGE',
      `"${pattern}" is not a set; there are ${Object.keys(SETS).join(', ')}`,
    );
  return set(paths);
}

/** A pattern without a slash matches the file name in any folder, as in .gitignore. */
function glob(pattern: string): (path: RepoPath) => boolean {
  const matches = picomatch(pattern, { dot: true, basename: !pattern.includes('/') });
  return (path) => matches(path);
}

/** Second sets of the same weights: what loaders pass over where safetensors stand beside. */
function duplicates(paths: readonly RepoPath[]): (path: RepoPath) => boolean {
  if (!paths.some((path) => path.endsWith('.safetensors'))) return () => false;
  const second = picomatch(
    [
      '**/pytorch_model*.{bin,bin.index.json}',
      '**/consolidated*.{pth,safetensors}',
      '**/{tf_model,model}*.h5',
      '**/flax_model*.{msgpack,msgpack.index.json}',
      '**/rust_model.ot',
      'original/**',
    ],
    { dot: true },
  );
  return (path) => second(path);
}

/** The GGUF files of one quantisation, with everything that is no weights. */
function quantised(name: string, paths: readonly RepoPath[]): (path: RepoPath) => boolean {
  const wanted = (path: string) => quantisationsOf(path).includes(name.toUpperCase());
  if (paths.some(wanted)) return (path) => wanted(path) || !/\.(gguf|safetensors|bin|pth|pt|h5)$/i.test(path);
  const there = [...new Set(paths.flatMap(quantisationsOf))].sort();
  throw new WeighlockError('WL_USAGE', `the model has no GGUF file of the quantisation ${name}`, {
    hint: there.length > 0 ? `It has ${there.join(', ')}.` : 'It has no quantised GGUF files at all.',
  });
}

function quantisationsOf(path: string): string[] {
  if (!/\.gguf$/i.test(path)) return [];
  const match = /(?:^|[-_./])((?:UD-)?(?:IQ|Q|TQ|BF|F|MXFP)\d[A-Z0-9_]*)(?=[-./])/i.exec(path);
  return match?.[1] ? [match[1].toUpperCase()] : [];
}
