/** Shapes that every signed object is made of. What is not exactly of the form makes the whole object unreadable. */
import { z } from 'zod';
import { parseGitBlobSha1, parseSha256, type Sha256 } from '../base/digest.ts';
import { isCommit, parseModelName } from '../base/name.ts';

export const digestShape = z.string().transform((text, context): Sha256 => {
  const parsed = parseSha256(text);
  if (parsed) return parsed;
  context.addIssue('is not a sha256');
  return z.NEVER;
});

export const gitDigestShape = z.string().transform((text, context) => {
  const parsed = parseGitBlobSha1(text);
  if (parsed) return parsed;
  context.addIssue('is not a sha1');
  return z.NEVER;
});

export const modelShape = z.string().transform((text) => parseModelName(text));
export const commitShape = z.string().refine(isCommit);
