/** The matrix as people read it: a row for each client and operation, a column for each model on each vault. */
import type { Cell } from './matrix.ts';

const MARK = { exact: 'exact', explained: 'explained', wrong: 'WRONG', missing: 'missing' } as const;

export function tableOf(cells: readonly Cell[]): string {
  const columnOf = ({ model, vault }: Cell) => `${model} · ${vault}`;
  const columns = [...new Set(cells.map(columnOf))];
  const rows = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = `${cell.client}\n${cell.operation}`;
    rows.set(key, [...(rows.get(key) ?? []), cell]);
  }
  const lines = [['client', 'operation', ...columns]];
  let last = '';
  for (const row of rows.values()) {
    const [{ client, operation } = { client: '', operation: '' }] = row;
    const results = columns.map((column) => {
      const cell = row.find((one) => columnOf(one) === column);
      return cell ? MARK[cell.result] : '-';
    });
    lines.push([client === last ? '' : client, operation, ...results]);
    last = client;
  }
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0))) ?? [];
  const drawn = lines.map((line) =>
    line
      .map((word, at) => word.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...drawn, '', ...notes(cells), summary(cells)].join('\n');
}

/** What is not exact, in a sentence each; the same sentence once. */
function notes(cells: readonly Cell[]): string[] {
  const said = new Map<string, Set<string>>();
  for (const { client, operation, vault, result, detail } of cells) {
    if (result === 'exact') continue;
    const text = `${MARK[result]}: ${detail}`;
    const where =
      result === 'missing' ? client : `${client}, ${operation}${result === 'wrong' ? `, ${vault}` : ''}`;
    said.set(text, (said.get(text) ?? new Set()).add(where));
  }
  return [...said].map(([text, where]) => `${text}\n    (${[...where].join(' | ')})`);
}

function summary(cells: readonly Cell[]): string {
  const count = (result: Cell['result']) => cells.filter((cell) => cell.result === result).length;
  const kinds = ['exact', 'explained', 'wrong', 'missing'] as const;
  return `${cells.length} cells: ${kinds.map((kind) => `${count(kind)} ${kind}`).join(', ')}`;
}
