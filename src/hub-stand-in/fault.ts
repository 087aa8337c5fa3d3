/**
 * Faults: how the stand-in misbehaves, one by one, on request.
 *
 * Each names where it strikes, optionally which file, and how often. Faults of one place are tried in order and
 * the first that matches and is not used up strikes.
 */

/**
 * Where a request can be struck: `model` (model info), `tree`, `publisher` (overviews), `scan`, `resolve` (the API
 * host's answer for a file, which for small files is the body itself), `body` (whoever sends the bytes of a file).
 */
export type FaultPlace = 'model' | 'tree' | 'publisher' | 'scan' | 'resolve' | 'body';

export type FaultKind =
  /** Answer with this status and nothing else. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Cut the connection before any answer. */
  | { readonly kind: 'reset' }
  /** Set or (undefined) drop headers of an otherwise right answer. */
  | { readonly kind: 'headers'; readonly set: Readonly<Record<string, string | undefined>> }
  /** Redirect there; `{self}` stands for the very URL asked for, which makes a loop. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** Replace the JSON value of an answer. */
  | { readonly kind: 'json'; readonly change: (value: unknown) => unknown }
  /** Send this text in place of JSON. */
  | { readonly kind: 'text'; readonly text: string }
  /** Pace the body. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Close the connection after this many bytes of the body. */
  | { readonly kind: 'truncated'; readonly afterBytes: number }
  /** Send this many bytes of the body, then nothing, with the connection open. */
  | { readonly kind: 'stalled'; readonly afterBytes: number }
  /** End the body in good order after this many bytes, as if it had been all. */
  | { readonly kind: 'shortened'; readonly afterBytes: number }
  /** Flip a bit of the byte at this offset of the file. */
  | { readonly kind: 'corrupted'; readonly offset: number }
  /** Answer a range with 200 and the whole file. */
  | { readonly kind: 'range-ignored' }
  /** Name (and send) a range that lies this many bytes further on. */
  | { readonly kind: 'range-shifted'; readonly byBytes: number }
  /** Send this many bytes more than announced by the range, with a body of undeclared length. */
  | { readonly kind: 'oversized'; readonly extraBytes: number };

export type Fault = FaultKind & {
  readonly at: FaultPlace;
  /** Only this file. */
  readonly path?: string;
  /** Strike this often, then behave; without end where absent. */
  readonly times?: number;
};

/** The faults in force. A test may replace them while the server runs. */
export class Faults {
  #armed: { readonly fault: Fault; left: number }[] = [];

  constructor(faults: readonly Fault[] = []) {
    this.replace(faults);
  }

  replace(faults: readonly Fault[]): void {
    this.#armed = faults.map((fault) => ({ fault, left: fault.times ?? Number.POSITIVE_INFINITY }));
  }

  /** Whether nothing would strike there now. */
  quiet(at: FaultPlace): boolean {
    return !this.#armed.some(({ fault, left }) => left > 0 && fault.at === at);
  }

  /** The fault that strikes this request now; it counts as used. */
  strike(at: FaultPlace, path?: string): Fault | undefined {
    const armed = this.#armed.find(
      ({ fault, left }) => left > 0 && fault.at === at && (fault.path === undefined || fault.path === path),
    );
    if (!armed) return undefined;
    armed.left -= 1;
    return armed.fault;
  }
}
