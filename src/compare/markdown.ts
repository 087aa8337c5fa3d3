/** The comparison as Markdown, for a pull request or a decision record. */
import { printable } from '../base/errors.ts';
import { bytesInWords } from '../base/words.ts';
import { ASPECTS } from './aspect.ts';
import type { Comparison } from './compare.ts';

export function markdownOf(comparison: Comparison): string {
  const { model, commit, madeAt, vaultLocation, hubEndpoint, weightsBytes, recommendation } = comparison;
  const aspects = ASPECTS.flatMap((aspect) => {
    const lines = comparison.lines.filter((line) => line.aspect === aspect);
    if (lines.length === 0) return [];
    return [
      `\n## ${capital(aspect)}\n`,
      '| | vault | Hub | favours | evidence |',
      '| --- | --- | --- | --- | --- |',
      ...lines.map((line) => row([line.what, line.vault, line.hub, line.favours, line.evidence])),
    ];
  });
  return [
    `# ${cell(model)}: from the vault, or from the Hub`,
    `\nCommit \`${commit}\`, ${bytesInWords(weightsBytes)} of weights, compared at ${madeAt}: vault \`${cell(vaultLocation)}\`, Hub \`${cell(hubEndpoint)}\`.`,
    `\n**${verdictOf(recommendation.route)}** ${cell(capital(recommendation.because))}.`,
    ...recommendation.wouldChange.map((sentence) => `- ${cell(sentence)}`),
    ...aspects,
    '\n## Rules\n',
    '| rule | applies | because |',
    '| --- | --- | --- |',
    ...recommendation.rules.map(({ says, applies, because }) => row([says, applies ? 'yes' : 'no', because])),
    '',
  ].join('\n');
}

/** The recommendation in one sentence. */
export function verdictOf(route: Comparison['recommendation']['route']): string {
  switch (route) {
    case 'vault':
      return 'Deploy it from the vault.';
    case 'hub':
      return 'For a trial, the Hub will do.';
    case 'neither':
      return 'Deploy it by neither route yet.';
  }
}

export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** The attacker's move: a title at the Hub with table marks, HTML or links of its own. */
function cell(text: string): string {
  return printable(text).replace(/[\\|<>[\]*_`#!]/g, (character) =>
    character === '`' ? "'" : `\\${character}`,
  );
}
