/**
 * The first pass over a Python tree: what each name of the module may mean, by its imports and simple assignments.
 */
import type { SyntaxNode, Tree } from '@lezer/common';
import { familyOf } from './python-families.ts';
import type { Names } from './python-names.ts';

/** Most imports kept. */
const LIST_MAX = 500;

/** A function that starts processes or runs text, which the module takes under a name of its own. */
export interface Taken {
  readonly name: string;
  readonly node: SyntaxNode;
}

/** Imports and simple assignments: what each name may mean. Returns the modules imported, and what was taken of them. */
export function readNames(
  tree: Tree,
  names: Names,
): { readonly imports: ReadonlySet<string>; readonly taken: readonly Taken[] } {
  const taken: Taken[] = [];
  const imports = new Set<string>();
  const assignments: SyntaxNode[] = [];
  const defined = new Set<string>();
  tree.cursor().iterate((ref) => {
    if (ref.name === 'ImportStatement') readImport(ref.node, names, { imports, taken });
    else if (ref.name === 'FunctionDefinition' || ref.name === 'ClassDefinition')
      readDefinition(ref.node, names, defined);
    else if (ref.name === 'AssignStatement' || ref.name === 'NamedExpression') assignments.push(ref.node);
  });
  for (const node of assignments) readAssignment(node, names, defined);
  return { imports, taken };
}

function readImport(
  node: SyntaxNode,
  names: Names,
  { imports, taken }: { readonly imports: Set<string>; readonly taken: Taken[] },
): void {
  const words: string[] = [];
  for (let part = node.firstChild; part !== null; part = part.nextSibling) words.push(names.text(part));
  const note = (module: string) => {
    if (imports.size < LIST_MAX) imports.add(module);
    names.imported(module);
  };
  const split = words.indexOf('import');
  const from = words[0] === 'from' ? words.slice(1, split).join('') : undefined;
  if (from !== undefined) note(from.startsWith('.') ? from : (from.split('.')[0] ?? from));
  let dotted = '';
  let alias: string | undefined;
  const finish = () => {
    if (dotted === '') return;
    const root = dotted.split('.')[0] ?? dotted;
    if (from === undefined) {
      note(root);
      if (alias !== undefined) names.define(alias, dotted);
    } else if (dotted === '*') names.star(from);
    else {
      const name = from.endsWith('.') ? `${from}${dotted}` : `${from}.${dotted}`;
      names.define(alias ?? dotted, name);
      if (isTaken(name) && taken.length < LIST_MAX) taken.push({ name, node });
    }
    dotted = '';
    alias = undefined;
  };
  for (let at = split + 1; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === ',') finish();
    else if (word === 'as') alias = words[++at];
    else if (word !== '(' && word !== ')' && !word.startsWith('#')) dotted += word;
  }
  finish();
}

/** Another module can import it from this one, under a name that says nothing. */
function isTaken(name: string): boolean {
  const known = familyOf(name);
  return known?.family === 'process' || /^(?:eval|exec)$/.test(known?.name ?? '');
}

/** Most definitions whose aliases are followed. */
const DEFINED_MAX = 5000;

function readDefinition(node: SyntaxNode, names: Names, defined: Set<string>): void {
  const name = node.getChild('VariableName');
  if (name !== null && defined.size < DEFINED_MAX) defined.add(names.text(name));
}

/** `f = os.system`, `f = setup`, `n = "sys" + "tem"`: the target may mean what the value means. */
function readAssignment(node: SyntaxNode, names: Names, defined: ReadonlySet<string>): void {
  const value = node.lastChild;
  if (value === null) return;
  const meanings = /^(?:VariableName|MemberExpression|CallExpression)$/.test(value.name)
    ? names.resolve(value)
    : [];
  const text = names.spelled(value);
  for (
    let target = node.firstChild;
    target !== null && target.from < value.from;
    target = target.nextSibling
  ) {
    if (target.name !== 'VariableName') continue;
    names.defineText(names.text(target), text);
    for (const meaning of meanings) {
      // Only what leads somewhere: `x = y` for ordinary names would only fill the table.
      if (familyOf(meaning) !== undefined || LEADING.test(meaning) || defined.has(meaning))
        names.define(names.text(target), meaning);
    }
  }
}

const LEADING = /^(?:(?:os|sys|builtins|importlib|subprocess)\b|\.)/;
