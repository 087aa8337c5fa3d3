/** Readers: who asks, and which models that may be. Answers never differ by whether a model exists that one may not read. */
import type { ModelName } from '../base/name.ts';

/** Whoever a request is answered to. */
export interface Reader {
  /** The grant's name; undefined for somebody without a token. */
  readonly name: string | undefined;
  readonly role: 'reader' | 'auditor' | 'anonymous';
  /** Whether files may be read, or only what is known of them. */
  readonly mayDownload: boolean;
  /** When the grant was made, ISO 8601. */
  readonly grantedAt: string | undefined;
  mayRead(model: ModelName): boolean;
  /** What rate limits count by: the token's digest, or the address of somebody without one. */
  readonly countedBy: string;
}

export interface Readers {
  /**
   * Whose token this is, by the state that is believed now. `undefined` for the token: anonymous.
   * Answers 'unknown' for a token that is not, or no longer, granted, and 'nobody' where anonymous reading is off.
   */
  identify(token: string | undefined, address: string): Reader | 'unknown' | 'nobody';
}

/** How much of a window a reader has left. */
export interface Allowance {
  readonly allowed: boolean;
  readonly policy: 'api' | 'resolvers';
  readonly remaining: number;
  readonly resetsInSeconds: number;
}

export interface RateLimits {
  take(reader: Reader, policy: Allowance['policy']): Allowance;
}
