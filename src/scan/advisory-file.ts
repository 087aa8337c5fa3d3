/**
 * The advisory file: known weaknesses of *loaders* (libraries and servers that read models), each with the versions
 * that have it and a *condition* on the model that it takes. Conditions are data: an entry applies to a file for which
 * all tests of one of its groups hold. There is no code in them, no pattern that could grow, and nothing nests.
 */
import { z } from 'zod';
import { WeighlockError } from '../base/errors.ts';

/** Longest file that is read, and most entries, groups, tests and words in it: a thousand times what it takes. */
export const ADVISORIES_BYTES_MAX = 8 << 20;
const ENTRIES_MAX = 10_000;
const LIST_MAX = 64;

const text = (max: number) => z.string().min(1).max(max);
const words = z.array(text(200)).min(1).max(LIST_MAX);
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/);
const version = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/);

/** What a test asks of one file; all that it names must hold. */
const test = z.union([
  /** The format of the file, or of something inside of it. */
  z.strictObject({ formats: words }),
  /** The file's name, with at most one `*` for any characters. */
  z.strictObject({ names: words }),
  /** A member of an archive with exactly this name, in whichever folder of it. */
  z.strictObject({ members: words }),
  /** The tier of the pickles in the file. */
  z.strictObject({ tiers: words }),
  /** A rule that a finding on the file has (`pickle/*` stands for all of a scanner), and a part of what it is about. */
  z.strictObject({ rules: words, about: words.optional() }),
  /** A key of a configuration, and what its value is, or holds; `true` means a value that says so. */
  z.strictObject({ keys: words, is: words.optional(), holds: words.optional() }),
  /** A template in the file. */
  z.strictObject({ template: z.literal(true) }),
  /** A model that keeps tensors in files beside it. */
  z.strictObject({ externalData: z.literal(true) }),
]);

const advisory = z.strictObject({
  id: z.string().regex(/^[A-Z][A-Za-z0-9-]{2,63}$/),
  loader: name,
  affected: z
    .array(
      z.strictObject({
        introduced: version.optional(),
        fixed: version.optional(),
        lastAffected: version.optional(),
      }),
    )
    .min(1)
    .max(LIST_MAX),
  severity: z.enum(['low', 'medium', 'high', 'critical']),
  summary: text(500),
  references: z.array(z.url().max(500)).min(1).max(LIST_MAX),
  when: z.array(z.array(test).min(1).max(LIST_MAX)).min(1).max(LIST_MAX),
  /** Something of the entry could not be found out; `note` says what. */
  uncertain: z.literal(true).optional(),
  note: text(500).optional(),
});

const advisoryFile = z.strictObject({
  type: z.literal('weighlock.advisories/v1'),
  /** Of this file: `year.month.day`, with a further number where a day has more than one. */
  version: z.string().regex(/^\d{4}\.\d{1,2}\.\d{1,2}(?:\.\d{1,4})?$/),
  /** The libraries that a loader brings with it, whose versions it does not tell. */
  brings: z.record(name, z.array(name).max(LIST_MAX)),
  advisories: z.array(advisory).max(ENTRIES_MAX),
});

export type AdvisoryTest = z.infer<typeof test>;
export type Advisory = z.infer<typeof advisory>;
export type AdvisoryFile = z.infer<typeof advisoryFile>;

/** The file of which this is the text. Throws WL_CONFIG_INVALID, naming what is wrong with it first. */
export function parseAdvisories(content: string, named: string): AdvisoryFile {
  const invalid = (why: string) =>
    new WeighlockError('WL_CONFIG_INVALID', `${named} is no file of advisories: ${why}`, {
      hint: 'Get it again from where Weighlock is released.',
    });
  if (content.length > ADVISORIES_BYTES_MAX) throw invalid('it is too long');
  const parsed = advisoryFile.safeParse(asJson(content));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join('.') || 'the document'}: ${issue?.message ?? 'not as expected'}`);
  }
  return parsed.data;
}

function asJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** Below zero where the version of a file `a` is older than `b`. */
export function compareFileVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let at = 0; at < 4; at += 1) {
    const difference = (left?.[at] ?? 0) - (right?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
