/** A diff as Markdown, for a pull request. What comes from files stands in code blocks or escaped. */
import { visible } from '../base/errors.ts';
import { bytesInWords, plural } from '../base/words.ts';
import type { RevisionDiff } from './diff.ts';

/** Items of one list that are shown. */
const SHOWN_MAX = 50;

export function diffMarkdown(diff: RevisionDiff): string {
  const { model, a, b } = diff;
  return [
    `# ${escaped(model)}: \`${a.commit.slice(0, 12)}\` → \`${b.commit.slice(0, 12)}\`\n`,
    `${capital(a.where)} → ${b.where}. ${plural(a.files, 'file')}, ${bytesInWords(a.sizeBytes)} → ${plural(b.files, 'file')}, ${bytesInWords(b.sizeBytes)}.\n`,
    diff.equal ? 'Nothing differs.\n' : '',
    ...sectionsOf(diff).map(({ title, lines }) =>
      lines.length === 0 ? '' : `## ${title}\n\n${listed(lines)}\n`,
    ),
    ...diff.templates.map(
      ({ file, where, patch, from, to }) =>
        `## Template ${escaped(`${file} ${where}`)}\n\n${fenced('diff', patch)}\nIt renders a sample conversation to\n\n${fenced('', from ?? '(there was none)')}\nand now to\n\n${fenced('', to ?? '(there is none)')}`,
    ),
    ...diff.code.map(
      ({ file, added, removed, patch }) =>
        `## ${escaped(file)} (+${added} −${removed})\n\n${fenced('diff', patch)}`,
    ),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

export interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Everything but templates and code, which are texts of their own, as lines. */
export function sectionsOf(diff: RevisionDiff): readonly Section[] {
  const { files, tensors, configuration, tokenizer, globals, findings, license, publisher } = diff;
  const was = (from: string | undefined, to: string | undefined) =>
    `${from ?? '(absent)'} → ${to ?? '(absent)'}`;
  return [
    { title: 'Publisher', lines: publisher ? [was(publisher.from, publisher.to)] : [] },
    { title: 'Licence', lines: license ? [was(license.from, license.to)] : [] },
    {
      title: 'Findings',
      lines: [
        ...findings.added.map((one) => `new: ${one.rule} (${one.verdict}): ${one.message}`),
        ...findings.removed.map((one) => `gone: ${one.rule} (${one.verdict}): ${one.message}`),
      ],
    },
    {
      title: 'Files',
      lines: [
        ...files.added.map(({ path, sizeBytes }) => `added ${path}, ${bytesInWords(sizeBytes)}`),
        ...files.removed.map(({ path, sizeBytes }) => `removed ${path}, ${bytesInWords(sizeBytes)}`),
        ...files.changed.map(({ path, from, to }) => `changed ${path}, ${sizes(from, to)}`),
        ...files.renamed.map(({ from, to }) => `renamed ${from} → ${to}`),
      ],
    },
    {
      title: 'Tensors',
      lines: [
        ...tensors.added.map(({ name, what }) => `added ${name} ${what}`),
        ...tensors.removed.map(({ name, what }) => `removed ${name} ${what}`),
        ...tensors.changed.map(({ name, from, to }) => `changed ${name} ${from} → ${to}`),
        ...(tensors.inChangedFiles > 0
          ? [`${plural(tensors.inChangedFiles, 'tensor')} of the same shape in files whose content differs`]
          : []),
      ],
    },
    {
      title: 'Configuration',
      lines: configuration.map(({ file, key, from, to }) => `${file} ${key}: ${was(from, to)}`),
    },
    {
      title: 'Tokenizer',
      lines: tokenizer.map(({ file, what, from, to }) => `${file} ${what}: ${was(from, to)}`),
    },
    {
      title: 'Pickles',
      lines: [
        ...globals.added.map((name) => `new: ${name}`),
        ...globals.removed.map((name) => `gone: ${name}`),
      ],
    },
  ];
}

function sizes(from: number, to: number): string {
  return from === to ? bytesInWords(to) : `${bytesInWords(from)} → ${bytesInWords(to)}`;
}

function listed(lines: readonly string[]): string {
  const shown = lines.slice(0, SHOWN_MAX).map((line) => `- ${escaped(line)}\n`);
  const more = lines.length - shown.length;
  return shown.join('') + (more > 0 ? `- and ${more} more\n` : '');
}

/** A fence that the text cannot close. */
function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  const lines = text.split('\n').map((line) => visible(line));
  return `${fence}${language}\n${lines.join('\n').trimEnd()}\n${fence}\n`;
}

function escaped(text: string): string {
  return visible(text).replace(/[\\<>[\]*_`#|]/g, (character) => `\\${character}`);
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
