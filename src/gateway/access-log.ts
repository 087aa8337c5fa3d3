/**
 * The access log: one JSON line a request, saying who read which revision and file, from where. Every value that a
 * client chose is bounded and stands inside a JSON string; tokens and queries are never in it.
 */
import { type DestinationStream, type Logger, pino } from 'pino';
import { printable, WeighlockError } from '../base/errors.ts';
import type { Dispatched } from './dispatch.ts';

/** Longest text of a client's in a line. */
const TEXT_CHARS_MAX = 300;

/** The same failure is written down once in this time; how often it came again stands in the next line. */
const SAME_FAILURE_MS = 5_000;

/** Client names that are remembered, of a header's length each. */
const AGENTS_MAX = 100;

export interface Served {
  readonly requestId: string;
  readonly method: string;
  readonly target: string;
  readonly clientAddress: string;
  readonly userAgent: string | undefined;
  readonly status: number;
  /** Of the body, as far as it was handed to the socket. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Whether the client took all of it. */
  readonly ended: 'whole' | 'cut off';
}

export class AccessLog {
  readonly #log: Logger;
  readonly #agents = new Map<string, string>();
  /** What failed last, so that an outage does not fill the disk with one sentence. */
  #failure = { said: '', at: Number.NEGATIVE_INFINITY, again: 0 };

  constructor(stream: DestinationStream) {
    this.#log = pino(
      {
        base: null,
        timestamp: timeOfLines(),
        formatters: { level: (level) => ({ level }) },
      },
      stream,
    );
  }

  answered(served: Served, { address, reader, commit }: Dispatched): void {
    this.#log.info(
      {
        id: served.requestId,
        reader: reader?.name,
        from: served.clientAddress,
        method: served.method,
        route: address.route,
        model: 'model' in address ? address.model : undefined,
        commit,
        path: 'path' in address ? address.path : undefined,
        target: address.route === 'none' ? bounded(withoutQuery(served.target)) : undefined,
        status: served.status,
        bytes: served.bytes,
        durationMs: Math.round(served.durationMs * 1000) / 1000,
        cut: served.ended === 'cut off' ? true : undefined,
        agent: served.userAgent === undefined ? undefined : this.#agent(served.userAgent),
      },
      'answered',
    );
  }

  /** A client's name for itself, as it is written down: there are few, and each comes again and again. */
  #agent(text: string): string {
    const known = this.#agents.get(text);
    if (known !== undefined) return known;
    if (this.#agents.size >= AGENTS_MAX) this.#agents.clear();
    const made = bounded(text);
    this.#agents.set(text, made);
    return made;
  }

  /** Bytes that are no request, or a request that did not come to its end. */
  malformed(clientAddress: string, code: string): void {
    this.#log.warn({ from: clientAddress, code: bounded(code) }, 'not a request');
  }

  /** Whatever is wrong with us or with the vault: loud, with what the answer left out. */
  failed(requestId: string, error: unknown): void {
    const known = error instanceof WeighlockError;
    const said = error instanceof Error ? error.message : String(error);
    const { again } = this.#failure;
    const now = performance.now();
    if (said === this.#failure.said && now - this.#failure.at < SAME_FAILURE_MS) {
      this.#failure.again += 1;
      return;
    }
    this.#failure = { said, at: now, again: 0 };
    this.#log.error(
      {
        id: requestId,
        code: known ? error.code : undefined,
        error: printable(said),
        again: again > 0 ? again : undefined,
        stack: known || !(error instanceof Error) ? undefined : printable(error.stack ?? ''),
      },
      known ? 'the vault failed' : 'Weighlock made a mistake',
    );
  }

  say(what: string, fields: Readonly<Record<string, string | number>> = {}): void {
    this.#log.info(fields, what);
  }
}

/** The time as a part of a line, made once a millisecond: many lines fall into one. */
function timeOfLines(): () => string {
  let at = Number.NaN;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

function bounded(text: string): string {
  const safe = printable(text.slice(0, TEXT_CHARS_MAX));
  return text.length > TEXT_CHARS_MAX ? `${safe}…` : safe;
}

/** Queries are left out: somebody may have put a token there. */
function withoutQuery(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}
