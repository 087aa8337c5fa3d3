/** The report of a scan for people: what was found, worst first, then what was not read, then one line that says it all. */
import type { FileVerdict } from '../base/finding.ts';
import type { Report, ReportFile, ReportFinding } from '../inspection/report.ts';
import { loaderLines } from './loader-text.ts';
import { bytesInWords, painter, plural, type Style, type Terminal, wrapped } from './terminal.ts';

/** Files that are shown one by one, and findings of one file; `--json` has them all. */
const FILES_SHOWN_MAX = 20;
const FINDINGS_SHOWN_MAX = 4;

const STYLES: Readonly<Record<FileVerdict, Style>> = {
  blocked: 'red',
  inconclusive: 'yellow',
  clean: 'green',
};

const RANKS: readonly FileVerdict[] = ['blocked', 'inconclusive', 'clean'];

export function scanText(report: Report, terminal: Terminal): string {
  const { files, stats, subject } = report;
  const told = files.filter((file) => file.verdict !== 'clean' || file.findings.length > 0);
  const shown = told.toSorted((a, b) => rank(a) - rank(b)).slice(0, FILES_SHOWN_MAX);
  const more = told.length - shown.length;
  const text = [
    line(
      'scanned',
      [`${subject.name}   ${plural(files.length, 'file')}, ${bytesInWords(stats.sizeBytes)}`],
      terminal,
    ),
    ...shown.map((file) => fileText(file, terminal)),
    more > 0
      ? line('', [`and ${plural(more, 'more file')} with findings: --json has them all`], terminal)
      : '',
    repoText(report, terminal),
    report.loader ? line('loader', loaderLines(report), terminal) : '',
    conclusion(report, terminal),
  ].join('');
  return terminal.live ? wrapped(text, { columns: terminal.columns, indent: INDENT }) : text;
}

/** The worst first, and before what is merely unclear whatever was not looked at for its number. */
function rank({ verdict, error }: ReportFile): number {
  return error?.code === 'WL_LIMIT' ? 0.5 : RANKS.indexOf(verdict);
}

function fileText(file: ReportFile, terminal: Terminal): string {
  const format = file.format ? ` (${file.format})` : '';
  return head(file.verdict, `${file.path}${format}`, terminal) + body(file, terminal);
}

function head(verdict: FileVerdict, text: string, terminal: Terminal): string {
  const label = verdict === 'clean' ? 'note' : verdict;
  const painted = painter(terminal)(verdict === 'clean' ? 'cyan' : STYLES[verdict], label);
  return `  ${painted}${' '.repeat(LABEL_CELLS - label.length)}${painter(terminal)('bold', text)}\n`;
}

/** Labels stand in a column as wide as the longest. */
const LABEL_CELLS = 'inconclusive'.length + 2;
const INDENT = ' '.repeat(LABEL_CELLS + 2);

function line(label: string, texts: readonly string[], terminal: Terminal): string {
  const [first = '', ...more] = texts.map(painter({ colour: false }).bind(undefined, 'bold'));
  const style = RANKS.find((verdict) => verdict === label);
  const painted = style ? painter(terminal)(STYLES[style], label) : label;
  return [
    `  ${painted}${' '.repeat(LABEL_CELLS - label.length)}${first}`,
    ...more.map((text) => INDENT + text),
  ]
    .map((text) => `${text}\n`)
    .join('');
}

function body(file: ReportFile, terminal: Terminal): string {
  const paint = painter(terminal);
  const lines: string[] = [];
  const plain = painter({ colour: false });
  if (file.error) lines.push(plain('bold', file.error.message));
  const findings = file.findings
    .toSorted((a, b) => RANKS.indexOf(a.verdict) - RANKS.indexOf(b.verdict))
    .slice(0, FINDINGS_SHOWN_MAX);
  for (const finding of findings) lines.push(...findingLines(finding, paint));
  const more = file.findings.length - findings.length;
  if (more > 0) lines.push(`and ${plural(more, 'more finding')}`);
  const [gap] = file.coverage.gaps;
  if (gap && file.findings.every(({ verdict }) => verdict === 'clean'))
    lines.push(
      plain('bold', `${bytesInWords(gap.length)} from byte ${gap.offset} on were not read: ${gap.reason}`),
    );
  return lines.map((one) => `${INDENT}${one}\n`).join('');
}

function findingLines(finding: ReportFinding, paint: ReturnType<typeof painter>): string[] {
  const { rule, message, why, fix, verdict, references, waived } = finding;
  const at = placeOf(finding);
  const plain = painter({ colour: false });
  const line = `${at === '' ? '' : `${at}: `}${message}`;
  const lines = [plain('bold', line), `${paint('dim', rule)}  ${plain('bold', why)}`];
  if (waived) lines.push(plain('bold', `waived by ${waived.by} until ${waived.until}: ${waived.reason}`));
  if (references.length > 0) lines.push(plain('bold', `See ${references.slice(0, 3).join(', ')}.`));
  return verdict === 'clean' ? lines : [...lines, plain('bold', fix)];
}

function placeOf({ member, offset }: ReportFinding): string {
  return [member, offset === undefined ? undefined : `byte ${offset}`].filter(Boolean).join(', ');
}

function repoText({ repo, files }: Report, terminal: Terminal): string {
  const paths = new Set(files.map(({ path }) => path));
  const lines = repo.findings.map((finding) => {
    const about = finding.file && paths.has(finding.file) ? `${finding.file}: ` : '';
    return { verdict: finding.verdict, line: `${about}${finding.message}`, why: finding.why };
  });
  const text = lines
    .toSorted((a, b) => RANKS.indexOf(a.verdict) - RANKS.indexOf(b.verdict))
    .slice(0, FILES_SHOWN_MAX)
    .map(
      ({ verdict, line, why }) =>
        `${head(verdict, line, terminal)}${INDENT}${painter({ colour: false })('bold', why)}\n`,
    )
    .join('');
  const needed = repo.references.filter(({ role }) => role !== 'mention');
  const mentioned = repo.references.filter(({ role }) => role === 'mention');
  return text + referenceLine('needs', needed, terminal) + referenceLine('mentions', mentioned, terminal);
}

/** Repos that are named of those that a model leads to. */
const REFERENCES_SHOWN_MAX = 5;

function referenceLine(label: string, references: Report['repo']['references'], terminal: Terminal): string {
  const repos = [...new Set(references.map(({ repo }) => repo))];
  if (repos.length === 0) return '';
  const more = repos.length - REFERENCES_SHOWN_MAX;
  const rest = more > 0 ? ` and ${more} more` : '';
  return line(label, [`${repos.slice(0, REFERENCES_SHOWN_MAX).join(', ')}${rest}`], terminal);
}

function conclusion(report: Report, terminal: Terminal): string {
  const { verdict, stats, mode } = report;
  const lines = [sentence(report)];
  if (mode === 'triage')
    lines.push(
      `Seen ${bytesInWords(stats.readBytes)} of ${bytesInWords(stats.sizeBytes)} by ${plural(stats.requests ?? 0, 'request')}; a full scan would still read ${bytesInWords(stats.sizeBytes - stats.readBytes)}: leave --triage out.`,
    );
  if (report.policy) lines.push(...policyLines(report.policy));
  if (report.hub) lines.push(`The Hub's own scanners say: ${report.hub.scan}.`);
  return line(verdict, lines, terminal);
}

function policyLines({ name, verdict, rules }: NonNullable<Report['policy']>): string[] {
  return [`The policy ${name} says: ${verdict}.`, ...rules.map(({ rule, because }) => `${rule}: ${because}`)];
}

function sentence({ verdict, stats, mode }: Report): string {
  const counts = [
    stats.blocked > 0 ? `${stats.blocked} blocked` : '',
    stats.inconclusive > 0 ? `${stats.inconclusive} inconclusive` : '',
    stats.clean > 0 ? `${stats.clean} clean` : '',
  ]
    .filter(Boolean)
    .join(', ');
  switch (verdict) {
    case 'blocked':
      return `Do not load this: something in it runs code or reaches out. ${counts}.`;
    case 'inconclusive':
      if (stats.files === 0) return 'There is no file to inspect.';
      return mode === 'triage'
        ? `Nothing that was seen is dangerous, but not all was seen. ${counts}.`
        : `Nothing dangerous was found, but not all of it is understood. ${counts}.`;
    case 'clean':
      return `Every byte of ${plural(stats.files, 'file')} is accounted for, and nothing in it runs code.`;
  }
}
