/**
 * Signature Version 4 as S3 verifies it: in the Authorization header or in the query of a presigned URL, and the
 * chain of signatures over the chunks of a streamed body.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { S3Error } from './error.ts';

/** What AWS allows a clock to be off. */
export const SKEW_MS_MAX = 15 * 60_000;
const PRESIGNED_SECONDS_MAX = 604_800;
const ALGORITHM = 'AWS4-HMAC-SHA256';
const EMPTY_SHA256 = createHash('sha256').digest('hex');

export interface SignedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly nowMs: number;
}

/** A request's claim, before anything is believed. */
export interface Claim {
  readonly how: 'header' | 'presigned';
  readonly accessKeyId: string;
  /** `20260131/eu-west-1/s3/aws4_request` */
  readonly scope: string;
  readonly region: string;
  /** `20260131T120000Z` */
  readonly date: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly securityToken: string | undefined;
  /** Digest of the body in hex, or one of S3's words for not having it. */
  readonly payload: string;
}

/** Signs the next chunk of a streamed body. */
export interface ChunkChain {
  chunk(bytes: Buffer): string;
  trailer(lines: string): string;
}

/** Reads the claim and checks its form and its time. */
export function readClaim(request: SignedRequest): Claim {
  const query = new URL(request.url, 'http://s3').searchParams;
  const isPresigned = query.has('X-Amz-Algorithm') || query.has('X-Amz-Signature');
  const header = request.headers.authorization;
  if (isPresigned && header !== undefined) {
    throw new S3Error('InvalidArgument', {
      message:
        'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
      fields: { ArgumentName: 'Authorization', ArgumentValue: header },
    });
  }
  if (isPresigned) return presignedClaim(request, query);
  if (header === undefined) throw new S3Error('AccessDenied');
  return headerClaim(request, header);
}

function headerClaim(request: SignedRequest, header: string): Claim {
  const malformed = (message: string) => new S3Error('AuthorizationHeaderMalformed', { message });
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw new S3Error('InvalidRequest', {
      message: 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    });
  }
  const fields = new Map(
    header
      .slice(ALGORITHM.length)
      .split(',')
      .map((field) => field.trim().split(/=(.*)/s, 2) as [string, string]),
  );
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map((name) =>
    fields.get(name),
  );
  if (!credential || !signedHeaders || !signature) {
    throw malformed(
      'The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.',
    );
  }
  const payload = request.headers['x-amz-content-sha256'];
  if (typeof payload !== 'string') {
    throw new S3Error('InvalidRequest', {
      message: 'Missing required header for this request: x-amz-content-sha256',
    });
  }
  const date = request.headers['x-amz-date'];
  if (typeof date !== 'string' || !Number.isFinite(dateMs(date))) {
    throw new S3Error('AccessDenied', {
      message: 'AWS authentication requires a valid Date or x-amz-date header',
    });
  }
  const off = Math.abs(dateMs(date) - request.nowMs);
  if (off > SKEW_MS_MAX) {
    throw new S3Error('RequestTimeTooSkewed', {
      fields: {
        RequestTime: date,
        ServerTime: new Date(request.nowMs).toISOString(),
        MaxAllowedSkewMilliseconds: String(SKEW_MS_MAX),
      },
    });
  }
  const scope = scopeOf(credential, date, malformed);
  const token = request.headers['x-amz-security-token'];
  return {
    how: 'header',
    ...scope,
    date,
    signedHeaders: signedHeaders.split(';'),
    signature,
    securityToken: typeof token === 'string' ? token : undefined,
    payload,
  };
}

function presignedClaim(request: SignedRequest, query: URLSearchParams): Claim {
  const wrong = (message: string) => new S3Error('AuthorizationQueryParametersError', { message });
  const need = (name: string) => {
    const value = query.get(name);
    if (!value) {
      throw wrong(
        'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
      );
    }
    return value;
  };
  if (need('X-Amz-Algorithm') !== ALGORITHM) throw wrong('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"');
  const date = need('X-Amz-Date');
  const startMs = dateMs(date);
  if (!Number.isFinite(startMs))
    throw wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  const expires = need('X-Amz-Expires');
  if (!/^\d+$/.test(expires)) throw wrong('X-Amz-Expires should be a number');
  if (Number(expires) > PRESIGNED_SECONDS_MAX) {
    throw wrong(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    );
  }
  const endMs = startMs + Number(expires) * 1000;
  if (startMs - request.nowMs > SKEW_MS_MAX) {
    throw new S3Error('AccessDenied', { message: 'Request is not yet valid' });
  }
  if (request.nowMs > endMs) {
    throw new S3Error('AccessDenied', {
      message: 'Request has expired',
      fields: {
        'X-Amz-Expires': expires,
        Expires: new Date(endMs).toISOString(),
        ServerTime: new Date(request.nowMs).toISOString(),
      },
    });
  }
  const payload = request.headers['x-amz-content-sha256'] ?? query.get('X-Amz-Content-Sha256');
  return {
    how: 'presigned',
    ...scopeOf(need('X-Amz-Credential'), date, wrong),
    date,
    signedHeaders: need('X-Amz-SignedHeaders').split(';'),
    signature: need('X-Amz-Signature'),
    securityToken: query.get('X-Amz-Security-Token') ?? undefined,
    payload: typeof payload === 'string' ? payload : 'UNSIGNED-PAYLOAD',
  };
}

function scopeOf(credential: string, date: string, wrong: (message: string) => S3Error) {
  const fields = credential.split('/');
  const [accessKeyId, day, region, service, end] = fields;
  if (fields.length !== 5 || !accessKeyId || !region || service !== 's3' || end !== 'aws4_request') {
    throw wrong(
      'The Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  if (day !== date.slice(0, 8)) {
    throw wrong(
      `Invalid credential date "${day}". This date is not the same as X-Amz-Date: "${date.slice(0, 8)}".`,
    );
  }
  return { accessKeyId, region, scope: fields.slice(1).join('/') };
}

/** Refuses a claim whose signature is not that of the secret, or which leaves headers out that must be signed. */
export function verifyClaim(request: SignedRequest, claim: Claim, secretAccessKey: string): ChunkChain {
  const unsigned = Object.keys(request.headers).filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !claim.signedHeaders.includes(name),
  );
  if (unsigned.length > 0) {
    throw new S3Error('AccessDenied', {
      message: 'There were headers present in the request which were not signed',
      fields: { HeadersNotSigned: unsigned.join(', ') },
    });
  }
  const canonical = canonicalRequest(request, claim);
  const key = signingKey(secretAccessKey, claim.scope);
  const text = [ALGORITHM, claim.date, claim.scope, sha256(canonical)].join('\n');
  if (!equal(hmac(key, text).toString('hex'), claim.signature)) {
    throw new S3Error('SignatureDoesNotMatch', {
      fields: {
        AWSAccessKeyId: claim.accessKeyId,
        StringToSign: text,
        SignatureProvided: claim.signature,
        CanonicalRequest: canonical,
      },
    });
  }
  return chainOf(claim, key);
}

function canonicalRequest({ method, url, headers }: SignedRequest, claim: Claim): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
  const parameters = query
    .split('&')
    .filter((field) => field !== '')
    .map((field) => field.split(/=(.*)/s, 2).map((part) => encode(decode(part.replaceAll('+', '%20')))))
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name = '', value = '']) => [name, value] as const)
    .sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`);
  return [
    method,
    path
      .split('/')
      .map((segment) => encode(decode(segment)))
      .join('/'),
    parameters.join('&'),
    ...claim.signedHeaders.map((name) => `${name}:${headerText(headers[name])}`),
    '',
    claim.signedHeaders.join(';'),
    claim.payload,
  ].join('\n');
}

function chainOf(claim: Claim, key: Buffer): ChunkChain {
  let last = claim.signature;
  const next = (kind: string, digests: readonly string[]) => {
    last = hmac(key, [kind, claim.date, claim.scope, last, ...digests].join('\n')).toString('hex');
    return last;
  };
  return {
    chunk: (bytes) => next('AWS4-HMAC-SHA256-PAYLOAD', [EMPTY_SHA256, sha256(bytes)]),
    trailer: (lines) => next('AWS4-HMAC-SHA256-TRAILER', [sha256(lines)]),
  };
}

/** Percent-decodes as S3 does; what is not UTF-8 is no name of an object. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI');
  }
}

/** AWS's own percent-encoding: everything but unreserved characters. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Equal in constant time. */
export function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function signingKey(secret: string, scope: string): Buffer {
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of scope.split('/')) key = hmac(key, part);
  return key;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function headerText(value: string | string[] | undefined): string {
  return [value ?? ''].flat().join(',').trim().replace(/ +/g, ' ');
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function dateMs(date: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (!match) return Number.NaN;
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...rest);
}
