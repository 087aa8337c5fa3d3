/**
 * The part of reading text that is not a parse: secretlint is asynchronous, parsers are not. The text of a file
 * stays reachable from its facts, and only from them, until secrets were looked for.
 */
import type { Facts } from './facts.ts';
import { findSecrets, SECRETS_BYTES_MAX } from './secrets.ts';
import { isTextFacts, textOf } from './text.ts';

/** The facts with `secrets` filled where they are facts of text within the limit; others as they are. */
export async function completeFacts(facts: Facts): Promise<Facts> {
  if (!isTextFacts(facts)) return facts;
  const text = textOf(facts);
  if (text === undefined || facts.sizeBytes > SECRETS_BYTES_MAX) return facts;
  return { ...facts, secretsScanned: true, secrets: await findSecrets(text) };
}
