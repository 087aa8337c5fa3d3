/**
 * How scanners state a finding: a rule with its fixed parts once, the place and what was seen each time.
 */
import { printable } from '../base/errors.ts';
import type { FileVerdict, Finding, Severity } from '../base/finding.ts';

/** What a rule always says. */
export interface Rule {
  readonly rule: string;
  readonly severity: Severity;
  readonly verdict: FileVerdict;
  readonly why: string;
  readonly fix: string;
}

export interface Seen {
  readonly file: string;
  readonly message: string;
  readonly member?: string | undefined;
  readonly offset?: number | undefined;
  readonly subject?: string | undefined;
}

/** Longest message: hostile text in it was cut before, many pieces of it are cut here. */
const MESSAGE_CHARS_MAX = 500;

export function finding(rule: Rule, seen: Seen): Finding {
  const { file, message, member, offset, subject } = seen;
  return {
    ...rule,
    file,
    message: printable(message).slice(0, MESSAGE_CHARS_MAX),
    ...(member === undefined ? {} : { member }),
    ...(offset === undefined ? {} : { offset }),
    ...(subject === undefined ? {} : { subject: printable(subject).slice(0, MESSAGE_CHARS_MAX) }),
  };
}

/** Hostile text, quoted and cut, for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** The first few of a list, and how many more there are. */
export function some(items: readonly string[], shown = 5): string {
  const more = items.length - shown;
  return `${items.slice(0, shown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
