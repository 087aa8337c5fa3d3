/** Time, as something that a test can hold still. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** RFC 3339 in UTC with seconds, as statements carry it. */
export function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** How far the clocks of two machines may be apart before one of them is taken to be wrong. */
export const CLOCKS_APART_MS = 10 * 60_000;
