/**
 * Secrets in text: a leaked token is the publisher's problem first, but a vault must not spread it.
 */
import type { Finding } from '../base/finding.ts';
import type { SecretFact } from '../formats/secrets.ts';
import type { TextBase } from '../formats/text-base.ts';
import { finding, type Rule } from './judgement.ts';

const SECRET: Rule = {
  rule: 'secrets/found',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'Whoever can read the vault could use it; and a publisher who leaks keys may have lost control of the repo.',
  fix: 'Tell the publisher; exclude the file, or approve once the secret was revoked.',
};

const NOT_SCANNED: Rule = {
  rule: 'secrets/not-scanned',
  severity: 'info',
  verdict: 'clean',
  why: 'Secrets were not looked for: the text is longer than the limit, or was read inside an archive.',
  fix: 'Look through it by other means if it may hold any.',
};

/** Secrets in the metadata of weights, which every tool prints. */
export function scanMetadataSecrets(file: string, secrets: readonly SecretFact[] | undefined): Finding[] {
  return (secrets ?? []).map(({ rule, masked }) =>
    finding(SECRET, {
      file,
      subject: rule,
      message: `the metadata holds what looks like a secret: ${masked}`,
    }),
  );
}

export function scanSecrets(file: string, facts: TextBase): Finding[] {
  if (!facts.secretsScanned) {
    return [finding(NOT_SCANNED, { file, message: 'the text was not searched for secrets' })];
  }
  return facts.secrets.map(({ rule, offset, line, masked }) =>
    finding(SECRET, {
      file,
      offset,
      subject: rule,
      message: `line ${line} holds what looks like a secret: ${masked}`,
    }),
  );
}
