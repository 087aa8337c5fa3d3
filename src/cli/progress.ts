/** Progress on a terminal: the files under way, bytes, rate and time left, redrawn in place on standard error. */
import type { OnStart, Progress } from '../base/progress.ts';
import { bytesInWords, type Terminal, timeInWords } from './terminal.ts';

/** Redraws a second, and lines for single files: more would only flicker. */
const REDRAW_MS = 125;
const FILES_SHOWN_MAX = 4;
const BAR_CELLS = 24;

/** Runs `work`, which may start progress as often as it has files to go through; what is drawn is gone afterwards. */
export async function watching<T>(terminal: Terminal, work: (onStart: OnStart) => Promise<T>): Promise<T> {
  let stop = () => {};
  try {
    return await work((progress) => {
      stop();
      stop = showProgress(progress, terminal);
    });
  } finally {
    stop();
  }
}

/** Starts drawing; the function that is returned stops it and clears what was drawn. */
export function showProgress(progress: Progress, terminal: Terminal): () => void {
  if (!terminal.live) return () => {};
  const total = progress.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const started = performance.now();
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) terminal.err(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  const draw = () => {
    const lines = [...underWay(progress, terminal.columns), summary(progress, { total, started })];
    clear();
    terminal.err(lines.map((line) => `${line.slice(0, terminal.columns - 1)}\n`).join(''));
    drawn = lines.length;
  };
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    clear();
  };
}

function underWay(progress: Progress, columns: number): string[] {
  const rows: { name: string; rest: string }[] = [];
  for (const [number, file] of progress.files.entries()) {
    const passed = progress.passed(number);
    if (passed === 0 || passed >= file.sizeBytes) continue;
    const name = file.path.length > columns - 60 ? `…${file.path.slice(-(columns - 61))}` : file.path;
    const bytes = `${bytesInWords(passed)} of ${bytesInWords(file.sizeBytes)}`;
    rows.push({ name, rest: `${bar(passed / file.sizeBytes)}  ${bytes}` });
    if (rows.length === FILES_SHOWN_MAX) break;
  }
  const width = Math.max(0, ...rows.map((row) => row.name.length));
  return rows.map((row) => `  ${row.name.padEnd(width)}  ${row.rest}`);
}

function summary(progress: Progress, at: { readonly total: number; readonly started: number }): string {
  let passed = 0;
  let done = 0;
  for (const [number, file] of progress.files.entries()) {
    const bytes = progress.passed(number);
    passed += bytes;
    if (bytes >= file.sizeBytes) done += 1;
  }
  const rate = (passed / (performance.now() - at.started)) * 1000;
  const left = rate > 0 && passed < at.total ? `  ${timeInWords((at.total - passed) / rate)} left` : '';
  const bytes = `${bytesInWords(passed)} of ${bytesInWords(at.total)}`;
  return `  ${done} of ${progress.files.length} files  ${bytes}  ${bytesInWords(rate)}/s${left}`;
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR_CELLS);
  return '━'.repeat(full) + '╌'.repeat(BAR_CELLS - full);
}
