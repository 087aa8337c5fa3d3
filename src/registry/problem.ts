/** Verification: what is wrong with a vault or a copy of a model, object by object. */
import { type ErrorCode, WeighlockError } from '../base/errors.ts';

/** One object that is not what it must be. */
export interface Problem {
  /** A key of the vault, or a path inside the copy. */
  readonly object: string;
  /** What is wrong with it, as a clause: `is missing`, `was changed`, … */
  readonly problem: string;
  /** The error that said so, where it was one. */
  readonly code?: ErrorCode;
}

export interface Verification {
  readonly problems: readonly Problem[];
  /** What was checked and found in order, in words. */
  readonly checked: readonly string[];
  /** What this verification cannot or did not say. */
  readonly unchecked: readonly string[];
}

/** Collects problems while a verification goes on as far as it can. */
export class Findings {
  readonly #problems: Problem[] = [];
  readonly #checked: string[] = [];
  readonly #unchecked: string[] = [];

  problem(object: string, problem: string, code?: ErrorCode): void {
    if (this.#problems.some((known) => known.object === object && known.problem === problem)) return;
    this.#problems.push({ object, problem, ...(code && { code }) });
  }

  checked(what: string): void {
    if (!this.#checked.includes(what)) this.#checked.push(what);
  }

  unchecked(what: string): void {
    this.#unchecked.push(what);
  }

  /** Runs a step; what it throws as our error is a problem of `object`, and the answer undefined. */
  async attempt<T>(object: string, step: () => Promise<T>): Promise<T | undefined> {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof WeighlockError) || error.code === 'WL_VAULT_UNAVAILABLE') throw error;
      const { message, code } = error;
      this.problem(
        object,
        message.startsWith(`${object} `) ? message.slice(object.length + 1) : message,
        code,
      );
      return undefined;
    }
  }

  conclude(): Verification {
    return { problems: this.#problems, checked: this.#checked, unchecked: this.#unchecked };
  }
}
