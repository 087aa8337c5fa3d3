/**
 * Loops of a template that no conversation needs: ranges within ranges, and macros that call themselves whatever
 * they are given.
 */
import { type Node, STOP, visit } from './template-tree.ts';

/** Most rounds of nested loops over constants. */
const ROUNDS_MAX = 100_000;

/** Nodes of macros that are looked at: macros in macros would be looked at again and again. */
const NODES_MAX = 200_000;

/** What such loops are, as they are shown; none in an ordinary template. */
export function endlessLoops(program: Node): readonly string[] {
  const found = new Set<string>();
  const budget = { left: NODES_MAX };
  const open: { readonly node: Node; readonly rounds: number }[] = [{ node: program, rounds: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node } = next;
    const rounds = next.rounds * roundsOf(node);
    if (rounds > ROUNDS_MAX) {
      found.add(`${rounds} rounds of loops in loops`);
      continue;
    }
    if (node.type === 'Macro' && callsItself(node, budget))
      found.add(`${nameOf(node.name)} calls itself without end`);
    for (const list of [node.body, node.alternate, node.defaultBlock]) {
      if (!Array.isArray(list)) continue;
      for (const child of list as readonly Node[]) open.push({ node: child, rounds });
    }
  }
  return [...found];
}

function nameOf(node: unknown): string | undefined {
  const { value } = (node ?? {}) as Partial<Node>;
  return typeof value === 'string' ? value : undefined;
}

/** How often the body of `for x in range(9999)` runs; once where the count is no constant. */
function roundsOf(node: Node): number {
  const iterable = node.type === 'For' ? (node.iterable as Node) : undefined;
  if (iterable?.type !== 'CallExpression' || nameOf(iterable.callee) !== 'range') return 1;
  const counts = (iterable.args as readonly Node[]).map(({ value }) =>
    typeof value === 'number' ? value : 1,
  );
  return Math.max(1, ...counts);
}

/** Whether a call of the macro stands in its body where no condition and no loop can keep it from running. */
function callsItself(macro: Node, budget: { left: number }): boolean {
  const name = nameOf(macro.name);
  const plain = (macro.body as readonly Node[]).filter(({ type }) => type !== 'If' && type !== 'For');
  return plain.some((statement) => {
    let called = false;
    let conditional = false;
    visit(statement, (node) => {
      budget.left -= 1;
      if (budget.left < 0) return STOP;
      if (node.type === 'Ternary') conditional = true;
      if (node.type === 'CallExpression' && nameOf(node.callee) === name) called = true;
      return undefined;
    });
    return called && !conditional;
  });
}
