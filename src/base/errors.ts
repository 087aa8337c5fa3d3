/**
 * Errors: what a user can reach and must be able to act on.
 *
 * Every such error has a permanent code from the table below, an exit code, a sentence that says what
 * happened, and a hint that says what to do next. `docs/errors.md` is generated from this table. A refused
 * or held model is a verdict, not an error; a mistake of ours is a plain `Error` and ends with exit code 70.
 */

/** Exit codes of every command. 64 and up follow sysexits.h. */
export const EXIT = {
  done: 0,
  refused: 1,
  held: 2,
  usage: 64,
  sourceBytesWrong: 65,
  unavailable: 69,
  internal: 70,
  notPermitted: 77,
  configuration: 78,
} as const;

interface ErrorEntry {
  readonly exit: number;
  /** When it happens, for the reference page. */
  readonly when: string;
  /** What to do about it, for the reference page. */
  readonly remedy: string;
}

export const ERRORS = {
  WL_USAGE: {
    exit: EXIT.usage,
    when: 'The command line cannot be understood: an unknown option, a missing or malformed argument.',
    remedy: 'Run the command with --help and correct the argument that the message names.',
  },
  WL_NAME_INVALID: {
    exit: EXIT.usage,
    when: 'A model name, revision or path is not of a form that the Hub or the vault accepts.',
    remedy: 'Use org/name, name, org/name@revision, or a path that starts with /, ./ or ../.',
  },
  WL_CONFIG_INVALID: {
    exit: EXIT.configuration,
    when: 'weighlock.yaml or a WEIGHLOCK_* variable holds something that is not understood.',
    remedy: 'Correct the line that the message names; `weighlock doctor` shows what is in force.',
  },
  WL_SOURCE_UNAVAILABLE: {
    exit: EXIT.unavailable,
    when: 'The source did not answer, or kept failing after retries.',
    remedy:
      'Check network, proxy and endpoint (`weighlock doctor`), then run the command again: finished files are kept.',
  },
  WL_MODEL_NOT_FOUND: {
    exit: EXIT.unavailable,
    when: 'The source does not know this model, or hides it from this token.',
    remedy: 'Check the spelling; for a private model set HF_TOKEN to a token that may read it.',
  },
  WL_REVISION_NOT_FOUND: {
    exit: EXIT.unavailable,
    when: 'The model exists but has no such commit, branch or tag.',
    remedy: 'Check the revision on the model page, or leave it out to take the default branch.',
  },
  WL_MODEL_GATED: {
    exit: EXIT.notPermitted,
    when: 'The model is gated and the token (or its absence) gives no access.',
    remedy: 'Ask for access on the model page with the account of your service token, then set HF_TOKEN.',
  },
  WL_TOKEN_REFUSED: {
    exit: EXIT.notPermitted,
    when: 'The source refused the token.',
    remedy: 'Set HF_TOKEN to a valid token, or unset it to read anonymously.',
  },
  WL_MODEL_RENAMED: {
    exit: EXIT.refused,
    when: 'The source answers under another name than was asked for: the model was renamed or transferred.',
    remedy: 'Look at who owns the new name before admitting it under that name.',
  },
  WL_IDENTITY_CHANGED: {
    exit: EXIT.refused,
    when: 'A model of this name was first admitted from another source, endpoint or repo: the name may have changed hands.',
    remedy:
      'Find out who owns the name now; admit it under another name or into another vault if both are wanted.',
  },
  WL_DIGEST_MISMATCH: {
    exit: EXIT.sourceBytesWrong,
    when: 'The bytes that arrived do not have the digest or size that the source itself declares.',
    remedy:
      'Nothing was stored. Try again; if it repeats, report it to the publisher: a mirror or the path may be tampered with.',
  },
  WL_SOURCE_LIES: {
    exit: EXIT.sourceBytesWrong,
    when: 'The source answered against its own protocol: another commit, a wrong range, a redirect to an unknown host.',
    remedy:
      'Check what stands between you and the source (proxy, mirror); add a host to `hub.hosts` only if you trust it.',
  },
  WL_PATH_REFUSED: {
    exit: EXIT.sourceBytesWrong,
    when: 'The manifest holds a path that cannot be stored safely: traversal, absolute, NUL, too long, clashing, reserved.',
    remedy:
      'Nothing was stored. Exclude the file with --exclude if it is not needed, and tell the publisher.',
  },
  WL_SOURCE_CHANGED: {
    exit: EXIT.sourceBytesWrong,
    when: 'A file of a local directory changed, grew or vanished while it was read.',
    remedy: 'Wait until nothing writes to the directory, then run the command again.',
  },
  WL_WAIVER_INVALID: {
    exit: EXIT.notPermitted,
    when: 'A waiver is malformed, made for another vault, or not signed by an approver of the trust file.',
    remedy:
      'Take the waiver out of the file, or have a person whom the trust file names sign it (`weighlock waive`).',
  },
  WL_APPROVAL_INVALID: {
    exit: EXIT.notPermitted,
    when: 'An approval is malformed, made for another vault or other content, by whoever asked for the admission, or not signed by an approver of the trust file.',
    remedy: 'Have somebody else whom the trust file names decide: `weighlock review show <model>@<commit>`.',
  },
  WL_EVIDENCE_INVALID: {
    exit: EXIT.sourceBytesWrong,
    when: 'A report is not of the tool that was named, of a version that is not read, cut off, or contradicts itself.',
    remedy: 'Name the tool that made it with --type, and give the file as the tool wrote it.',
  },
  WL_NOT_HELD: {
    exit: EXIT.refused,
    when: 'A review is asked for a revision that waits for nobody: it is admitted, refused, revoked or not on record.',
    remedy: 'See what waits with `weighlock review list`.',
  },
  WL_NOT_CONVERTIBLE: {
    exit: EXIT.sourceBytesWrong,
    when: 'A file cannot be turned into one that holds nothing but numbers, or a configuration cannot be rewritten.',
    remedy:
      'The message says why. Ask the publisher for safetensors, or convert the file in a sandbox of your own.',
  },
  WL_FILE_UNREADABLE: {
    exit: EXIT.unavailable,
    when: 'What was named to be scanned, or something in it, is no file that can be read: a device, a link in circles, no permission.',
    remedy: 'Name a file or a folder that this user may read; what could not be read was not judged.',
  },
  WL_VAULT_UNAVAILABLE: {
    exit: EXIT.unavailable,
    when: 'The vault cannot be read or written.',
    remedy: 'Check that the place exists and is reachable and writable (`weighlock doctor`).',
  },
  WL_VAULT_DENIED: {
    exit: EXIT.notPermitted,
    when: 'The store refused these credentials, or they lack a permission, on the bucket or on its KMS key.',
    remedy: 'Give the role the permission that the message names, or use credentials that have it.',
  },
  WL_REVOKED: {
    exit: EXIT.refused,
    when: 'The revision, or a file of it, was revoked: it is not to be used any more.',
    remedy: 'Use another revision: `weighlock list` shows them. `weighlock log show` has the statement.',
  },
  WL_CHANNEL_MOVED: {
    exit: EXIT.notPermitted,
    when: 'Somebody else moved the channel between the look at it and the move.',
    remedy: 'Look at `weighlock channel history`, then run the command again if it is still wanted.',
  },
  WL_IN_USE: {
    exit: EXIT.notPermitted,
    when: 'A channel or a known deployment stands for the revision that is to be removed.',
    remedy: 'Move the channel to another revision first.',
  },
  WL_STAGING_LOST: {
    exit: EXIT.unavailable,
    when: 'What was staged is gone, or somebody else published in its place, again and again while it was published.',
    remedy: 'Run the command again: what stands is checked, what is missing is brought in again.',
  },
  WL_VAULT_UNSAFE: {
    exit: EXIT.configuration,
    when: 'The store does not enforce conditional writes: two writers could overwrite each other unnoticed.',
    remedy: 'Use another store; `weighlock vault check` shows what this one does.',
  },
  WL_VAULT_FULL: {
    exit: EXIT.unavailable,
    when: 'The store has no room left for the files of the revision.',
    remedy: 'Free space and run the command again: finished files are kept, nothing was published.',
  },
  WL_VAULT_FOREIGN: {
    exit: EXIT.configuration,
    when: 'The place holds something else: another vault than the trust file names, another format, or foreign data.',
    remedy: 'Name the right vault with --vault, or pin the trust file of this one.',
  },
  WL_VAULT_CORRUPT: {
    exit: EXIT.refused,
    when: 'Something in the vault is not what its signatures, digests or log say.',
    remedy: 'Run `weighlock verify` to see every object that is wrong, and treat the store as tampered with.',
  },
  WL_SELECTION_CONFLICT: {
    exit: EXIT.notPermitted,
    when: 'The revision is already recorded with other selected files.',
    remedy: 'Use the selection on record (`weighlock show`), or admit with one that contains it.',
  },
  WL_KEY_UNKNOWN: {
    exit: EXIT.notPermitted,
    when: 'The signing key at hand is not one that the trust file names for this vault.',
    remedy: 'Use the gate key of this vault, or have its owner add this key with `weighlock trust`.',
  },
  WL_KEY_REFUSED: {
    exit: EXIT.notPermitted,
    when: 'The signing key is in AWS KMS and must not or cannot be used: a missing permission, bad credentials, or a key that is disabled, about to be deleted, or not there.',
    remedy: 'Give what the message names, or name another key (WEIGHLOCK_KEY, WEIGHLOCK_LOG_KEY).',
  },
  WL_KEY_UNAVAILABLE: {
    exit: EXIT.unavailable,
    when: 'The signing key is in AWS KMS, which did not answer or kept failing after retries.',
    remedy: 'Check network, proxy and endpoint, then run the command again: what was finished is kept.',
  },
  WL_SIGNATURE_WRONG: {
    exit: EXIT.refused,
    when: 'AWS KMS answered with a signature or a public key that is not of the key that was asked for.',
    remedy:
      'Nothing was signed with it. Check what the alias points to, and what stands between you and AWS KMS (endpoint, proxy).',
  },
  WL_TRUST_MISSING: {
    exit: EXIT.configuration,
    when: 'No trust file is pinned for this vault, and the vault is not empty.',
    remedy: 'Get the trust file from whoever runs the vault and name it with --trust or WEIGHLOCK_TRUST.',
  },
  WL_TRUST_INVALID: {
    exit: EXIT.configuration,
    when: 'The trust file is malformed or not signed as it must be.',
    remedy: 'Get a fresh copy over a channel that you trust.',
  },
  WL_CLOCK_WRONG: {
    exit: EXIT.configuration,
    when: 'The newest state of the vault was signed at a time that is yet to come for this machine: a clock was set back, or that of another gate was ahead. Nothing is signed, since approvals, grants and evidence end by the clock.',
    remedy:
      'Set the clock of this machine, or of the gate that signed last; a vault that was signed ahead can be written to again once that time has come.',
  },
  WL_STATE_EXPIRED: {
    exit: EXIT.refused,
    when: 'The signed state of the vault is older than it may be believed.',
    remedy:
      'Run a gate command (for example `weighlock admit` or `weighlock state refresh`) where the key is.',
  },
  WL_STATE_ROLLED_BACK: {
    exit: EXIT.refused,
    when: 'The vault shows an older state than this verifier has already seen.',
    remedy:
      'Somebody restored or replayed old objects: compare with the store’s own history before trusting anything.',
  },
  WL_LOG_CORRUPT: {
    exit: EXIT.refused,
    when: 'The log’s tiles, entries or checkpoint contradict each other, or its history was rewritten.',
    remedy: 'Treat the store as tampered with; compare with a checkpoint that somebody else kept.',
  },
  WL_NOT_ADMITTED: {
    exit: EXIT.refused,
    when: 'The model or revision is not published in this vault.',
    remedy: 'See `weighlock list`; ask for it with `weighlock admit`.',
  },
  WL_POLICY_INVALID: {
    exit: EXIT.configuration,
    when: 'The policy file cannot be read: YAML, an unknown field, or an expression that does not compile.',
    remedy: 'Correct the line that the message names; `weighlock policy check` tells more.',
  },
  WL_TARGET_EXISTS: {
    exit: EXIT.usage,
    when: 'The folder to write to is not empty.',
    remedy: 'Name a new or empty folder.',
  },
  WL_TARGET_UNAVAILABLE: {
    exit: EXIT.unavailable,
    when: 'The folder to write to cannot be written: no room, no permission, no such disk.',
    remedy: 'Nothing was left behind. Free space, or name another folder.',
  },
  WL_DEPLOY_REFUSED: {
    exit: EXIT.refused,
    when: 'A deployment as it was asked for is not safe, or cannot work: remote code nobody asked for, a warning of the Hub, a verification that is too old, files that the platform refuses.',
    remedy: 'Nothing was made. The message names the option or the step that is missing.',
  },
  WL_DEPLOY_TOO_LARGE: {
    exit: EXIT.refused,
    when: 'The model does not fit: its weights, KV cache and head-room are more than the memory at hand.',
    remedy: 'Nothing was made. Name a larger --instance, or lower --context or --concurrency.',
  },
  WL_DEPLOY_EXISTS: {
    exit: EXIT.notPermitted,
    when: 'The name of an endpoint is in use by something that this vault did not deploy, or that cannot be updated now.',
    remedy: 'Nothing was changed. Give the new one another --name.',
  },
  WL_DEPLOY_DENIED: {
    exit: EXIT.notPermitted,
    when: 'The platform refused a call: the credentials are wrong, or lack a permission.',
    remedy: 'Give the deployer the permission that the message names; the plan has the whole policy.',
  },
  WL_DEPLOY_UNAVAILABLE: {
    exit: EXIT.unavailable,
    when: 'The platform cannot take the deployment now: a quota, no capacity, a region without the instance, no answer.',
    remedy: 'The message says what is short. Ask for the quota, or name another --instance or --region.',
  },
  WL_DEPLOY_FAILED: {
    exit: EXIT.unavailable,
    when: 'The deployment was begun and did not come up: the image cannot be pulled, the container failed its health check, an alarm went off.',
    remedy: 'The message says what happened and what runs now; the container’s log says more.',
  },
  WL_ENDPOINT_UNAVAILABLE: {
    exit: EXIT.unavailable,
    when: 'The endpoint that was to be probed did not answer, or does not speak the chat completions of the OpenAI API.',
    remedy:
      'Check the address (it usually ends in /v1) and whether the model has been loaded; nothing was recorded.',
  },
  WL_ENDPOINT_DENIED: {
    exit: EXIT.notPermitted,
    when: 'The endpoint that was to be probed wants a key, or refused the one that was sent.',
    remedy: 'Put the key into an environment variable and name the variable with --key-from.',
  },
  WL_INTERNAL: {
    exit: EXIT.internal,
    when: 'Weighlock itself made a mistake.',
    remedy: 'Please report it, with the lines that were printed and what was run.',
  },
  WL_LIMIT: {
    exit: EXIT.sourceBytesWrong,
    when: 'Input exceeds a named limit (count, depth, bytes).',
    remedy: 'The message names the limit; such input is refused rather than half read.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An error that a user can reach: `code` is permanent, `message` says what happened, `hint` what to do next. */
export class WeighlockError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WeighlockError';
    this.code = code;
    this.hint = printable(options.hint ?? ERRORS[code].remedy);
  }

  get exit(): number {
    return ERRORS[this.code].exit;
  }
}

/** Controls, line separators, and all that takes no room or lets a name lie about its order. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** The query of a URL (presigned signatures live there), bearer tokens, and Hub tokens. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/(https?:\/\/[^\s?"'<>]+)\?[^\s"'<>]*/g, '$1?…'],
  [/(https?:\/\/)[^\s/@"'<>]+@/g, '$1…@'],
  [/\bhf_[A-Za-z0-9]{8,}/g, 'hf_…'],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 …'],
];

/** Text that is safe on a terminal and in a log: no control characters, no tokens, no signed URL. */
export function printable(text: string): string {
  let safe = visible(text);
  for (const [pattern, by] of SECRETS) safe = safe.replace(pattern, by);
  return safe;
}

/** A file's own text for people who decide about it: nothing is left out, and what cannot be seen is written out. */
export function visible(text: string): string {
  return text.replace(UNPRINTABLE, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}
