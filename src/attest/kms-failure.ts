/**
 * What stands in the way of a KMS key, by name: the missing permission, the key's state, the credentials, the clock,
 * or AWS KMS itself.
 */
import { type ErrorCode, WeighlockError } from '../base/errors.ts';

export interface KmsCall {
  readonly permission: 'kms:GetPublicKey' | 'kms:Sign';
  readonly keyArn: string;
}

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly attempts: number;
}

interface Explanation {
  readonly code: ErrorCode;
  readonly says: (failure: Failure, call: KmsCall) => string;
  readonly hint?: (failure: Failure, call: KmsCall) => string;
}

const DENIED: Explanation = {
  code: 'WL_KEY_REFUSED',
  says: ({ message }, { permission, keyArn }) =>
    `AWS KMS does not permit ${permission} on ${keyArn}: ${message}`,
  hint: (_, { permission }) =>
    `Allow ${permission} to this gate’s identity, in the key’s policy or (where that delegates to IAM) in an IAM policy.`,
};

const DISABLED: Explanation = {
  code: 'WL_KEY_REFUSED',
  says: (_, { keyArn }) => `the KMS key ${keyArn} is disabled`,
  hint: (_, { keyArn }) => `Enable it (aws kms enable-key --key-id ${keyArn}), or name another key.`,
};

const WRONG_STATE: Explanation = {
  code: 'WL_KEY_REFUSED',
  says: ({ message }, { keyArn }) => `the KMS key ${keyArn} cannot be used as it is now: ${message}`,
  hint: ({ message }, { keyArn }) =>
    /pending deletion/i.test(message)
      ? `Cancel the deletion (aws kms cancel-key-deletion --key-id ${keyArn}) and enable the key, if it is to live on.`
      : 'See its state by `aws kms describe-key`.',
};

const UNKNOWN_KEY: Explanation = {
  code: 'WL_KEY_REFUSED',
  says: (_, { keyArn }) => `AWS KMS knows no key ${keyArn}`,
  hint: () => 'Check account, region and id; the key may have been deleted.',
};

const WRONG_KIND: Explanation = {
  code: 'WL_CONFIG_INVALID',
  says: ({ message }, { keyArn }) => `the KMS key ${keyArn} is not one that signs: ${message}`,
  hint: () =>
    'The gate key is ECC_NIST_P256 and the log key ECC_NIST_EDWARDS25519, both with usage SIGN_VERIFY.',
};

const THROTTLED: Explanation = {
  code: 'WL_KEY_UNAVAILABLE',
  says: ({ attempts }, { permission, keyArn }) =>
    `AWS KMS throttled ${permission} on ${keyArn}, ${attempts} times in a row`,
  hint: () =>
    'Run the command again later: what was finished is kept. If it repeats, raise the account’s KMS request quota.',
};

const CREDENTIALS: Explanation = {
  code: 'WL_KEY_REFUSED',
  says: ({ message }, { keyArn }) => `AWS KMS did not accept the credentials for ${keyArn}: ${message}`,
  hint: () =>
    'Renew the credentials, or set a profile that is signed in; `aws sts get-caller-identity` shows whose they are.',
};

const NO_CREDENTIALS: Explanation = {
  code: 'WL_KEY_REFUSED',
  says: ({ message }, { keyArn }) => `there are no AWS credentials for ${keyArn}: ${message}`,
  hint: () =>
    'Set AWS_PROFILE, or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached.',
};

const CLOCK_OR_SECRET: Explanation = {
  code: 'WL_KEY_REFUSED',
  says: ({ message }, { keyArn }) => `AWS KMS refused the request’s signature for ${keyArn}: ${message}`,
  hint: () => 'Check the clock of this machine, then the secret access key.',
};

const UNAVAILABLE: Explanation = {
  code: 'WL_KEY_UNAVAILABLE',
  says: ({ name, message, attempts }, { permission, keyArn }) =>
    `AWS KMS failed at ${permission} on ${keyArn} after ${attempts} attempt${attempts === 1 ? '' : 's'}: ${message || name}`,
};

/** Names of errors as KMS and AWS's common errors have them. What is not here is an outage. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  AccessDeniedException: DENIED,
  DisabledException: DISABLED,
  KMSInvalidStateException: WRONG_STATE,
  NotFoundException: UNKNOWN_KEY,
  InvalidArnException: UNKNOWN_KEY,
  UnsupportedOperationException: WRONG_KIND,
  InvalidKeyUsageException: WRONG_KIND,
  ThrottlingException: THROTTLED,
  LimitExceededException: THROTTLED,
  TooManyRequestsException: THROTTLED,
  ExpiredTokenException: CREDENTIALS,
  UnrecognizedClientException: CREDENTIALS,
  InvalidClientTokenId: CREDENTIALS,
  IncompleteSignature: CREDENTIALS,
  MissingAuthenticationToken: CREDENTIALS,
  MissingAuthenticationTokenException: CREDENTIALS,
  CredentialsProviderError: NO_CREDENTIALS,
  TokenProviderError: NO_CREDENTIALS,
  InvalidSignatureException: CLOCK_OR_SECRET,
  RequestExpired: CLOCK_OR_SECRET,
};

/** The error to show for what the client threw. */
export function kmsFailure(error: unknown, call: KmsCall): WeighlockError {
  const failure = readFailure(error);
  const { code, says, hint } = EXPLANATIONS[failure.name] ?? UNAVAILABLE;
  return new WeighlockError(code, says(failure, call), {
    cause: error,
    ...(hint && { hint: hint(failure, call) }),
  });
}

function readFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), attempts: 1 };
  const metadata = '$metadata' in error ? (error.$metadata as { readonly attempts?: number }) : {};
  return { name: error.name, message: error.message, attempts: metadata.attempts ?? 1 };
}
