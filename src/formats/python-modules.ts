/**
 * Modules as values: whoever hands `os` on, keeps it in a list or takes its dictionary can call anything of it under
 * a name that no reader of the source sees. Ordinary code only ever writes `os.` and the name of what it needs.
 */
import type { SyntaxNode } from '@lezer/common';
import { DANGEROUS_MODULES } from './python-families.ts';
import type { Names } from './python-names.ts';

/** Functions that only ask about a module, or whose answer is followed by name. */
export const ASKING: ReadonlySet<string> = new Set([
  'getattr',
  'hasattr',
  'isinstance',
  'id',
  'print',
  'reload',
  'vars',
]);

/** Attributes that every module has and that say nothing but where it comes from. */
const HARMLESS_DUNDERS: ReadonlySet<string> = new Set([
  '__name__',
  '__file__',
  '__version__',
  '__doc__',
  '__path__',
]);

/** The dangerous module that the name at `node` hands on as a value; undefined where it does nothing of the kind. */
export function handedModule(node: SyntaxNode, names: Names): string | undefined {
  const { parent } = node;
  if (parent === null || /^(?:DeleteStatement|ScopeStatement)$/.test(parent.name)) return undefined;
  if (parent.name === 'ArgList') {
    const callee = parent.parent?.firstChild;
    if (callee?.name === 'VariableName' && ASKING.has(names.text(callee))) return undefined;
  }
  return names.resolve(node).find((meaning) => DANGEROUS_MODULES.has(meaning));
}

/** `__import__('os')` whose answer is handed on: `__import__('os').system` is followed by name instead. */
export function importedModule(call: SyntaxNode, names: Names): string | undefined {
  const { parent } = call;
  if (parent?.name === 'MemberExpression' && parent.getChild('PropertyName') !== null) return undefined;
  return names.resolve(call).find((meaning) => DANGEROUS_MODULES.has(meaning));
}

/** `os.__dict__`, `os.__getattribute__`, `globals().get`: the way to a name that is chosen at run time. */
export function handedNamespace(node: SyntaxNode, names: Names): string | undefined {
  const owner = node.firstChild;
  const property = node.getChild('PropertyName');
  if (owner === null || property === null) return undefined;
  const name = names.text(property);
  if (owner.name === 'CallExpression') {
    const callee = owner.firstChild === null ? '' : names.text(owner.firstChild);
    return callee === 'globals' || (callee === 'locals' && name === 'get')
      ? `${callee}().${name}`
      : undefined;
  }
  if (!name.startsWith('__') || HARMLESS_DUNDERS.has(name)) return undefined;
  const module = names.resolve(owner).find((meaning) => DANGEROUS_MODULES.has(meaning));
  return module === undefined ? undefined : `${module}.${name}`;
}

/** Text that names the way to import by text: an annotation or a configuration that something evaluates. */
export const IMPORTING_TEXT = /__import__\s*\(|__builtins__/;
