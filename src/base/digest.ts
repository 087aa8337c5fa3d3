/**
 * Digests: branded, so that a sha256 cannot be taken for a git blob sha1, nor any other text for either.
 */
import { createHash } from 'node:crypto';

declare const brand: unique symbol;

/** 64 lower-case hex characters. */
export type Sha256 = string & { readonly [brand]: 'sha256' };

/** 40 lower-case hex characters: `sha1("blob <length>\0" + bytes)`, as git names content. */
export type GitBlobSha1 = string & { readonly [brand]: 'git-blob-sha1' };

/** The digest if `text` is one, otherwise undefined. Upper case is not accepted: identity is exact. */
export function parseSha256(text: string): Sha256 | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? (text as Sha256) : undefined;
}

/** The digest if `text` is one, otherwise undefined. */
export function parseGitBlobSha1(text: string): GitBlobSha1 | undefined {
  return /^[0-9a-f]{40}$/.test(text) ? (text as GitBlobSha1) : undefined;
}

/** SHA-256 of the bytes (a string counts as UTF-8), as hex. */
export function sha256(bytes: Uint8Array | string): Sha256 {
  return createHash('sha256').update(bytes).digest('hex') as Sha256;
}

/** git's name for content: `sha1("blob <length>\0" + bytes)`, as hex. */
export function gitBlobSha1(bytes: Uint8Array): GitBlobSha1 {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex') as GitBlobSha1;
}

/** SHA-256 of bytes as they come. */
export async function sha256Stream(chunks: AsyncIterable<Uint8Array>): Promise<Sha256> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex') as Sha256;
}
