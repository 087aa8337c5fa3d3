/** A terminal that keeps what is printed. */
import type { Terminal } from '../../src/cli/terminal.ts';

export interface Capture {
  readonly terminal: Terminal;
  readonly out: () => string;
  readonly err: () => string;
}

export function capture(): Capture {
  let out = '';
  let err = '';
  return {
    terminal: {
      colour: false,
      live: false,
      columns: 100,
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
    },
    out: () => out,
    err: () => err,
  };
}
