/** What a store's refusal means, across AWS and the stores that speak its protocol. */
import { printable } from '../../base/errors.ts';

export type Refusal =
  | { readonly kind: 'denied'; readonly said: string }
  /** The store does not know the operation. */
  | { readonly kind: 'unsupported'; readonly said: string }
  /** What was asked for is not there: an object, or a setting that was never made. */
  | { readonly kind: 'absent'; readonly said: string }
  /** A condition of the request does not hold. */
  | { readonly kind: 'precondition'; readonly said: string }
  /** A rival was at work on the same key: to be tried again. */
  | { readonly kind: 'conflict'; readonly said: string }
  /** The request itself is wrong in the store's eyes: a checksum, a policy. */
  | { readonly kind: 'invalid'; readonly said: string }
  | { readonly kind: 'other'; readonly said: string };

/** Names of errors that mean an absence, beside every `NoSuch…`. */
const ABSENT =
  /^(NoSuch\w+|NotFound\w*|ObjectLockConfigurationNotFoundError|ServerSideEncryptionConfigurationNotFoundError|ReplicationConfigurationNotFoundError|OwnershipControlsNotFoundError)$/;
const UNSUPPORTED =
  /^(NotImplemented|XNotImplemented|MethodNotAllowed|UnsupportedOperation|NotSupported|UnknownOperation\w*)$/;

/** AWS's JSON services say so with status 400. */
const DENIED = /^(AccessDenied(Exception)?|UnauthorizedOperation|NotAuthorizedException)$/;

/** What the store said, or undefined where the error is no answer at all: a broken connection, missing credentials. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined;
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status === undefined) return undefined;
  // An answer to HEAD has no body, so the SDK has no words for it.
  const wordless = error.name === 'Unknown' || error.message === 'UnknownError';
  const words =
    error.message === '' || error.message === error.name ? error.name : `${error.name}: ${error.message}`;
  const said = printable(wordless ? `status ${status}` : words);
  if (UNSUPPORTED.test(error.name) || status === 501 || status === 405) return { kind: 'unsupported', said };
  if (ABSENT.test(error.name)) return { kind: 'absent', said };
  if (status === 412) return { kind: 'precondition', said };
  if (status === 409) return { kind: 'conflict', said };
  if (status === 403 || status === 401 || DENIED.test(error.name)) return { kind: 'denied', said };
  if (status === 404) return { kind: 'absent', said };
  if (status >= 400 && status < 500) return { kind: 'invalid', said };
  return { kind: 'other', said };
}

/** The answer, or the store's refusal. What is no answer is thrown on. */
export async function asked<T>(
  request: Promise<T>,
): Promise<{ readonly kind: 'answer'; readonly answer: T } | Refusal> {
  try {
    return { kind: 'answer', answer: await request };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return refusal;
    throw error;
  }
}
