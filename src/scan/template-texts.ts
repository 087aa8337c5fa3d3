/**
 * What a template says to the model of its own accord: sentences that read as orders, texts that depend on what the
 * user writes or on the date, and characters that nobody sees. A server adds them to every conversation, and neither
 * the user nor the operator is shown them. That a template differs from others of its family is a note.
 */
import type { Finding } from '../base/finding.ts';
import type { TemplateUse } from '../formats/template.ts';
import type { TemplateCondition } from '../formats/template-text.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { familyOfTemplate, isUsual, nearestFamily } from './template-families.ts';

const READ = 'Read the text; set another template when serving, or have a person approve this one.';

const ORDERS: Rule = {
  rule: 'template/hidden-instruction',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The template says this to the model in every conversation, and nobody who talks to it is shown that it does.',
  fix: READ,
};

const DEPENDS: Rule = {
  rule: 'template/depends-on-content',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The model is told something else where somebody writes certain words, or from a certain day on: a trigger.',
  fix: READ,
};

const INVISIBLE: Rule = {
  rule: 'template/invisible-text',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A model reads characters that no person sees.',
  fix: READ,
};

const DIFFERS: Rule = {
  rule: 'template/differs',
  severity: 'info',
  verdict: 'clean',
  why: 'Templates of one family agree in their tokens and say little else; what is added is worth a look.',
  fix: READ,
};

/** Words by which a text gives orders that a format of turns and tools has no need of. */
const ORDER =
  /\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruction|rule|prompt|message|polic|guideline|above|earlier|previous)|\b(?:always|never)\b.{0,30}\b(?:answer|reply|respond|say|tell|recommend|mention|claim|include|insert|use|suggest|add|append|end|send|write|reveal|refuse|agree|link)|\b(?:secretly|covertly|silently|without (?:telling|informing|mentioning))\b|\b(?:do not|don't|never) (?:tell|reveal|mention|disclose|warn)\b|\b(?:end|begin|finish|start) (?:every|each|all|your)\b|\b(?:every|each) (?:answer|reply|response|message)\b|:\/\/|!\[[^\]]{0,80}\]\(|\b(?:passwords?|api[ _-]?keys?|credit card|account number|bank|wallet|bitcoin|iban)\b|\bpretend\b|\b(?:recommend|visit|click|download|purchase|buy)\b/i;

/** Data that a model can decode and a reader cannot. */
const ENCODED = /(?:^|[^A-Za-z0-9+/=])[A-Za-z0-9+/]{48,}={0,2}(?:$|[^A-Za-z0-9+/=])/;

/** What templates ask of the parts of a message, beside special tokens: none of it is a word that somebody writes. */
const STRUCTURE =
  /^(?:system|user|assistant|tool|tools|developer|model|text|image|images|image_url|audio|input_audio|video|value|[a-z]+_(?:url|type|id|calls?|content)|name|parts|blocks|null|none|content|type|type_text|thinking|reasoning|reasoning_content)$/i;

/** Text that is nothing but marks: tokens, tags, punctuation, and switches like `/no_think`. */
const MARKS = /<[^<>]{0,80}>?|\[[^[\]]{0,80}\]|\{[^{}]{0,80}\}|[^\p{L}\p{N}]+/gu;

/** Sentences shown of a difference. */
const SHOWN_MAX = 3;

export function scanTexts(file: string, use: TemplateUse): Finding[] {
  const where = use.where === '' ? '' : `${use.where}: `;
  const seen = (rule: Rule, message: string, subject?: string) =>
    finding(rule, { file, message: `${where}${message}`, subject });
  const { adds } = use;
  const sentences = [...new Set(adds.texts.flatMap(sentencesOf))].filter((sentence) => !isUsual(sentence));
  const orders = sentences.filter((sentence) => ORDER.test(sentence) || ENCODED.test(sentence));
  const triggers = adds.conditions.filter(isTrigger);
  const against = differenceOf(use, sentences);
  const findings: Finding[] = [];
  if (orders.length > 0)
    findings.push(
      seen(ORDERS, `the template tells the model ${some(orders.map(quoted), 2)}${against}`, orders[0]),
    );
  for (const { on, text, puts } of triggers.slice(0, SHOWN_MAX)) {
    const when = on === 'date' ? `by the date (${quoted(text)})` : `where somebody writes ${quoted(text)}`;
    findings.push(seen(DEPENDS, `${when} the template puts out ${quoted(puts)}`, text));
  }
  if (adds.invisible.length > 0)
    findings.push(
      seen(
        INVISIBLE,
        `the template holds characters that show nothing: ${some(adds.invisible.map(quoted), 2)}`,
      ),
    );
  if (against !== '' && findings.length === 0)
    findings.push(seen(DIFFERS, `the template${against.replace(/^, and it/, '')}`));
  return findings;
}

/** How the template differs from what is usual, to follow on a sentence; empty where it does not. */
function differenceOf({ adds }: TemplateUse, sentences: readonly string[]): string {
  const family = familyOfTemplate(adds.tokens);
  const near = family === undefined ? nearestFamily(adds.tokens) : undefined;
  if (family === undefined && near === undefined) return '';
  const name = (family ?? near?.family)?.name ?? '';
  const missing = near === undefined ? '' : ` lacks ${some(near.missing.map(quoted), SHOWN_MAX)}`;
  const added = sentences.length === 0 ? '' : ` adds ${some(sentences.map(quoted), SHOWN_MAX)}`;
  if (missing === '' && added === '') return '';
  return `, and it${missing}${missing && added ? ' and' : ''}${added}, unlike other templates of the family ${name}`;
}

function sentencesOf(text: string): readonly string[] {
  return text
    .split(/[\r\n]+|(?<=[.!?])\s+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => /\p{L}{2,}\s+\p{L}{2,}|:\/\/|!\[|[A-Za-z0-9+/]{48}/u.test(sentence));
}

function isTrigger({ on, text, puts }: TemplateCondition): boolean {
  if (isUsual(puts) || words(puts).length < 8) return false;
  if (on === 'date') return true;
  const asked = text.trim();
  // A switch that is taken up as it stands: `detailed thinking on`.
  if (asked.includes(words(puts))) return false;
  return /\p{L}{2}|\p{N}{2}/u.test(asked) && !/^[<[{/|#【]/.test(asked) && !STRUCTURE.test(asked);
}

/** The words of a text without its marks. */
function words(text: string): string {
  return text.replace(MARKS, ' ').trim();
}
