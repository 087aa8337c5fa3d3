/**
 * skops files: a zip archive whose `schema.json` is a tree of nodes. Each names a class and the *loader* that makes
 * an object of it; loading calls whatever they say. The facts are the distinct nodes; arrays lie beside as `.npy`.
 *
 * Source: skops/io/_persist.py, _audit.py and the `Node` classes.
 */
import type { Notes } from '../archive/notes.ts';
import type { Parse } from '../parse.ts';
import type { Contents } from './content.ts';
import type { PlacedEntry } from './local.ts';

export interface SkopsNode {
  readonly loader: string;
  readonly module: string;
  readonly name: string;
  readonly count: number;
}

export interface SkopsFacts {
  /** Of the format; decides which loaders there are. Undefined where it is no number. */
  readonly protocol: number | undefined;
  readonly nodes: readonly SkopsNode[];
}

const SCHEMA = 'schema.json';

/** A forest of three hundred trees; in memory the tree is many times as large. */
const SCHEMA_BYTES_MAX = 8 << 20;

/** Distinct nodes: estimators have some dozens. */
const NODES_MAX = 1024;

/** Longest name kept. */
const NAME_CHARS_MAX = 256;

/** The nodes of a skops archive, or undefined where there is no schema, or one that is not read. */
export function* readSkops(
  entries: readonly PlacedEntry[],
  contents: Contents,
  notes: Notes,
): Parse<SkopsFacts | undefined> {
  const entry = entries.find(({ name }) => name === SCHEMA);
  if (entry === undefined) return undefined;
  const { name: member, dataOffset: offset, compressedBytes } = entry;
  const unread = (detail: string): undefined =>
    notes.contradiction({ code: 'skops-schema', offset, detail, member }, compressedBytes) as undefined;
  if (entry.sizeBytes > SCHEMA_BYTES_MAX)
    return unread(`the schema is larger than ${SCHEMA_BYTES_MAX} bytes`);
  const text = yield* contents.parse(entry, (_head, sizeBytes) => readAll(sizeBytes));
  if (text === undefined) return undefined;
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    return unread('the schema is not JSON');
  }
  const nodes = collectNodes(schema);
  if (nodes === undefined) return unread(`the schema names more than ${NODES_MAX} classes`);
  if (nodes.length === 0) return undefined;
  const { protocol } = schema as { readonly protocol?: unknown };
  return { protocol: typeof protocol === 'number' ? protocol : undefined, nodes };
}

function* readAll(sizeBytes: number): Parse<string> {
  return Buffer.from(yield { offset: 0, length: sizeBytes }).toString('utf8');
}

/** The distinct nodes, or undefined where there are too many. Walks the tree without recursion: its depth is the file's to choose. */
function collectNodes(schema: unknown): readonly SkopsNode[] | undefined {
  const nodes = new Map<string, { loader: string; module: string; name: string; count: number }>();
  const stack: unknown[] = [schema];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Array.isArray(value) ? value : Object.values(value)) stack.push(child);
    const node = value as RawNode;
    if (Array.isArray(value) || !NODE_KEYS.some((key) => Object.hasOwn(node, key))) continue;
    for (const [module, name] of namesOf(node)) {
      const loader = textOf(node.__loader__);
      const key = `${loader}\n${module}\n${name}`;
      const known = nodes.get(key);
      if (known !== undefined) known.count++;
      else nodes.set(key, { loader, module, name, count: 1 });
    }
    if (nodes.size > NODES_MAX) return undefined;
  }
  return [...nodes.values()];
}

interface RawNode {
  readonly __loader__?: unknown;
  readonly __class__?: unknown;
  readonly __module__?: unknown;
  readonly module_path?: unknown;
  readonly function?: unknown;
}

const NODE_KEYS = ['__loader__', '__class__', '__module__', 'module_path', 'function'];

/** What a node names: its class, and the function that the first protocol kept beside it. */
function namesOf(node: RawNode): readonly (readonly [string, string])[] {
  const path = Object.hasOwn(node, 'module_path') || Object.hasOwn(node, 'function');
  const own: [string, string] = [textOf(node.__module__), textOf(node.__class__)];
  return path ? [own, [textOf(node.module_path), textOf(node.function)]] : [own];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, NAME_CHARS_MAX) : '';
}
