/** What a loader reads of a model, in words, and the options that leave the rest out. */
import type { FileVerdict } from '../base/finding.ts';
import type { Report } from '../inspection/report.ts';
import { plural } from './terminal.ts';

/** Options that are written out; `--json` has all paths. */
const OPTIONS_SHOWN_MAX = 12;

export function loaderLines({ loader, files, repo }: Report): string[] {
  if (loader === undefined) return [];
  const { version, reads, withhold } = loader;
  const name = version === null ? loader.name : `${loader.name} ${version}`;
  const lines = [`${name} reads ${plural(reads.length, 'file')} of ${files.length}.`];
  const options = excludeOptions(withhold.map(({ path }) => path));
  if (options.length > 0) {
    const shown = options.slice(0, OPTIONS_SHOWN_MAX).join(' ');
    const more = options.length - OPTIONS_SHOWN_MAX;
    const rest = more > 0 ? ` and ${more} more: see --json` : '';
    lines.push(`${plural(withhold.length, 'file')} need not come along: ${shown}${rest}`);
  }
  const read = new Set(reads);
  const unclear = (one: { readonly verdict: FileVerdict }) => one.verdict !== 'clean';
  const places = [
    ...files.filter(unclear).map(({ path }) => path),
    ...repo.findings.filter(unclear).map(({ file = '' }) => file),
  ];
  if (places.length > 0 && places.every((path) => path !== '' && !read.has(path)))
    lines.push(`Everything that is not clean is in files that ${name} does not read.`);
  return lines;
}

const CODE = /\.(?:py|pyc|pyd|pyw|so|dll|dylib|sh|bash|zsh|bat|cmd|ps1|js|ipynb)$/;

/** `@code` where it is all of them, and otherwise each path from the root, safe to be pasted into a shell. */
export function excludeOptions(paths: readonly string[]): string[] {
  const code = paths.filter((path) => CODE.test(path));
  const others = code.length > 1 ? paths.filter((path) => !CODE.test(path)) : paths;
  const options = others.map((path) => `--exclude ${quoted(`./${path.replace(GLOB, '\\$&')}`)}`);
  return code.length > 1 ? ['--exclude @code', ...options] : options;
}

/** What means more than itself in a glob. */
const GLOB = /[\\*?[\]{}()!+@]/g;

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
