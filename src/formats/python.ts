/**
 * Python source as a tree: what a module imports, what it does when it is imported, and what its functions can
 * do once called. Facts only; which of it may stand in a model repo is the scanner's business.
 */
import type { Tree } from '@lezer/common';
import type { BaseFacts } from './parse.ts';
import type { When } from './python-calls.ts';
import type { Family } from './python-families.ts';
import { parsePython } from './python-grammar.ts';
import { walkPython } from './python-walk.ts';
import type { TemplateUse } from './template.ts';
import type { TextBase } from './text-base.ts';

export const PYTHON_PARSER = 'python/4';

/** A use of a name that can do something, by family. */
export interface PythonUse {
  readonly family: Family;
  readonly name: string;
  readonly line: number;
  /** What sets it off first: importing the module, loading the model, using it, or only who calls it. */
  readonly when: When;
  /** The way there, its steps joined by arrows: `import → setup() → Fetcher.get()`. */
  readonly path: string;
  /** Outermost definitions that lead there: what another module would call. */
  readonly entrances?: readonly string[];
  readonly called: boolean;
  /** What it is given is not a constant: `eval(x)`, `getattr(os, x)`. */
  readonly dynamic: boolean;
}

export interface PythonFacts extends BaseFacts, TextBase {
  readonly format: 'python';
  /** Top packages imported, sorted; relative imports as written. */
  readonly imports: readonly string[];
  readonly uses: readonly PythonUse[];
  /** Calls of what other modules of the repo may define, by dotted name: `.util.fetch`. */
  readonly outside: readonly Pick<PythonUse, 'name' | 'line' | 'when' | 'path' | 'entrances'>[];
  /** Literals that look like encoded data: line and length. */
  readonly encodedStrings: readonly { readonly line: number; readonly length: number }[];
  /** How often characters are spelled by number: `chr(111)+chr(115)`. */
  readonly spelledChars: number;
  /** Repos named in `from_pretrained`, `hf_hub_download`, `get_kernel` and their like. */
  readonly repos: readonly { readonly repo: string; readonly line: number }[];
  /** Lines that pass `trust_remote_code=True` on. */
  readonly trustsRemoteCode: readonly number[];
  /** Places that the grammar does not understand: what stands there was not judged. */
  readonly syntaxErrors: number;
  /** A source encoding other than UTF-8: CPython would read other code than is seen here. */
  readonly coding?: string;
  readonly shebang?: string;
  /** The text as a template, where it holds the syntax of one. */
  readonly template?: TemplateUse;
}

/** Longest source that is parsed: the longest modelling files have some 400 KB. */
const PYTHON_BYTES_MAX = 1024 * 1024;

/** How much decides whether text may be Python at all, and how many errors it may show there. */
const PROBE_CHARS = 16 * 1024;
const PROBE_ERRORS_MAX = 20;

/** Errors that a text which is Python may show: a few, or a few in a hundred statements (newer syntax). */
const ERRORS_MAX = 3;
const STATEMENTS_AN_ERROR = 50;

/** The facts if the text reads as Python that does something, otherwise undefined. Never throws on input. */
export function describePython(
  text: string,
  sizeBytes: number,
): Omit<PythonFacts, keyof TextBase> | undefined {
  const probe = text.slice(0, PROBE_CHARS);
  const whole = probe.length === text.length;
  const probed = count(parsePython(probe));
  if (probed.errors > PROBE_ERRORS_MAX) return undefined;
  if (whole ? !isPython(probed) : !probed.code && text.length > PYTHON_BYTES_MAX) return undefined;
  if (text.length > PYTHON_BYTES_MAX) return tooLong(text, sizeBytes);
  const tree = parsePython(text);
  const counted = whole ? probed : count(tree);
  if (!isPython(counted)) return undefined;
  const found = walkPython(tree, text);
  const gaps = found.truncated
    ? [{ offset: 0, length: sizeBytes, reason: 'more uses of powerful names than are kept' }]
    : [];
  return { ...shell(text, sizeBytes), ...found.lists, gaps, syntaxErrors: counted.errors };
}

/** Whether CPython would take the text for a module that does nothing: names, constants, assignments, no call. */
export function isInertPython(text: string): boolean {
  if (text.length > PROBE_CHARS) return false;
  const { errors, code } = count(parsePython(text));
  return errors === 0 && !code;
}

interface Count {
  readonly errors: number;
  readonly statements: number;
  /** Definitions, imports or calls: something that acts. */
  readonly code: boolean;
  /** Definitions or imports: something that prose does not look like. */
  readonly definitions: boolean;
}

const DEFINITIONS = /^(?:ImportStatement|FunctionDefinition|ClassDefinition)$/;

function count(tree: Tree): Count {
  let errors = 0;
  let statements = 0;
  let code = false;
  let definitions = false;
  tree.cursor().iterate(({ type }) => {
    if (type.isError) errors += 1;
    else if (type.is('Statement')) statements += 1;
    if (DEFINITIONS.test(type.name)) definitions = true;
    if (type.name === 'CallExpression') code = true;
  });
  return { errors, statements, code: code || definitions, definitions };
}

function isPython({ errors, statements, code, definitions }: Count): boolean {
  if (errors === 0) return code;
  return (
    definitions &&
    (errors <= ERRORS_MAX ? statements > 2 * errors : errors * STATEMENTS_AN_ERROR <= statements)
  );
}

/** PEP 263: the first two lines may name the encoding in which CPython reads the rest. */
const CODING = /^(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)/;

/** Encodings in which text of ASCII alone means what it seems to mean. */
const ASCII_ALIKE = /^(?:(?:us[-_]?)?ascii|latin[-_]?1|iso[-_]?8859[-_]\d{1,2}|cp125\d)(?:-unix)?$/i;

/** The encoding that the source declares, where CPython would read other code by it than UTF-8 shows. */
export function foreignCoding(text: string): string | undefined {
  const coding = CODING.exec(text)?.[1];
  if (coding === undefined || /^utf[-_]?8(?:-sig|-unix)?$/i.test(coding)) return undefined;
  return ASCII_ALIKE.test(coding) && /^[\0-\x7f]*$/.test(text) ? undefined : coding;
}

function shell(text: string, sizeBytes: number) {
  const coding = foreignCoding(text);
  const shebang = /^#![^\n]{0,120}/.exec(text)?.[0];
  return {
    format: 'python' as const,
    parser: PYTHON_PARSER,
    sizeBytes,
    problems: [],
    ...(coding === undefined ? {} : { coding }),
    ...(shebang === undefined ? {} : { shebang }),
  };
}

function tooLong(text: string, sizeBytes: number): Omit<PythonFacts, keyof TextBase> {
  const reason = `Python longer than ${PYTHON_BYTES_MAX} characters is not read`;
  return {
    ...shell(text, sizeBytes),
    gaps: [{ offset: 0, length: sizeBytes, reason }],
    problems: [{ code: 'python-too-long', offset: 0, detail: reason }],
    imports: [],
    uses: [],
    outside: [],
    encodedStrings: [],
    spelledChars: 0,
    repos: [],
    trustsRemoteCode: [],
    syntaxErrors: 0,
  };
}
