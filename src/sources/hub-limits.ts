/** How much the Hub client takes, waits and tries; each number with its reason. */

export interface HubLimits {
  /** Connections to one host: what a range-parallel download of one machine uses; more only meets rate limits. */
  readonly connectionsPerHostMax: number;
  readonly connectMs: number;
  /** The Hub assembles large trees slowly; beyond this it is down. */
  readonly headersMs: number;
  /** A body that sends no byte for this long counts as broken. */
  readonly bodyIdleMs: number;
  /** All of one JSON answer. */
  readonly jsonMs: number;
  /** A drip of bytes must not hold a worker for days: slower than this over `slowAfterMs` counts as broken. */
  readonly bytesPerSecondMin: number;
  readonly slowAfterMs: number;

  /** Model info holds every file's name: repos of 100,000 files fit. */
  readonly infoBytesMax: number;
  /** A page of 1000 entries of the longest paths is about 2 MB. */
  readonly pageBytesMax: number;
  readonly pagesMax: number;
  readonly entriesMax: number;
  /** Pages of 100 that are read for the Hub's own scan status; it is evidence, not worth more. */
  readonly scanPagesMax: number;

  /** A cache, a login, a CDN: no honest chain is longer. */
  readonly redirectsMax: number;
  /** How long a CDN URL is used again; they are good for an hour, but access may be withdrawn sooner. */
  readonly redirectReuseMs: number;
  /** Files whose CDN URL is remembered. */
  readonly redirectsKeptMax: number;

  /** Failures in a row without one new byte. */
  readonly attemptsMax: number;
  /** Failures in all during one read, so that a server that sends a byte and dies cannot go on for ever. */
  readonly failuresMax: number;
  readonly backoffMs: number;
  readonly backoffMsMax: number;
  /** The Hub counts requests in windows of five minutes. */
  readonly hintMsMax: number;
  readonly waitTotalMsMax: number;
}

export const HUB_LIMITS: HubLimits = {
  connectionsPerHostMax: 16,
  connectMs: 10_000,
  headersMs: 30_000,
  bodyIdleMs: 30_000,
  jsonMs: 120_000,
  bytesPerSecondMin: 1024,
  slowAfterMs: 60_000,

  infoBytesMax: 16 * 2 ** 20,
  pageBytesMax: 4 * 2 ** 20,
  pagesMax: 200,
  entriesMax: 100_000,
  scanPagesMax: 20,

  redirectsMax: 5,
  redirectReuseMs: 60_000,
  redirectsKeptMax: 256,

  attemptsMax: 6,
  failuresMax: 100,
  backoffMs: 500,
  backoffMsMax: 30_000,
  hintMsMax: 310_000,
  waitTotalMsMax: 900_000,
};
