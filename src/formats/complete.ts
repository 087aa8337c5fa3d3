/**
 * The part of reading text that is not a parse: secretlint is asynchronous, parsers are not. The text of a file
 * stays reachable from its facts, and only from them, until secrets were looked for.
 */
import type { ArchiveMember } from './archive/facts.ts';
import { asFacts, type Facts } from './facts.ts';
import type { GgufFacts } from './gguf.ts';
import type { BaseFacts } from './parse.ts';
import type { SafetensorsFacts } from './safetensors.ts';
import { findSecrets, SECRETS_BYTES_MAX } from './secrets.ts';
import { isTextFacts, textOf } from './text.ts';

/** The facts with `secrets` filled where they are facts of text within the limit, or hold metadata; others as they are. */
export async function completeFacts(facts: Facts): Promise<Facts> {
  if (facts.format === 'safetensors' || facts.format === 'gguf') return withMetadataSecrets(facts);
  if (facts.format === 'zip' || facts.format === 'pytorch')
    return { ...facts, members: await completeMembers(facts.members) };
  if (facts.format === 'tar' || facts.format === '7z')
    return { ...facts, members: await completeMembers(facts.members) };
  if (facts.format === 'compressed' && facts.content !== undefined)
    return { ...facts, content: await completeInner(facts.content) };
  if (!isTextFacts(facts)) return facts;
  const text = textOf(facts);
  if (text === undefined || facts.sizeBytes > SECRETS_BYTES_MAX) return facts;
  return { ...facts, secretsScanned: true, secrets: await findSecrets(text) };
}

async function completeMembers(members: readonly ArchiveMember[]): Promise<readonly ArchiveMember[]> {
  const completed: ArchiveMember[] = [];
  for (const member of members) completed.push({ ...member, facts: await completeInner(member.facts) });
  return completed;
}

/** As deep as archives are followed. */
async function completeInner(inner: BaseFacts): Promise<BaseFacts> {
  const facts = asFacts(inner);
  return facts === undefined ? inner : completeFacts(facts);
}

/** Texts shorter than this hold no secret: `format = pt` is not worth a search. */
const METADATA_CHARS_MIN = 16;

/** Characters of metadata that are searched. */
const METADATA_CHARS_MAX = 1024 * 1024;

async function withMetadataSecrets<F extends SafetensorsFacts | GgufFacts>(facts: F): Promise<F> {
  const text = metadataText(facts);
  if (text.length < METADATA_CHARS_MIN) return facts;
  const secrets = await findSecrets(text);
  return secrets.length === 0 ? facts : { ...facts, secrets };
}

/** The metadata as lines, within the limit: it is bounded by its parsers. */
function metadataText(facts: SafetensorsFacts | GgufFacts): string {
  const pairs =
    facts.format === 'safetensors'
      ? Object.entries(facts.metadata)
      : facts.metadata.map(({ key, value }) => [key, String(value)] as const);
  let text = '';
  for (const [key, value] of pairs) {
    if (text.length > METADATA_CHARS_MAX) break;
    text += `${key} = ${value}\n`;
  }
  return text;
}
