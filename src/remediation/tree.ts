/**
 * Remediation: turning what can run code into what cannot. A pickle becomes a *tree*: what it would build, written down
 * as nodes, with nothing imported, called or built. From the tree of a checkpoint its tensors are taken by name, and
 * their bytes written as safetensors; everything else in it (optimizers, classes, a booby trap) stays behind.
 */

/** An imported name, as the pickle writes it. */
export interface GlobalNode {
  readonly kind: 'global';
  readonly module: string;
  readonly name: string;
}

/** What some global would have made: by a call, or as a bare instance; later opcodes give it state and items. */
export interface MadeNode {
  readonly kind: 'made';
  readonly by: Node;
  readonly args: Node;
  state: Node | undefined;
  readonly items: Node[];
  readonly entries: (readonly [Node, Node])[];
}

export interface PersistentNode {
  readonly kind: 'persistent';
  readonly id: Node;
}

export type Node =
  | { readonly kind: 'none' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly value: number | bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  /** Bytes, of which only the place is kept. */
  | { readonly kind: 'bytes'; readonly offset: number; readonly length: number }
  | { readonly kind: 'tuple'; readonly items: readonly Node[] }
  | { readonly kind: 'list'; readonly items: Node[] }
  | { readonly kind: 'dict'; readonly entries: (readonly [Node, Node])[] }
  | { readonly kind: 'set'; readonly items: Node[] }
  | GlobalNode
  | MadeNode
  | PersistentNode;

/** Whether the node is this very global. */
export function isGlobal(node: Node | undefined, module: string, name: string): boolean {
  return node?.kind === 'global' && node.module === module && node.name === name;
}

/** The number of an int node that is a safe integer; undefined for anything else. */
export function numberOf(node: Node | undefined): number | undefined {
  if (node?.kind !== 'int' || typeof node.value !== 'number') return undefined;
  return Number.isSafeInteger(node.value) ? node.value : undefined;
}

/** The numbers of a tuple or list of whole numbers; undefined for anything else. */
export function numbersOf(node: Node | undefined): readonly number[] | undefined {
  if (node?.kind !== 'tuple' && node?.kind !== 'list') return undefined;
  const numbers = node.items.map(numberOf);
  return numbers.every((number) => number !== undefined) ? numbers : undefined;
}

/**
 * The entries of a mapping, whichever way it is made: a dict, or an OrderedDict or other mapping that is filled after it
 * was made. undefined for what is no mapping.
 */
export function entriesOf(node: Node): readonly (readonly [Node, Node])[] | undefined {
  if (node.kind === 'dict') return node.entries;
  if (node.kind !== 'made') return undefined;
  if (isMapping(node.by)) return [...entriesGiven(node.args), ...node.entries];
  return node.entries.length > 0 ? node.entries : undefined;
}

/** Python 2 gave an OrderedDict its entries as one list of pairs. */
function entriesGiven(args: Node): (readonly [Node, Node])[] {
  const [list] = args.kind === 'tuple' && args.items.length === 1 ? args.items : [];
  if (list?.kind !== 'list') return [];
  return list.items.flatMap((pair) => {
    const [key, value] = pair.kind === 'list' || pair.kind === 'tuple' ? pair.items : [];
    return key && value ? [[key, value] as const] : [];
  });
}

function isMapping(by: Node): boolean {
  return by.kind === 'global' && by.module === 'collections' && /^(?:OrderedDict|defaultdict)$/.test(by.name);
}
