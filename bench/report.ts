/** What benches print: tables for people, and on which machine they were measured. */
import os from 'node:os';

export const GIBIBYTE = 2 ** 30;

/** Others at work before the bench began: what is measured beside them is worth little. */
const LOAD_BEFORE = os.loadavg()[0] ?? 0;

export interface Machine {
  readonly loadBefore: number;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
}

export function machine(): Machine {
  return {
    loadBefore: LOAD_BEFORE,
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    node: process.versions.node,
  };
}

export function machineLine(sizeBytes: number, about: Machine = machine()): string {
  const { cores, memoryBytes, node, loadBefore } = about;
  const size = `${(sizeBytes / 1e9).toFixed(1)} GB`;
  const memory = `${Math.round(memoryBytes / GIBIBYTE)} GiB`;
  return `${size}, ${cores} cores, ${memory}, Node ${node}, load before ${loadBefore.toFixed(1)}`;
}

/** A table of Markdown: names to the left, numbers to the right. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |\n`;
  const rule = `|${widths.map((width, column) => `${column === 0 ? '-' : ''}${'-'.repeat(width + 1)}${column === 0 ? '' : ':'}`).join('|')}|\n`;
  const [head = [], ...body] = rows;
  return line(head) + rule + body.map(line).join('');
}

/** The size that `--gb` asks for. */
export function sizeFrom(gb: string): number {
  const sizeBytes = Math.round(Number(gb) * 1e9);
  if (sizeBytes >= 1e8 && sizeBytes <= 1e12) return sizeBytes;
  throw new Error('--gb takes a number from 0.1 to 1000');
}
