/**
 * The conversation that a template is rendered with: short, and each message says what it is, so that whatever else
 * stands in the outcome comes of the template.
 */

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Longest text that is put into the last message. */
const ASKED_CHARS_MAX = 2000;

/** Two questions; `asked` stands in the last one, for a template that waits for certain words. */
export function sampleConversation(asked?: string): readonly Message[] {
  const last = asked === undefined ? '' : ` ${asked.slice(0, ASKED_CHARS_MAX)}`;
  return [
    { role: 'system', content: '(message of the system)' },
    { role: 'user', content: '(first question)' },
    { role: 'assistant', content: '(answer)' },
    { role: 'user', content: `(second question)${last}` },
  ];
}
