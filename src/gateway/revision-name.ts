/** Revision names: what a client may call a revision by, before anybody looks whether there is one. */
import { type Commit, isCommit } from '../base/name.ts';

export type RevisionName =
  /** `main`, `HEAD`, or none at all: the `production` channel. */
  | { readonly by: 'default' }
  | { readonly by: 'commit'; readonly commit: Commit }
  /** A channel or a name that upstream gave it, or only one of the two where the name says which. */
  | { readonly by: 'name'; readonly name: string; readonly among: 'all' | 'channels' | 'tags' };

export const DEFAULT_REVISION: RevisionName = { by: 'default' };

/** Longest name: what file systems, and therefore git, take for one. */
const NAME_BYTES_MAX = 255;

/** What git refuses in a ref: controls, space, `~^:?*[\`, `..`, `@{`, parts that are empty or begin with a dot. */
const REF =
  /^(?!.*(?:\.\.|@\{|\/\/|\/\.|\.\/))[^\u0000-\u0020\u007f~^:?*[\\./][^\u0000-\u0020\u007f~^:?*[\\]*$/;

/**
 * Reads a revision as the Hub does. Undefined for what no revision here can be called: not a ref by git's rules, a
 * pull request, a conversion.
 */
export function parseRevisionName(text: string): RevisionName | undefined {
  if (text === 'main' || text === 'HEAD' || text === 'refs/heads/main') return DEFAULT_REVISION;
  if (isCommit(text)) return { by: 'commit', commit: text };
  if (!text.isWellFormed() || Buffer.byteLength(text) > NAME_BYTES_MAX) return undefined;
  if (!REF.test(text) || text.endsWith('/') || text.endsWith('.')) return undefined;
  if (!text.startsWith('refs/')) return { by: 'name', name: text, among: 'all' };
  if (text.startsWith('refs/heads/')) return { by: 'name', name: text.slice(11), among: 'channels' };
  if (text.startsWith('refs/tags/')) return { by: 'name', name: text.slice(10), among: 'tags' };
  return undefined;
}
