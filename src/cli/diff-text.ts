/** A diff for people at a terminal. */
import { visible } from '../base/errors.ts';
import type { RevisionDiff } from '../diff/diff.ts';
import { sectionsOf } from '../diff/markdown.ts';
import { bytesInWords, labelled, painter, plural, type Terminal } from './terminal.ts';

/** Lines of one section, of a patch and of a rendering that are shown; `--json` has all. */
const LINES_MAX = 60;

export function diffText(terminal: Terminal, diff: RevisionDiff): string {
  const paint = painter(terminal, visible);
  const { model, a, b, files } = diff;
  const head = ({ commit, where, files: count, sizeBytes }: RevisionDiff['a']) =>
    visible(`${commit.slice(0, 12)}, ${where}: ${plural(count, 'file')}, ${bytesInWords(sizeBytes)}`);
  const sections = sectionsOf(diff).filter(({ lines }) => lines.length > 0);
  return [
    labelled('model', visible(model)),
    labelled('from', head(a)),
    labelled('to', head(b)),
    labelled('same', plural(files.same, 'file')),
    diff.equal ? labelled('', 'Nothing differs.') : '',
    ...sections.map(({ title, lines }) => `\n  ${paint('bold', title)}\n${listed(lines)}`),
    ...diff.templates.map(
      ({ file, where, patch, from, to }) =>
        `\n  ${paint('bold', `Template ${file} ${where}`)}\n${patchText(patch, paint)}${paint('dim', '    a sample conversation was')}\n${quoted(from)}${paint('dim', '    and is now')}\n${quoted(to)}`,
    ),
    ...diff.code.map(
      ({ file, added, removed, patch }) =>
        `\n  ${paint('bold', `${file}  +${added} −${removed}`)}\n${patchText(patch, paint)}`,
    ),
  ].join('');
}

function listed(lines: readonly string[]): string {
  return bounded(lines.map((line) => `    ${visible(line)}\n`));
}

function patchText(patch: string, paint: ReturnType<typeof painter>): string {
  const lines = patch
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const style = line.startsWith('+') ? 'green' : line.startsWith('-') ? 'red' : 'dim';
      return `    ${paint(style, line)}\n`;
    });
  return bounded(lines);
}

function quoted(text: string | undefined): string {
  if (text === undefined) return '    | (there is none)\n';
  return bounded(text.split('\n').map((line) => `    | ${visible(line)}\n`));
}

function bounded(lines: readonly string[]): string {
  const more = lines.length - LINES_MAX;
  return lines.slice(0, LINES_MAX).join('') + (more > 0 ? `    and ${plural(more, 'more line')}\n` : '');
}
