/** A verified request on its way through the stand-in, and its answer. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Body } from './body.ts';
import type { Bucket, Store } from './store.ts';

/** What the stand-in is told to lack or to refuse. */
export interface Abilities {
  /** `ignored`: If-Match and If-None-Match on writes have no effect, as in lesser stores. */
  readonly conditions: 'kept' | 'ignored';
  readonly versioning: 'supported' | 'unsupported';
  readonly tagging: 'supported' | 'unsupported';
  /** `denied`: the caller may use no KMS key. */
  readonly kms: 'allowed' | 'denied';
  /** A bucket policy that denies writes without If-None-Match, or without any condition. Steps of uploads are exempt. */
  readonly policy: 'none' | 'deny-without-if-none-match' | 'deny-unconditional';
  /** AWS answers a repeated completion as the first time; most others do not know the upload any more. */
  readonly repeatedComplete: 'same-answer' | 'no-such-upload';
  /** Actions that the caller's role lacks, as `s3:PutObjectTagging`. */
  readonly deniedActions: readonly string[];
}

export interface Call {
  readonly operation: string;
  readonly store: Store;
  readonly abilities: Abilities;
  readonly accountId: string;
  readonly bucket: Bucket;
  /** Empty where the request is about the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
  readonly nowMs: number;
  /** Refuses with AccessDenied where the caller lacks an action on a resource. */
  readonly allow: (action: string, resource: string) => void;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** XML or JSON. */
  readonly text?: string;
  readonly chunks?: readonly Buffer[];
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

export function iso(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}.000Z`;
}

export function httpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}
