/**
 * A walk over the tree of @huggingface/jinja without recursion, which tells for every identifier the role it
 * plays: a name that is read, one that is defined, a filter, a test, a property or a keyword.
 */

/** A node as the library builds it: `type`, and children under other keys. */
export interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

export type Role = 'name' | 'define' | 'filter' | 'test' | 'property' | 'keyword';

/** Says that no more nodes are wanted. */
export const STOP = Symbol('stop');

/** Calls `enter` for every node, parents first, until it returns STOP. */
export function visit(program: Node, enter: (node: Node, role: Role) => unknown): void {
  const open: { readonly node: Node; readonly role: Role }[] = [{ node: program, role: 'name' }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, role } = next;
    if (enter(node, role) === STOP) return;
    for (const [key, value] of Object.entries(node)) {
      for (const child of nodes(value)) open.push({ node: child, role: roleOf(node, key, role) });
    }
  }
}

function* nodes(value: unknown): Iterable<Node> {
  if (value instanceof Map) {
    for (const [key, entry] of value) {
      yield* nodes(key);
      yield* nodes(entry);
    }
  } else if (Array.isArray(value)) {
    for (const entry of value) yield* nodes(entry);
  } else if (isNode(value)) {
    yield value;
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function roleOf(parent: Node, key: string, parentRole: Role): Role {
  switch (parent.type) {
    case 'MemberExpression':
      return key === 'property' && parent.computed !== true ? 'property' : 'name';
    case 'FilterExpression':
    case 'FilterStatement':
      return key === 'filter' ? 'filter' : 'name';
    case 'TestExpression':
      return key === 'test' ? 'test' : 'name';
    case 'CallExpression':
      // `x | f(a)`: the callee of a filter is the filter's name, its arguments are ordinary.
      return key === 'callee' && parentRole === 'filter' ? 'filter' : 'name';
    case 'KeywordArgumentExpression':
      return key !== 'key' ? 'name' : parentRole === 'define' ? 'define' : 'keyword';
    case 'For':
      return key === 'loopvar' ? 'define' : 'name';
    case 'Set':
    case 'SetStatement':
      return key === 'assignee' ? 'define' : 'name';
    case 'Macro':
      return key === 'name' || key === 'args' ? 'define' : 'name';
    case 'CallStatement':
      return key === 'callerArgs' ? 'define' : 'name';
    case 'TupleLiteral':
    case 'ArrayLiteral':
      return parentRole === 'define' ? 'define' : 'name';
    default:
      return 'name';
  }
}

/** How deep a concatenation of constants is folded. */
const FOLD_DEPTH_MAX = 64;

/** The text of a string literal, or of literals joined by `+` or `~`: `'__cl' + 'ass__'` hides nothing. */
export function literalText(node: Node, depth = 0): string | undefined {
  if (node.type === 'StringLiteral') return typeof node.value === 'string' ? node.value : undefined;
  if (node.type !== 'BinaryExpression' || depth > FOLD_DEPTH_MAX) return undefined;
  const operator = (node.operator as { readonly value?: unknown } | undefined)?.value;
  if (operator !== '+' && operator !== '~') return undefined;
  const { left, right } = node;
  if (!isNode(left) || !isNode(right)) return undefined;
  const a = literalText(left, depth + 1);
  const b = literalText(right, depth + 1);
  return a === undefined || b === undefined ? undefined : a + b;
}
