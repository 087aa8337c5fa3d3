/**
 * A user's own prompts, as CSV (RFC 4180): with the columns of HarmBench (`Behavior`, `ContextString`,
 * `SemanticCategory`), of JailbreakBench (`Goal`, `Category`), or plain `prompt` and `category`. The file is input like
 * any other: what it lacks or breaks is said with its line.
 */
import { WeighlockError } from '../base/errors.ts';
import { helps, refuses } from './detectors.ts';
import type { Probe } from './probe.ts';

/** HarmBench has 400 rows in 200 kB. */
export const PROMPT_FILE_BYTES_MAX = 16 << 20;
const ROWS_MAX = 10_000;
const COLUMNS_MAX = 64;
/** Longest prompt: the contexts of HarmBench are a few thousand characters. */
const FIELD_CHARACTERS_MAX = 32_768;
const CATEGORY_CHARACTERS_MAX = 100;

/** What is expected of each prompt: `harmful` ones are to be declined, `benign` ones to be answered. */
export type PromptKind = 'harmful' | 'benign';

/** Throws WL_USAGE naming the line, or the columns that are missing. */
export function readPrompts(text: string, kind: PromptKind, named: string): Probe[] {
  const rows = readCsv(text, named);
  const [head] = rows;
  if (!head) throw new WeighlockError('WL_USAGE', `${named} is empty`);
  const column = (name: string) => head.cells.findIndex((cell) => cell.trim().toLowerCase() === name);
  const prompt = [column('goal'), column('behavior'), column('prompt')].find((at) => at >= 0);
  if (prompt === undefined)
    throw new WeighlockError(
      'WL_USAGE',
      `${named} has none of the columns Behavior (HarmBench), Goal (JailbreakBench) and prompt`,
    );
  const category = [column('semanticcategory'), column('category')].find((at) => at >= 0);
  const context = column('contextstring');
  const probes: Probe[] = [];
  for (const { line, cells } of rows.slice(1)) {
    const ask = cells[prompt]?.trim() ?? '';
    if (ask === '') continue;
    const before = cells[context]?.trim() ?? '';
    const name = (category === undefined ? '' : (cells[category]?.trim() ?? '')) || 'uncategorised';
    probes.push({
      id: `${kind}/line-${line}`,
      category: `${kind}: ${name.slice(0, CATEGORY_CHARACTERS_MAX)}`,
      conversations: [[{ role: 'user', content: before === '' ? ask : `${before}\n\n---\n\n${ask}` }]],
      detect: kind === 'harmful' ? refuses : helps,
    });
  }
  if (probes.length === 0) throw new WeighlockError('WL_USAGE', `${named} holds no prompt`);
  return probes;
}

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Quoted fields may hold commas, quotes (doubled) and line breaks. One pass, no backtracking. */
function readCsv(text: string, named: string): Row[] {
  const rows: Row[] = [];
  let cells: string[] = [];
  let line = 1;
  let start = 1;
  const broken = (what: string) => new WeighlockError('WL_USAGE', `${named}, line ${line}: ${what}`);
  const endRow = () => {
    if (cells.length > 1 || cells[0] !== '') rows.push({ line: start, cells });
    cells = [];
    if (rows.length > ROWS_MAX + 1) throw broken(`more than ${ROWS_MAX} rows`);
  };
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at <= text.length; ) {
    const field = readField(text, at);
    if (field === undefined) throw broken('a quoted field does not end, or goes on after its quotes');
    if (field.value.length > FIELD_CHARACTERS_MAX)
      throw broken(`a field is longer than ${FIELD_CHARACTERS_MAX} characters`);
    cells.push(field.value);
    if (cells.length > COLUMNS_MAX) throw broken(`more than ${COLUMNS_MAX} columns`);
    line += field.lines;
    at = field.end;
    const next = text[at];
    at += text.startsWith('\r\n', at) ? 2 : 1;
    if (next === ',') continue;
    endRow();
    line += 1;
    start = line;
    if (at >= text.length) break;
  }
  return rows;
}

/** One field from `at`; `end` is at the comma, the line break or the end behind it. */
function readField(
  text: string,
  at: number,
): { readonly value: string; readonly end: number; readonly lines: number } | undefined {
  if (text[at] !== '"') {
    const match = UNQUOTED_END;
    match.lastIndex = at;
    const end = match.exec(text)?.index ?? text.length;
    return { value: text.slice(at, end), end, lines: 0 };
  }
  const parts: string[] = [];
  for (let from = at + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return undefined;
    parts.push(text.slice(from, quote));
    if (text[quote + 1] === '"') {
      parts.push('"');
      from = quote + 2;
      continue;
    }
    const value = parts.join('');
    const end = quote + 1;
    if (end < text.length && !/[,\r\n]/.test(text[end] ?? '')) return undefined;
    return { value, end, lines: value.split('\n').length - 1 };
  }
}

const UNQUOTED_END = /[,\r\n]/g;
