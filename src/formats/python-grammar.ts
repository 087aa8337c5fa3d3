/**
 * The grammar of Python as @lezer/python has it, and what CPython takes beyond it: `1.` as a number, a bare `yield`,
 * `case str():`, `for a, *b in`, `with (a() as b)`. Such places are written differently, character for character,
 * before the text is parsed; every position in the tree is still one of the text, and names and literals are only
 * ever read from the text itself.
 */
import type { Tree } from '@lezer/common';
import { parser } from '@lezer/python';

/** Rounds of repair: each parses the text once more, so that hostile text costs no more than this many parses. */
const ROUNDS_MAX = 4;

/** A text with more errors than this is not Python with a few new forms in it. */
const REPAIRS_MAX = 200;

/** Names end where one of these does not follow; a lookbehind with it keeps `x1.` and `_yield` as they are. */
const NO_NAME = '(?<![\\w.\\u0080-\\uffff])';
const BARE_FLOAT = new RegExp(`${NO_NAME}\\d[\\d_]{0,30}\\.(?![\\w.])`, 'g');
const BARE_YIELD = new RegExp(`${NO_NAME}yield(?=[ \\t\\f]{0,80}(?:[\\r\\n#)\\];,]|$))`, 'g');

/** The tree of a text. Where it still shows errors after the repairs, it is not Python that anyone here reads. */
export function parsePython(text: string): Tree {
  let written = text.replace(BARE_FLOAT, (number) => `${number.slice(0, -1)}0`).replace(BARE_YIELD, 'None ');
  let tree = parser.parse(written);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const repaired = repair(tree, written);
    if (repaired === undefined) break;
    written = repaired;
    tree = parser.parse(written);
  }
  return tree;
}

/** The text with what stands at the errors of its tree written differently; undefined where nothing can be. */
function repair(tree: Tree, text: string): string | undefined {
  const blanks: { readonly from: number; readonly to: number }[] = [];
  let errors = 0;
  tree.cursor().iterate(({ type, from }) => {
    if (!type.isError) return;
    errors += 1;
    if (errors <= REPAIRS_MAX) blanks.push(...unknownForm(text, from));
  });
  if (errors > REPAIRS_MAX || blanks.length === 0) return undefined;
  let repaired = '';
  let at = 0;
  for (const { from, to } of blanks) {
    if (from < at) continue;
    repaired += text.slice(at, from) + ' '.repeat(to - from);
    at = to;
  }
  return repaired + text.slice(at);
}

/** How far around an error the form is looked for that caused it. */
const FORM_CHARS_MAX = 120;

/** What to leave out at an error: binding forms only, which run nothing by themselves. */
function unknownForm(text: string, at: number): readonly { readonly from: number; readonly to: number }[] {
  const after = text.slice(at, at + FORM_CHARS_MAX);
  const before = text.slice(Math.max(0, at - FORM_CHARS_MAX), at);
  const alias = /^\s{0,80}as[ \t]{1,8}[\w.]{1,80}(?=\s{0,80}[,)])/.exec(after)?.[0];
  if (alias !== undefined) return [{ from: at, to: at + alias.length }];
  const star = /^\s{0,8}\*(?=\w)/.exec(after)?.[0];
  if (star !== undefined && /(?:\bfor[ \t][\w, \t]{0,100}|[[,:][ \t]{0,8})$/.test(before))
    return [{ from: at, to: at + star.length }];
  const target = /^(?:\([\w, \t]{0,80}\)|[.\w]{1,80})(?=\s{0,80}[,:)])/.exec(after)?.[0];
  const as = /\bas[ \t]{1,8}[\w.]{0,80}$/.exec(before)?.[0];
  if (target !== undefined && as !== undefined) return [{ from: at - as.length, to: at + target.length }];
  if (after.startsWith(')') && /\bcase[ \t][^\n]{0,100}\w\($/.test(before))
    return [{ from: at - 1, to: at + 1 }];
  return [];
}
