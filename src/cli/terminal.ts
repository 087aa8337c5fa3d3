/** What people see: colours where they are wanted, sizes and times in words, tables. */
import { printable } from '../base/errors.ts';

export { bytesInWords, plural, timeInWords } from '../base/words.ts';

export interface Terminal {
  readonly colour: boolean;
  /** Whether standard error is a terminal: progress is shown only there. */
  readonly live: boolean;
  readonly columns: number;
  out(text: string): void;
  err(text: string): void;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export function systemTerminal(environment: NodeJS.ProcessEnv): Terminal {
  const plain = (environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb';
  return {
    colour: process.stdout.isTTY === true && !plain,
    live: process.stderr.isTTY === true && environment.TERM !== 'dumb',
    columns: process.stderr.columns ?? process.stdout.columns ?? 100,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  };
}

/** A function that styles text, or leaves it as it is. Control characters in `text` are made visible first. */
export function painter(
  terminal: Pick<Terminal, 'colour'>,
  made: (text: string) => string = printable,
): (style: Style, text: string) => string {
  return (style, text) => {
    const safe = made(text);
    const [on, off] = CODES[style];
    return terminal.colour ? `\u001b[${on}m${safe}\u001b[${off}m` : safe;
  };
}

/** Columns as wide as their widest cell, two spaces between. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map((cell) => printable(cell)));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** `  label      text`, further lines of the text under the first. */
export function labelled(label: string, text: string): string {
  const [first = '', ...more] = text.split('\n');
  const start = `  ${label.padEnd(10)} `;
  return [`${start}${first}`, ...more.map((line) => `${' '.repeat(13)}${line}`)]
    .map((line) => `${line}\n`)
    .join('');
}

/** As `labelled`, with the label styled. */
export function paintedLabel(
  paint: ReturnType<typeof painter>,
  style: Style,
  at: readonly [string, string],
): string {
  const [label, text] = at;
  return labelled(label, text).replace(label, paint(style, label));
}

/** Escape sequences of styles, which take no room. */
const STYLED = /\u001b\[\d+m/g;

/** Narrower than this, lines are left as they are: words would stand one below the other. */
const COLUMNS_MIN = 50;

/** Lines that are longer than the terminal broken between words, what follows under `indent`. */
export function wrapped(text: string, { columns, indent }: { columns: number; indent: string }): string {
  if (columns < COLUMNS_MIN) return text;
  return text
    .split('\n')
    .map((line) => wrapLine(line, { columns, indent }))
    .join('\n');
}

function wrapLine(line: string, { columns, indent }: { columns: number; indent: string }): string {
  const width = (part: string) => part.replace(STYLED, '').length;
  if (width(line) <= columns) return line;
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(/(?<=\S)(?= )/)) {
    if (width(current) + width(word) > columns && current.trim() !== '') {
      lines.push(current);
      current = indent + word.trimStart();
    } else current += word;
  }
  return [...lines, current].join('\n');
}
