/** What an endpoint said to one conversation, as detectors see it. */
import type { Message } from './probe.ts';

export interface Question {
  readonly messages: readonly Message[];
  readonly settings: { readonly temperature: number; readonly maxTokens: number; readonly seed: number };
}

export type Answer =
  | {
      readonly kind: 'answer';
      /** What the user is shown. */
      readonly text: string;
      /** What was thought aloud before it: `reasoning_content`, or what stood in `<think>`; empty where there was none. */
      readonly thought: string;
      /** Whether the model came to an end by itself: a cut answer could have gone on in any way. */
      readonly complete: boolean;
    }
  | { readonly kind: 'error'; readonly why: string };

/** Puts one conversation; never throws for what the endpoint does. */
export type Talk = (question: Question) => Promise<Answer>;

/**
 * Splits what a model wrote into thought and answer. A template may have opened `<think>` in the prompt, so an end
 * without a beginning counts; a beginning without an end is all thought.
 */
export function splitThought(content: string): { readonly thought: string; readonly text: string } {
  const end = content.lastIndexOf(THINK_END);
  const start = content.indexOf(THINK_START);
  if (end >= 0) {
    const from = start >= 0 && start < end ? start + THINK_START.length : 0;
    return { thought: content.slice(from, end).trim(), text: content.slice(end + THINK_END.length).trim() };
  }
  if (start >= 0)
    return {
      thought: content.slice(start + THINK_START.length).trim(),
      text: content.slice(0, start).trim(),
    };
  return { thought: '', text: content.trim() };
}

const THINK_START = '<think>';
const THINK_END = '</think>';
