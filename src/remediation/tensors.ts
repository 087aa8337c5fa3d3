/**
 * The tensors of a checkpoint by name, found in its tree by how PyTorch writes them (torch/_utils.py). Names are those of
 * a state dict: mappings nest by dots, modules by their parameters, buffers and submodules.
 */
import { type Checkpoint, itemBytesOf, keyOf, type StorageBytes } from './storages.ts';
import { entriesOf, isGlobal, type MadeNode, type Node, numberOf, numbersOf } from './tree.ts';
import { Unconvertible } from './unconvertible.ts';

export interface NamedTensor {
  readonly name: string;
  /** As safetensors spells it. */
  readonly dtype: string;
  readonly itemBytes: number;
  readonly shape: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];
  /** In elements, into the storage. */
  readonly offset: number;
  readonly storage: StorageBytes;
}

export interface Found {
  readonly tensors: readonly NamedTensor[];
  /** Where in the tree the tensors were taken from, for example `state_dict`; empty for all of it. */
  readonly from: string;
  /** Keys beside them that were left behind, with what they are. */
  readonly left: readonly string[];
}

/** Tensors of one file, and how deep names nest. */
const TENSORS_MAX = 200_000;
const DEPTH_MAX = 64;

/** Keys under which training code keeps the weights beside its own state, the likeliest first. */
const WEIGHTS_KEYS = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'module',
  'params_ema',
  'params',
  'net',
  'weights',
];

/** Throws Unconvertible where there is no tensor, or one that cannot be written down as plain numbers. */
export function tensorsOf(checkpoint: Checkpoint): Found {
  const entries = entriesOf(checkpoint.root);
  const key = entries && !entries.some(([, value]) => isTensor(value)) ? weightsKey(entries) : undefined;
  const root =
    key === undefined
      ? checkpoint.root
      : (entries?.find(([name]) => textOf(name) === key)?.[1] ?? checkpoint.root);
  const walk = new Walk(checkpoint);
  walk.run(root);
  if (walk.tensors.length === 0) throw new Unconvertible('holds no tensors that have a name');
  const beside =
    key === undefined
      ? []
      : (entries ?? []).map(([name]) => textOf(name) ?? '?').filter((name) => name !== key);
  return { tensors: walk.tensors, from: key ?? '', left: [...beside, ...walk.left] };
}

function weightsKey(entries: readonly (readonly [Node, Node])[]): string | undefined {
  return WEIGHTS_KEYS.find((wanted) =>
    entries.some(
      ([name, value]) => textOf(name) === wanted && (entriesOf(value) !== undefined || value.kind === 'made'),
    ),
  );
}

interface Open {
  readonly prefix: string;
  readonly node: Node;
  readonly depth: number;
}

class Walk {
  readonly tensors: NamedTensor[] = [];
  readonly left: string[] = [];
  readonly #checkpoint: Checkpoint;
  readonly #names = new Set<string>();

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
  }

  /** Depth first, in the order of the file, without recursion. */
  run(root: Node): void {
    const open: Open[] = [{ prefix: '', node: root, depth: 0 }];
    for (let next = open.pop(); next; next = open.pop()) {
      if (next.depth > DEPTH_MAX) throw new Unconvertible(`nests deeper than ${DEPTH_MAX}`);
      open.push(...this.#enter(next).reverse());
    }
  }

  #enter({ prefix, node, depth }: Open): Open[] {
    const tensor = prefix === '' ? undefined : tensorOf(node, this.#checkpoint);
    if (tensor !== undefined) {
      this.#add({ name: prefix, ...tensor });
      return [];
    }
    const inside = childrenOf(node);
    if (inside === undefined) {
      if (prefix !== '') this.left.push(prefix);
      return [];
    }
    return inside.map(([name, value]) => ({
      prefix: prefix === '' ? name : `${prefix}.${name}`,
      node: value,
      depth: depth + 1,
    }));
  }

  #add(tensor: NamedTensor): void {
    if (this.#names.has(tensor.name))
      throw new Unconvertible(`names two tensors ${JSON.stringify(tensor.name)}`);
    if (this.tensors.length >= TENSORS_MAX) throw new Unconvertible(`holds more than ${TENSORS_MAX} tensors`);
    this.#names.add(tensor.name);
    this.tensors.push(tensor);
  }
}

/** What has names inside: a mapping, a module's state, a list by its numbers. */
function childrenOf(node: Node): readonly (readonly [string, Node])[] | undefined {
  if (node.kind === 'list' || node.kind === 'tuple') {
    if (!node.items.some(holdsTensors)) return undefined;
    return node.items.map((item, number) => [String(number), item]);
  }
  if (node.kind === 'made' && node.state !== undefined) {
    const state = entriesOf(node.state);
    const module = state && moduleEntries(state);
    if (module) return module;
  }
  return entriesOf(node)?.flatMap(([key, value]) => {
    const name = textOf(key);
    return name === undefined ? [] : [[name, value] as const];
  });
}

function holdsTensors(node: Node): boolean {
  return isTensor(node) || node.kind === 'dict' || node.kind === 'made';
}

/** `torch.nn.Module.__dict__`: what its own `state_dict` would name. */
function moduleEntries(state: readonly (readonly [Node, Node])[]): (readonly [string, Node])[] | undefined {
  const part = (wanted: string): readonly (readonly [Node, Node])[] => {
    const found = state.find(([key]) => textOf(key) === wanted)?.[1];
    return (found && entriesOf(found)) ?? [];
  };
  if (!state.some(([key]) => textOf(key) === '_parameters')) return undefined;
  return [...part('_parameters'), ...part('_buffers'), ...part('_modules')].flatMap(([key, value]) => {
    const name = textOf(key);
    return name === undefined || value.kind === 'none' ? [] : [[name, value] as const];
  });
}

const REBUILDERS = new Set(['_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_tensor_v3']);

function isTensor(node: Node): boolean {
  if (node.kind === 'persistent') return node.id.kind === 'int';
  return node.kind === 'made' && (rebuilder(node) !== undefined || wrapped(node) !== undefined);
}

function rebuilder({ by }: MadeNode): string | undefined {
  return by.kind === 'global' && by.module === 'torch._utils' && REBUILDERS.has(by.name)
    ? by.name
    : undefined;
}

/** What a parameter, or a tensor of a subclass, wraps. */
function wrapped(node: MadeNode): Node | undefined {
  if (node.args.kind !== 'tuple') return undefined;
  const { items } = node.args;
  const parameter =
    isGlobal(node.by, 'torch._utils', '_rebuild_parameter') ||
    isGlobal(node.by, 'torch._utils', '_rebuild_parameter_with_state') ||
    isGlobal(node.by, 'torch.nn.parameter', 'Parameter');
  return parameter ? items[0] : undefined;
}

type Layout = Omit<NamedTensor, 'name'>;

/** The tensor that a node is; undefined for what is none. Throws Unconvertible for one of a kind that is not plain. */
function tensorOf(node: Node, checkpoint: Checkpoint): Layout | undefined {
  let inner = node;
  // A parameter may be wrapped, and what wraps it again is an attack or a mistake.
  for (let depth = 0; inner.kind === 'made' && depth < 4; depth++) {
    const value = wrapped(inner);
    if (value === undefined) break;
    inner = value;
  }
  if (inner.kind === 'persistent') return numberedTensor(inner.id, checkpoint);
  if (inner.kind !== 'made') return undefined;
  const how = rebuilder(inner);
  if (how === undefined) {
    if (inner.by.kind === 'global' && /^_rebuild_/.test(inner.by.name))
      throw new Unconvertible(`holds a tensor that is not plain numbers (${inner.by.name})`);
    return undefined;
  }
  const args = inner.args.kind === 'tuple' ? inner.args.items : [];
  const [storage, offset, shape, strides] = args;
  const metadata = how === '_rebuild_tensor_v3' ? args[7] : args[6];
  if (metadata !== undefined && metadata.kind !== 'none' && (entriesOf(metadata)?.length ?? 1) > 0)
    throw new Unconvertible('holds a tensor with a conjugate or negative view');
  const dtype = how === '_rebuild_tensor_v3' ? args[6] : undefined;
  return layout({ ...storageOf(storage, checkpoint), dtype }, { offset, shape, strides });
}

function numberedTensor(id: Node, { numbered, storages, types }: Checkpoint): Layout | undefined {
  const key = keyOf(id);
  const found = key === undefined ? undefined : numbered?.get(key);
  if (!found) return undefined;
  const bytes = storages.get(found.storage);
  const type = types?.get(found.storage);
  if (!bytes || !type) throw new Unconvertible('names a storage that it does not hold');
  const { offset, shape, strides } = found;
  const int = (value: number): Node => ({ kind: 'int', value });
  const tuple = (values: readonly number[]): Node => ({ kind: 'tuple', items: values.map(int) });
  return layout(
    { bytes, type, dtype: undefined },
    { offset: int(offset), shape: tuple(shape), strides: tuple(strides) },
  );
}

interface Storage {
  readonly bytes: StorageBytes;
  readonly type: Node;
  /** Where the storage has none of its own. */
  readonly dtype: Node | undefined;
}

/** `('storage', type, key, location, elements)`, in the older format with a view of it behind. */
function storageOf(node: Node | undefined, { storages }: Checkpoint): Omit<Storage, 'dtype'> {
  const id = node?.kind === 'persistent' && node.id.kind === 'tuple' ? node.id.items : [];
  const [tag, type, key, , , view] = id;
  const name = key?.kind === 'text' ? key.value : undefined;
  const bytes = name === undefined ? undefined : storages.get(name);
  if (textOf(tag) !== 'storage' || type === undefined || bytes === undefined)
    throw new Unconvertible('has a tensor whose numbers are not in the file');
  if (view === undefined || view.kind === 'none') return { bytes, type };
  const items = view.kind === 'tuple' ? view.items : [];
  const [begin, count] = [numberOf(items[1]), numberOf(items[2])];
  if (begin === undefined || count === undefined)
    throw new Unconvertible('describes a view of a storage in an odd way');
  const itemBytes = itemBytesOf(type);
  const cut = { offset: bytes.offset + begin * itemBytes, sizeBytes: count * itemBytes };
  if (begin < 0 || count < 0 || (begin + count) * itemBytes > bytes.sizeBytes)
    throw new Unconvertible('has a view that reaches beyond its storage');
  return { bytes: cut, type };
}

interface Shape {
  readonly offset: Node | undefined;
  readonly shape: Node | undefined;
  readonly strides: Node | undefined;
}

function layout({ bytes, type, dtype: named }: Storage, at: Shape): Layout {
  const { dtype, itemBytes } = dtypeOf(type, named);
  const offset = numberOf(at.offset);
  const shape = numbersOf(at.shape);
  const strides = numbersOf(at.strides);
  if (
    offset === undefined ||
    !shape ||
    !strides ||
    shape.length !== strides.length ||
    shape.some((size) => size < 0)
  )
    throw new Unconvertible('describes the shape of a tensor in an odd way');
  const reach = shape.includes(0)
    ? 0
    : offset + 1 + shape.reduce((sum, size, i) => sum + (size - 1) * (strides[i] ?? 0), 0);
  if (offset < 0 || strides.some((stride) => stride < 0) || !(reach * itemBytes <= bytes.sizeBytes))
    throw new Unconvertible('has a tensor that reaches beyond its storage');
  return { dtype, itemBytes, shape, strides, offset, storage: bytes };
}

/** By storage class, or by `torch.<dtype>` where the storage is only bytes. */
function dtypeOf(
  type: Node,
  named: Node | undefined,
): { readonly dtype: string; readonly itemBytes: number } {
  const name = named?.kind === 'global' ? named.name : type.kind === 'global' ? type.name : '';
  const found = DTYPES[name];
  if (!found)
    throw new Unconvertible(
      `holds numbers of the type ${name || 'unknown'}, which safetensors does not have`,
    );
  return { dtype: found[0], itemBytes: found[1] };
}

const DTYPES: Readonly<Record<string, readonly [dtype: string, itemBytes: number]>> = {
  DoubleStorage: ['F64', 8],
  FloatStorage: ['F32', 4],
  HalfStorage: ['F16', 2],
  BFloat16Storage: ['BF16', 2],
  LongStorage: ['I64', 8],
  IntStorage: ['I32', 4],
  ShortStorage: ['I16', 2],
  CharStorage: ['I8', 1],
  ByteStorage: ['U8', 1],
  BoolStorage: ['BOOL', 1],
  ComplexFloatStorage: ['C64', 8],
  float8_e4m3fn: ['F8_E4M3', 1],
  float8_e5m2: ['F8_E5M2', 1],
  uint16: ['U16', 2],
  uint32: ['U32', 4],
  uint64: ['U64', 8],
  float32: ['F32', 4],
  float16: ['F16', 2],
  bfloat16: ['BF16', 2],
};

function textOf(node: Node | undefined): string | undefined {
  if (node?.kind === 'text') return node.value;
  return node?.kind === 'int' ? String(node.value) : undefined;
}
