/**
 * The comparison as one page to send on: no script, no font, no image from anywhere, and a content security policy that
 * would forbid them. It prints on A4.
 */
import { printable } from '../base/errors.ts';
import { bytesInWords } from '../base/words.ts';
import { ASPECTS, type Line } from './aspect.ts';
import { bars, dots, escaped, type ShareRow, shares } from './chart.ts';
import type { Comparison } from './compare.ts';
import { seconds } from './lines-speed.ts';
import { capital, verdictOf } from './markdown.ts';
import type { Measurement } from './measure.ts';
import { STYLE } from './page-style.ts';

export function pageOf(comparison: Comparison): string {
  const { model, commit, madeAt } = comparison;
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
    `<title>${safe(model)}: from the vault, or from the Hub</title><style>${STYLE}</style></head><body>`,
    `<header><p class="over">Two routes to production</p><h1>${safe(model)}</h1>`,
    `<p>Commit <code>${commit}</code>, ${comparison.files} files, ${bytesInWords(comparison.weightsBytes)} of weights. Compared ${madeAt.slice(0, 16).replace('T', ' at ')} UTC.</p>`,
    `<p class="key"><span class="chip vault"></span>from the vault, ${safe(comparison.vaultLocation)} <span class="chip hub"></span>from the Hub, ${safe(comparison.hubEndpoint)}</p></header>`,
    recommendation(comparison),
    charts(comparison),
    overview(comparison.lines),
    ...ASPECTS.map((aspect) => aspectTable(aspect, comparison.lines)),
    rules(comparison),
    '<footer>Made by Weighlock from measurements and records of this moment; each line says how it was found out. Nothing on this page is loaded from elsewhere.</footer>',
    '</body></html>\n',
  ].join('\n');
}

/** Control characters made visible, then escaped: names and titles come from strangers. */
function safe(text: string): string {
  return escaped(printable(text));
}

function recommendation({ recommendation: { route, because, wouldChange } }: Comparison): string {
  const changes = wouldChange.map((sentence) => `<li>${code(sentence)}</li>`).join('');
  return `<section class="verdict ${route}"><h2>${verdictOf(route)}</h2><p>${safe(capital(because))}.</p>${changes === '' ? '' : `<p class="small">What would change it:</p><ul>${changes}</ul>`}</section>`;
}

function charts({ measured, coverage, arithmetic }: Comparison): string {
  const both = [
    { name: 'vault', tone: 'vault', one: measured.vault },
    { name: 'Hub', tone: 'hub', one: measured.hub },
  ] as const;
  const there = both.flatMap(({ name, tone, one }) => (one === undefined ? [] : [{ name, tone, one }]));
  const first = there.map(({ name, tone, one }) => ({
    label: `from the ${name}`,
    values: one.firstByteMs,
    middle: one.medianFirstByteMs,
    said: `${one.medianFirstByteMs.toFixed(0)} ms`,
    tone,
  }));
  const speed = there.map(({ name, tone, one }) => ({
    label: `from the ${name}`,
    value: one.bytesPerSecond,
    said: `${(one.bytesPerSecond / 1e6).toFixed(0)} MB/s`,
    tone,
  }));
  const all = [
    ...there.map(({ name, tone, one }) => ({
      label: `${name}, from here`,
      value: one.secondsForAll,
      said: seconds(one.secondsForAll) + estimated(one),
      tone,
    })),
    ...arithmetic.map(({ bandwidth, instance, seconds: value }) => ({
      label: instance === undefined ? bandwidth : `${bandwidth}, ${instance}`,
      value,
      said: seconds(value),
      tone: 'plain' as const,
    })),
  ];
  return [
    '<section class="charts">',
    first.length === 0
      ? ''
      : figure(
          'First byte over a new connection',
          dots('First byte', first, 'ms'),
          'Every dot is one measurement; the line is the median.',
        ),
    speed.length === 0
      ? ''
      : figure(
          'Speed from this machine',
          bars('Speed', speed),
          'Parallel ranges of 8 MiB, the same for both.',
        ),
    figure(
      'Time to all weights',
      bars('Time to all weights', all),
      'Measured from here, and by arithmetic for the bandwidth of targets. * by the speed of a part.',
    ),
    figure(
      'What was scanned',
      shares('Files by what a scan says', coverageRows(coverage)),
      'Ours: read to the last byte. The Hub’s: said to be safe, file by file.',
    ),
    '</section>',
  ].join('');
}

function estimated({ complete }: Measurement): string {
  return complete ? '' : ' *';
}

function coverageRows({ ours, hub }: Comparison['coverage']): ShareRow[] {
  const row = (label: string, { safe: good, against, unknown }: Comparison['coverage']['hub']): ShareRow => ({
    label,
    parts: [
      { count: good, tone: 'good', said: 'clean' },
      { count: against, tone: 'bad', said: 'warned of' },
      { count: unknown, tone: 'open', said: 'unknown' },
    ],
  });
  return [...(ours === undefined ? [] : [row('Weighlock', ours)]), row('the Hub’s scanners', hub)];
}

function figure(title: string, chart: string, caption: string): string {
  return `<figure><h3>${escaped(title)}</h3>${chart}<figcaption>${escaped(caption)}</figcaption></figure>`;
}

/** The twelve aspects, and which route their lines favour. */
function overview(lines: readonly Line[]): string {
  const rows = ASPECTS.map((aspect) => {
    const of = (route: Line['favours']) =>
      lines.filter((line) => line.aspect === aspect && line.favours === route).length;
    const mark = (route: 'vault' | 'hub' | 'neither') =>
      `<td>${`<span class="chip ${route}"></span>`.repeat(of(route))}<span class="hidden">${of(route)}</span></td>`;
    return `<tr><th scope="row"><a href="#${anchor(aspect)}">${escaped(aspect)}</a></th>${mark('vault')}${mark('neither')}${mark('hub')}</tr>`;
  });
  return `<section class="overview"><h2>At a glance</h2><table><thead><tr><th></th><th>favours the vault</th><th>neither</th><th>favours the Hub</th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
}

function aspectTable(aspect: (typeof ASPECTS)[number], lines: readonly Line[]): string {
  const rows = lines
    .filter((line) => line.aspect === aspect)
    .map(
      ({ what, vault, hub, favours, evidence }) =>
        `<tr><th scope="row">${safe(what)}</th><td${favours === 'vault' ? ' class="favoured vault"' : ''}>${safe(vault)}</td><td${favours === 'hub' ? ' class="favoured hub"' : ''}>${safe(hub)}</td><td class="evidence">${code(evidence)}</td></tr>`,
    );
  if (rows.length === 0) return '';
  return `<section id="${anchor(aspect)}"><h2>${escaped(capital(aspect))}</h2><table class="lines"><thead><tr><th></th><th>from the vault</th><th>from the Hub</th><th>how it was found out</th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
}

function rules({ recommendation: { rules: all } }: Comparison): string {
  const decided = all.find(({ applies }) => applies);
  const rows = all.map(
    (rule) =>
      `<tr${rule === decided ? ' class="decided"' : ''}><td>${safe(rule.says)}</td><td>${rule.applies ? 'applies' : 'does not apply'}: ${safe(rule.because)}</td></tr>`,
  );
  return `<section><h2>The rules of the recommendation</h2><p>In this order; the first that applies decides.</p><table class="rules"><tbody>${rows.join('')}</tbody></table></section>`;
}

function anchor(aspect: string): string {
  return aspect.replaceAll(' ', '-');
}

/** Commands stand between backticks. */
function code(text: string): string {
  return safe(text).replace(/`([^`]*)`/g, '<code>$1</code>');
}
