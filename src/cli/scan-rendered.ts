/** What templates rendered to, for people: line by line, with nothing in it that a terminal would obey. */
import { printable } from '../base/errors.ts';
import type { RenderedTemplate } from '../inspection/rendered.ts';
import { painter, plural, type Terminal } from './terminal.ts';

/** Lines and columns of one outcome that are shown; `--json` has more. */
const LINES_MAX = 40;
const COLUMNS_MAX = 160;

export function renderedText(rendered: readonly RenderedTemplate[], terminal: Terminal): string {
  return rendered.map((one) => outcomeText(one, terminal)).join('');
}

function outcomeText(one: RenderedTemplate, terminal: Terminal): string {
  const paint = painter(terminal);
  const place = one.where === '' ? one.file : `${one.file}, ${one.where}`;
  const sample =
    one.asked === undefined ? 'a sample conversation' : `one that holds ${JSON.stringify(one.asked)}`;
  const head = paint('bold', printable(`${place}: the template renders ${sample} to`));
  if (one.text === undefined) {
    const reason = printable(`${place}: the template does not render ${sample}: ${one.reason ?? 'unknown'}`);
    return `  ${paint('dim', 'rendering')}  ${reason}\n`;
  }
  const lines = one.text.split('\n');
  const shown = lines.slice(0, LINES_MAX).map((line) => `    | ${printable(line.slice(0, COLUMNS_MAX))}\n`);
  const more = lines.length - shown.length;
  const rest = more > 0 ? `    and ${plural(more, 'more line')}\n` : '';
  return `  ${paint('dim', 'rendering')}  ${head}\n${shown.join('')}${rest}`;
}
