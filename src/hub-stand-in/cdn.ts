/**
 * The stand-in's CDN: large files at signed URLs that expire, on another host, for whoever holds the URL.
 *
 * Stricter than most: any request with credentials of its own is refused with 400 (as S3 does: "only one auth
 * mechanism allowed"), and so is HEAD with 403, because such URLs are signed for one method.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { sendBody } from './body.ts';
import type { Faults } from './fault.ts';
import type { StandInFile } from './model.ts';
import { type Exchange, sendError } from './reply.ts';

export interface SignedPlace {
  readonly model: string;
  readonly commit: string;
  readonly path: string;
}

export interface CdnOptions {
  readonly faults: Faults;
  readonly find: (place: SignedPlace) => StandInFile | undefined;
  readonly expirySeconds: number;
}

export class Cdn {
  readonly #options: CdnOptions;
  readonly #secret = randomBytes(32);

  constructor(options: CdnOptions) {
    this.#options = options;
  }

  /** Path and query under which the file can be fetched for a while. */
  sign(place: SignedPlace): string {
    const expires = Math.floor(Date.now() / 1000) + this.#options.expirySeconds;
    const encoded = Buffer.from(JSON.stringify([place.model, place.commit, place.path])).toString(
      'base64url',
    );
    return `/repos/${encoded}?Expires=${expires}&Signature=${this.#signature(encoded, expires)}&Key-Pair-Id=STANDIN`;
  }

  async handle(exchange: Exchange): Promise<void> {
    const { request, url, parts } = exchange;
    if (request.headers.authorization !== undefined || request.headers.cookie !== undefined)
      return sendError(exchange, 400, undefined, 'Only one auth mechanism allowed');
    if (request.method !== 'GET') return sendError(exchange, 403, undefined, 'SignatureDoesNotMatch');
    const [folder, encoded = ''] = parts;
    const expires = Number(url.searchParams.get('Expires'));
    const signed = this.#isSigned(encoded, expires, url.searchParams.get('Signature') ?? '');
    if (folder !== 'repos' || !signed || expires * 1000 < Date.now())
      return sendError(exchange, 403, undefined, 'Access denied: the URL is not signed or has expired');
    const [model, commit, path] = JSON.parse(Buffer.from(encoded, 'base64url').toString());
    const file = this.#options.find({ model, commit, path });
    if (!file) return sendError(exchange, 404, undefined, 'NoSuchKey');
    const fault = this.#options.faults.strike('body', path);
    // An object store's ETag says nothing about the SHA-256: whoever takes it for one is wrong.
    await sendBody(exchange, file, { headers: { ETag: '"d41d8cd98f00b204e9800998ecf8427e-1"' }, fault });
  }

  #signature(encoded: string, expires: number): string {
    return createHmac('sha256', this.#secret).update(`${encoded}\n${expires}`).digest('base64url');
  }

  #isSigned(encoded: string, expires: number, signature: string): boolean {
    const expected = Buffer.from(this.#signature(encoded, expires));
    const given = Buffer.from(signature);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }
}
