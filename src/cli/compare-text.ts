/** A comparison for people at a terminal: what is recommended, then aspect by aspect. */
import { printable } from '../base/errors.ts';
import { ASPECTS, type Line } from '../compare/aspect.ts';
import type { Comparison } from '../compare/compare.ts';
import { seconds } from '../compare/lines-speed.ts';
import { capital, verdictOf } from '../compare/markdown.ts';
import { bytesInWords, labelled, painter, type Terminal, wrapped } from './terminal.ts';

/** Under what continues a line of the table. */
const INDENT = ' '.repeat(13);

export function comparisonText(terminal: Terminal, comparison: Comparison): string {
  const { model, commit, weightsBytes, vaultLocation, hubEndpoint, recommendation, arithmetic } = comparison;
  const paint = painter(terminal);
  const fit = (text: string) => wrapped(text, { columns: terminal.columns, indent: INDENT });
  const aspects = ASPECTS.map((aspect) => {
    const lines = comparison.lines.filter((line) => line.aspect === aspect);
    return lines.length === 0
      ? ''
      : `\n  ${paint('bold', aspect)}\n${lines.map((line) => lineText(line, paint, fit)).join('')}`;
  });
  const { route } = recommendation;
  return [
    labelled('model', `${model}@${commit.slice(0, 12)}   ${bytesInWords(weightsBytes)} of weights`),
    labelled('vault', printable(vaultLocation)),
    labelled('Hub', printable(hubEndpoint)),
    ...aspects,
    `\n  ${paint('bold', 'by arithmetic')}\n`,
    fit(labelled('', `all weights in ${arithmetic.map(atBandwidth).join(', ')}`)),
    '\n',
    fit(
      `  ${paint(route === 'neither' ? 'yellow' : 'green', verdictOf(route))} ${printable(capital(recommendation.because))}.\n`,
    ),
    ...recommendation.wouldChange.map((sentence) => fit(labelled('unless', printable(sentence)))),
  ].join('');
}

function atBandwidth({ bandwidth, instance, seconds: value }: Comparison['arithmetic'][number]): string {
  return `${seconds(value)} at ${bandwidth}${instance === undefined ? '' : ` (${instance})`}`;
}

function lineText(
  { what, vault, hub, favours, evidence }: Line,
  paint: ReturnType<typeof painter>,
  fit: (text: string) => string,
): string {
  const mark = (route: 'vault' | 'hub', text: string) =>
    `    ${paint(favours === route ? 'green' : 'dim', `${favours === route ? '●' : ' '} ${route.padEnd(6)}`)} ${printable(text)}\n`;
  return [
    `  ${printable(what)}\n`,
    fit(mark('vault', vault)),
    fit(mark('hub', hub)),
    fit(`      ${paint('dim', `${'how'.padEnd(6)} ${evidence}`)}\n`),
  ].join('');
}
