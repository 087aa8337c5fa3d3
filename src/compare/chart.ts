/**
 * Charts as SVG, drawn by hand: bars with their values beside them, dots on a line, shares of a whole. Every number stands
 * as text next to its mark, so that nothing depends on colour, and on paper nothing is lost.
 */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value in words. */
  readonly said: string;
  readonly tone: Tone;
}

/** What a mark stands for; the page gives each its colour. */
export type Tone = 'vault' | 'hub' | 'plain' | 'good' | 'bad' | 'open';

const WIDTH = 480;
const LABEL_WIDTH = 168;
const SAID_WIDTH = 84;
const ROW_HEIGHT = 30;
const BAR_HEIGHT = 16;

/** Text for the inside of an element or an attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** One bar a row from zero, all on one scale. */
export function bars(title: string, rows: readonly Bar[]): string {
  const most = Math.max(...rows.map(({ value }) => value), Number.MIN_VALUE);
  const room = WIDTH - LABEL_WIDTH - SAID_WIDTH;
  const drawn = rows.map(({ label, value, said, tone }, row) => {
    const y = row * ROW_HEIGHT;
    const length = Math.max(1, (value / most) * room);
    return [
      text(label, { x: LABEL_WIDTH - 10, y: y + 20, anchor: 'end' }),
      `<rect class="${tone}" x="${LABEL_WIDTH}" y="${y + 7}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
      text(said, { x: LABEL_WIDTH + length + 8, y: y + 20, anchor: 'start', bold: 'bold' }),
    ].join('');
  });
  return svg(title, rows.length * ROW_HEIGHT, drawn.join(''));
}

export interface DotRow {
  readonly label: string;
  readonly values: readonly number[];
  readonly middle: number;
  readonly said: string;
  readonly tone: Tone;
}

/** Every single measurement as a dot, the median as a line through them. */
export function dots(title: string, rows: readonly DotRow[], unit: string): string {
  const most = niceCeiling(Math.max(...rows.flatMap(({ values }) => values), Number.MIN_VALUE));
  const room = WIDTH - LABEL_WIDTH - SAID_WIDTH;
  const x = (value: number) => LABEL_WIDTH + (value / most) * room;
  const drawn = rows.map(({ label, values, middle, said, tone }, row) => {
    const y = row * ROW_HEIGHT + 15;
    const marks = values.map(
      (value) => `<circle class="${tone}" cx="${x(value).toFixed(1)}" cy="${y}" r="5"/>`,
    );
    return [
      text(label, { x: LABEL_WIDTH - 10, y: y + 5, anchor: 'end' }),
      `<line class="axis" x1="${LABEL_WIDTH}" x2="${LABEL_WIDTH + room}" y1="${y}" y2="${y}"/>`,
      ...marks,
      `<line class="median" x1="${x(middle).toFixed(1)}" x2="${x(middle).toFixed(1)}" y1="${y - 10}" y2="${y + 10}"/>`,
      text(said, { x: LABEL_WIDTH + room + 12, y: y + 5, anchor: 'start', bold: 'bold' }),
    ].join('');
  });
  const foot = rows.length * ROW_HEIGHT + 16;
  const scale = [0, most / 2, most].map((value) =>
    text(`${value} ${unit}`, {
      x: x(value),
      y: foot,
      anchor: value === 0 ? 'start' : 'middle',
      small: 'small',
    }),
  );
  return svg(title, foot + 8, drawn.join('') + scale.join(''));
}

export interface ShareRow {
  readonly label: string;
  readonly parts: readonly { readonly count: number; readonly tone: Tone; readonly said: string }[];
}

/** Parts of a whole, a row each; the parts' counts stand behind the bar. */
export function shares(title: string, rows: readonly ShareRow[]): string {
  const room = WIDTH - LABEL_WIDTH - 2 * SAID_WIDTH;
  const drawn = rows.map(({ label, parts }, row) => {
    const y = row * ROW_HEIGHT;
    const all = Math.max(
      1,
      parts.reduce((sum, { count }) => sum + count, 0),
    );
    let at = LABEL_WIDTH;
    const marks = parts.map(({ count, tone }) => {
      const width = (count / all) * room;
      const mark = `<rect class="${tone}" x="${at.toFixed(1)}" y="${y + 7}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}"/>`;
      at += width;
      return count === 0 ? '' : mark;
    });
    const said = parts.filter(({ count }) => count > 0).map((part) => `${part.count} ${part.said}`);
    return [
      text(label, { x: LABEL_WIDTH - 10, y: y + 20, anchor: 'end' }),
      ...marks,
      text(said.join(', '), { x: LABEL_WIDTH + room + 8, y: y + 20, anchor: 'start', bold: 'bold' }),
    ].join('');
  });
  return svg(title, rows.length * ROW_HEIGHT, drawn.join(''));
}

/** 1, 2 or 5 times a power of ten, not below the value. */
export function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10;
  return step * power;
}

interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'middle' | 'end';
  readonly bold?: 'bold';
  readonly small?: 'small';
}

function text(content: string, { x, y, anchor, bold, small }: TextPlace): string {
  const style = [bold, small].filter(Boolean).join(' ');
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}"${style && ` class="${style}"`}>${escaped(content)}</text>`;
}

function svg(title: string, height: number, inside: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}"><title>${escaped(title)}</title>${inside}</svg>`;
}
