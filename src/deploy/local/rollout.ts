/**
 * Rollout: brings the front to the revision that is wanted. A new backend is started beside the old one, takes over once
 * it is healthy, and the old one ends after its last answer; one that does not come up changes nothing. What must not run
 * any more ends at once, whatever else is under way.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Commit } from '../../base/name.ts';
import type { Backend } from './backend.ts';
import type { Front } from './front.ts';

/** What the vault says now. */
export interface Wanted {
  /** The revision that is to serve; undefined: none, and `why` says so to clients. */
  readonly commit: Commit | undefined;
  readonly why: string;
  /** Whether a revision may go on until another has taken over. */
  readonly mayGoOn: (commit: Commit) => boolean;
}

export interface RolloutOptions {
  readonly front: Front;
  /** Brings the revision to this machine, verified, and starts a server of it. */
  readonly start: (commit: Commit, signal: AbortSignal) => Promise<Backend>;
  /** Told of every change, in order, each awaited before the next. */
  readonly onChange: (change: Change) => Promise<void>;
  /** How long the last answers of an old backend may take. */
  readonly drainMs: number;
}

export type Change =
  | {
      readonly kind: 'serving';
      readonly commit: Commit;
      readonly before: Commit | undefined;
      readonly pid: number;
    }
  | { readonly kind: 'stopped'; readonly commit: Commit; readonly why: string }
  | { readonly kind: 'failed'; readonly commit: Commit; readonly error: WeighlockError };

interface Running {
  readonly commit: Commit;
  readonly backend: Backend;
}

/** Ends of a backend by itself, one shortly after the other, after which it is not started again. */
const DEATHS_MAX = 3;
const DEATHS_WITHIN_MS = 600_000;

const TRY_AGAIN_MS = 30_000;

export class Rollout {
  readonly #options: RolloutOptions;
  #running: Running | undefined;
  /** Those that were taken over from, and give their last answers. */
  readonly #draining = new Set<Running>();
  #starting:
    | { readonly commit: Commit; readonly abort: AbortController; readonly done: Promise<void> }
    | undefined;
  #wanted: Wanted | undefined;
  /** A revision that did not come up, which is not tried again before another is wanted. */
  #failed: Commit | undefined;
  #deaths: number[] = [];
  #changes: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** The revision that serves now. */
  get serving(): Commit | undefined {
    return this.#running?.commit;
  }

  /** Takes in what is wanted from now on; what has to end has ended when it returns. */
  async want(wanted: Wanted): Promise<void> {
    this.#wanted = wanted;
    const running = this.#running;
    if (running && !wanted.mayGoOn(running.commit)) await this.#stop(running, wanted.why);
    // Their last answers would be of what must not run: without the server they are cut.
    for (const draining of this.#draining)
      if (!wanted.mayGoOn(draining.commit)) await draining.backend.stop();
    if (wanted.commit !== this.#failed) this.#failed = undefined;
    if (this.#starting && this.#starting.commit !== wanted.commit) this.#starting.abort.abort();
    this.#begin();
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#starting?.abort.abort();
    await this.#starting?.done;
    const running = this.#running;
    if (running) await this.#stop(running, 'the deployment ends');
    for (const draining of this.#draining) await draining.backend.stop();
    await this.#changes;
  }

  #begin(): void {
    const commit = this.#wanted?.commit;
    const there = commit === this.#running?.commit || commit === this.#failed;
    if (this.#ended || this.#starting || commit === undefined || there) return;
    const abort = new AbortController();
    const done = this.#start(commit, abort.signal).finally(() => {
      this.#starting = undefined;
      this.#begin();
    });
    this.#starting = { commit, abort, done };
  }

  async #start(commit: Commit, signal: AbortSignal): Promise<void> {
    let backend: Backend;
    try {
      backend = await this.#options.start(commit, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof WeighlockError)) throw error;
      this.#failed = commit;
      if (error.code === 'WL_VAULT_UNAVAILABLE') this.#tryAgainLater(commit);
      this.#tell({ kind: 'failed', commit, error });
      return;
    }
    // While it was starting, the vault may have said that it must not.
    if (signal.aborted || this.#ended || !this.#wanted?.mayGoOn(commit)) return backend.stop();
    const before = this.#running;
    const running = { commit, backend };
    this.#running = running;
    const switched = this.#options.front.switchTo(
      { port: backend.port, revision: commit },
      this.#options.drainMs,
    );
    this.#tell({ kind: 'serving', commit, before: before?.commit, pid: backend.pid });
    void backend.ended.then(() => this.#died(running));
    if (before) void this.#drain(before, switched);
  }

  async #drain(before: Running, switched: Promise<void>): Promise<void> {
    this.#draining.add(before);
    await switched;
    await before.backend.stop();
    this.#draining.delete(before);
  }

  /** What could not be copied may be copied later; what does not run would not run then either. */
  #tryAgainLater(commit: Commit): void {
    const timer = setTimeout(() => {
      if (this.#failed !== commit) return;
      this.#failed = undefined;
      this.#begin();
    }, TRY_AGAIN_MS);
    timer.unref();
  }

  async #stop(running: Running, why: string): Promise<void> {
    this.#running = undefined;
    this.#options.front.close(why);
    await running.backend.stop();
    this.#tell({ kind: 'stopped', commit: running.commit, why });
  }

  /** A backend that ended by itself is started again, unless it keeps doing so. */
  #died(running: Running): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    const why = `the server ended by itself: ${running.backend.lastWords}`;
    this.#options.front.close('the server ended by itself');
    this.#tell({ kind: 'stopped', commit: running.commit, why });
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATHS_WITHIN_MS), now];
    if (this.#deaths.length >= DEATHS_MAX) {
      this.#failed = running.commit;
      const error = new WeighlockError('WL_DEPLOY_FAILED', `${why}, ${DEATHS_MAX} times`);
      this.#tell({ kind: 'failed', commit: running.commit, error });
    }
    this.#begin();
  }

  #tell(change: Change): void {
    this.#changes = this.#changes.then(() => this.#options.onChange(change));
  }
}
