/**
 * Faults: how the stand-in and the proxy misbehave on request. Rules are tried in order; the first that matches a
 * request and is due strikes it.
 */
import type { IncomingHttpHeaders } from 'node:http';

export type FaultWhat =
  /** The work is done, then the connection is cut before a byte of the answer. */
  | 'drop-response'
  /** The connection is cut before the work. */
  | 'reset'
  /** 400 ExpiredToken. */
  | 'expired-token'
  /** 409 ConditionalRequestConflict. */
  | 'conflict'
  /** The store forgets the upload that is named: NoSuchUpload, now and later. The proxy only answers so. */
  | 'abort-upload'
  /** Nothing is answered, and the connection stays open. */
  | 'stall'
  /** An error instead of the work; status 200 is AWS's way to fail a completion that it has begun to answer. */
  | { readonly status: 200 | 400 | 403 | 404 | 409 | 412 | 500 | 503; readonly code: string };

export interface FaultRule {
  /** Names of AWS's API; every operation where absent. */
  readonly operation?: string | readonly string[];
  /** Only requests whose path and query match. */
  readonly target?: RegExp;
  /** The first request to strike, counted from 1 among those that match. */
  readonly nth?: number;
  /** How many in a row from there. */
  readonly times?: number;
  /** `distinct` strikes each distinct request the first time it is seen, whatever `nth` and `times` say. */
  readonly each?: 'distinct';
  readonly what: FaultWhat;
}

export interface FaultTarget {
  readonly operation: string;
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** A rule that remembers more distinct requests than this is a test that never ends. */
const DISTINCT_MAX = 200_000;

/** What tells a request from its repetition: everything but signature, date and the client's own counters. */
const TELLING =
  /^(?:range|content-length|if-(?:none-)?match|x-amz-(?:checksum-.*|copy-source.*|content-sha256))$/;

export class FaultTable {
  readonly #rules: { readonly rule: FaultRule; matched: number; readonly seen: Set<string> }[] = [];
  /** What was struck, in order. */
  readonly struck: { readonly operation: string; readonly url: string; readonly what: FaultWhat }[] = [];

  add(rule: FaultRule): void {
    this.#rules.push({ rule, matched: 0, seen: new Set() });
  }

  clear(): void {
    this.#rules.length = 0;
  }

  /** The fault that strikes this request now. Every rule counts the requests that match it, struck or not. */
  strike(request: FaultTarget): FaultWhat | undefined {
    const due = this.#rules.filter((armed) => {
      if (!matches(armed.rule, request)) return false;
      if (armed.rule.each === 'distinct') return isNew(armed.seen, identity(request));
      armed.matched += 1;
      const first = armed.rule.nth ?? 1;
      return armed.matched >= first && armed.matched < first + (armed.rule.times ?? 1);
    });
    const what = due[0]?.rule.what;
    if (what !== undefined) this.struck.push({ operation: request.operation, url: request.url, what });
    return what;
  }
}

function matches(rule: FaultRule, request: FaultTarget): boolean {
  if (rule.target !== undefined && !rule.target.test(request.url)) return false;
  if (rule.operation === undefined) return true;
  return [rule.operation].flat().includes(request.operation);
}

function isNew(seen: Set<string>, item: string): boolean {
  if (seen.has(item)) return false;
  if (seen.size >= DISTINCT_MAX) throw new Error('a fault rule has seen too many distinct requests');
  seen.add(item);
  return true;
}

function identity({ method, url, headers }: FaultTarget): string {
  const telling = Object.entries(headers).filter(([name]) => TELLING.test(name));
  const unsigned = url.replace(/([?&])X-Amz-(?:Signature|Date)=[^&]*/g, '$1');
  return JSON.stringify([method, unsigned, telling.sort(([a], [b]) => (a < b ? -1 : 1))]);
}
