/** Follower: looks at the vault all the time, for whoever runs by what it says. */
import { WeighlockError } from '../base/errors.ts';
import { Freshness, type StateChange } from '../gateway/freshness.ts';
import type { Gate } from '../registry/gate.ts';
import { expiry } from '../registry/registry.ts';
import { labelled } from './terminal.ts';
import type { Wire } from './wire.ts';

/** How often it is looked whether a state that nobody renewed is past its time. */
const EXPIRY_EVERY_MS = 5_000;

interface Listener {
  /** Is told one thing after the other: look again, or what the vault is not believed for any more. */
  readonly look: (error?: unknown) => Promise<void>;
  /** Is told what a look threw. The next change is looked at all the same: it may be a revocation. */
  readonly fail: (error: unknown) => void;
}

export class Follower {
  readonly #freshness: Freshness;
  readonly #timer: NodeJS.Timeout;

  private constructor(freshness: Freshness, timer: NodeJS.Timeout) {
    this.#freshness = freshness;
    this.#timer = timer;
  }

  static async start(
    wire: Pick<Wire, 'clock' | 'terminal'>,
    gate: Gate,
    { look, fail }: Listener,
  ): Promise<Follower> {
    let turn: Promise<void> = Promise.resolve();
    const next = (error?: unknown) => {
      turn = turn.then(() => look(error)).catch(fail);
    };
    const onChange = (change: StateChange) => {
      if ('state' in change) {
        next();
        return;
      }
      const { error } = change;
      const message = error instanceof Error ? error.message : String(error);
      wire.terminal.err(labelled('vault', message));
      // A vault that is out of reach may come back: what it said last holds until its time is over.
      if (!(error instanceof WeighlockError && error.code === 'WL_VAULT_UNAVAILABLE')) next(error);
    };
    const freshness = await Freshness.start({ registry: gate, clock: wire.clock, onChange });
    let { state } = await gate.state('accept');
    const timer = setInterval(async () => {
      state = await gate.state('accept').then(
        (current) => current.state,
        () => state,
      );
      const past = expiry(state, wire.clock);
      if (past) next(past);
    }, EXPIRY_EVERY_MS);
    return new Follower(freshness, timer);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#freshness.close();
  }
}
