/**
 * Secrets in text, found by secretlint's recommended rules. The secret itself never leaves this function: a fact
 * about a leaked token must not leak it again.
 */
import { byteOffset } from './utf8.ts';

/** Where a secret stands and which rule knows it. `masked` shows its kind of shape, not its content. */
export interface SecretFact {
  readonly rule: string;
  readonly offset: number;
  readonly line: number;
  readonly masked: string;
}

/**
 * Longest text that is searched: configs, cards and code lie far below. Beyond it are vocabularies, whose
 * millions of random-looking pieces cost seconds and match by chance. What was not searched says so.
 */
export const SECRETS_BYTES_MAX = 4 * 1024 * 1024;

/** Most secrets kept of one file. */
const SECRETS_MAX = 100;

/** Characters of a secret that are shown: the prefix that names its kind (`hf_`, `ghp_`, `AKIA`). */
const SHOWN_CHARS = 4;

/**
 * The secrets in `text`. Comments that ask secretlint to look away are not heeded: the text is not ours.
 * Deterministic; the rules are loaded on first use.
 */
export async function findSecrets(text: string): Promise<readonly SecretFact[]> {
  const { lintSource, config } = await linter();
  const { messages } = await lintSource({
    source: { filePath: '/text', content: text, ext: '', contentType: 'text' },
    options: { config, noPhysicFilePath: true, maskSecrets: true },
  });
  return messages.slice(0, SECRETS_MAX).map(({ ruleId, messageId, range: [begin, end], loc }) => ({
    rule: `${ruleId.replace('@secretlint/secretlint-rule-', '')}/${messageId}`,
    offset: byteOffset(text, begin),
    line: loc.start.line,
    masked: mask(text.slice(begin, end)),
  }));
}

function mask(secret: string): string {
  const shown = secret.length >= 4 * SHOWN_CHARS ? secret.slice(0, SHOWN_CHARS) : '';
  return `${shown}… (${secret.length} characters)`;
}

let loaded: ReturnType<typeof load> | undefined;

function linter(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** The rule by which comments in the text switch other rules off. */
const FILTER_COMMENTS = '@secretlint/secretlint-rule-filter-comments';

async function load() {
  const [{ lintSource }, { creator }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ]);
  // `disabled: true` in the configuration of a preset does not switch a rule off, so it is not registered at all.
  const rule: typeof creator = {
    ...creator,
    create: (context, options) =>
      creator.create(
        {
          ...context,
          registerRule: (inner, defaults) => {
            if (inner.meta.id !== FILTER_COMMENTS) context.registerRule(inner, defaults);
          },
        },
        options,
      ),
  };
  return { lintSource, config: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule }] } };
}
