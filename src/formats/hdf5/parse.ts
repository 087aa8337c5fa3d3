/**
 * HDF5: a graph of *objects* (groups, datasets, named datatypes) that *links* lead to from the root. The walk
 * follows every link inside the file once, accounts for every byte that an object owns, reads the attributes that
 * are text, and lists every way that leads out of the file: external links, external data files, virtual datasets.
 * Format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html.
 */
import { Cursor } from '../cursor.ts';
import { Account, Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import { Attributes } from './attributes.ts';
import { readRecords } from './btree2.ts';
import { readDataspace, readDatatype } from './datatype.ts';
import { HDF5_PARSER, type Hdf5Dataset, type Hdf5Facts, type WayOut } from './facts.ts';
import { FractalHeap } from './fractal-heap.ts';
import { type Link, readLink, readSymbolTable } from './group.ts';
import { type Message, readHeader } from './header.ts';
import { readExternalFiles, readLayout } from './layout.ts';
import { FREE_BYTES_MAX, Hdf5Space } from './space.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

/** Most objects of one file: a checkpoint of Keras has some ten a layer. */
const OBJECTS_MAX = 200_000;

/** Longest path kept. */
const PATH_CHARS_MAX = 1024;

/** Most datasets and ways out of the file that are kept. */
const DATASETS_MAX = 20_000;
const WAYS_MAX = 1024;

/** Message types. */
const DATASPACE = 0x01;
const LINK_INFO = 0x02;
const DATATYPE = 0x03;
const LINK = 0x06;
const EXTERNAL_FILES = 0x07;
const LAYOUT = 0x08;
const ATTRIBUTE = 0x0c;
const SYMBOL_TABLE = 0x11;
const ATTRIBUTE_INFO = 0x15;
/** Types of trees over the links and attributes of one object. */
const LINK_NAMES = 5;
const LINK_ORDER = 6;
const ATTRIBUTE_NAMES = 8;
const ATTRIBUTE_ORDER = 9;
/** Fill values, group info, filters, comments, times, tree sizes, driver, reference count, file space. */
const PLAIN: ReadonlySet<number> = new Set([
  0x04, 0x05, 0x0a, 0x0b, 0x0d, 0x0e, 0x12, 0x13, 0x14, 0x16, 0x17,
]);

export function isHdf5(head: Uint8Array): boolean {
  const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
  // Behind a user block of a power of two the library finds it as well.
  return [0, 512, 1024, 2048].some((begin) => signature.every((byte, at) => head[begin + at] === byte));
}

export function* parseHdf5(sizeBytes: number): Parse<Hdf5Facts> {
  const walk = new Walk(sizeBytes);
  try {
    yield* walk.run();
  } catch (thrown) {
    walk.account.give(thrown, sizeBytes);
  }
  return walk.facts();
}

interface Step {
  readonly address: number;
  readonly path: string;
}

class Walk {
  readonly account = new Account();
  readonly #sizeBytes: number;
  readonly #space: Hdf5Space;
  readonly #attributes: Attributes;
  readonly #datasets: Hdf5Dataset[] = [];
  readonly #waysOut: WayOut[] = [];
  #open: Step[] = [];
  #superblock: Superblock | undefined;
  #objects = 0;
  #softLinks = 0;
  #freeBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#space = new Hdf5Space(sizeBytes);
    this.#attributes = new Attributes(this.#space, this.account);
  }

  facts(): Hdf5Facts {
    return {
      format: 'hdf5',
      parser: HDF5_PARSER,
      sizeBytes: this.#sizeBytes,
      gaps: this.account.gaps,
      problems: this.account.problems,
      ...(this.#superblock === undefined ? {} : { superblock: this.#superblock.version }),
      objects: this.#objects,
      softLinks: this.#softLinks,
      datasets: this.#datasets,
      waysOut: this.#waysOut,
      freeBytes: this.#freeBytes,
      ...this.#attributes.facts(),
    };
  }

  *run(): Parse<void> {
    const superblock = yield* readSuperblock(this.#space);
    this.#superblock = superblock;
    if (superblock.extension !== undefined)
      this.#open.push({ address: superblock.extension, path: 'superblock' });
    this.#open.push({ address: superblock.root, path: '' });
    for (let step = this.#open.pop(); step !== undefined; step = this.#open.pop())
      if (!this.#space.isClaimed(step.address)) yield* this.#object(step, superblock);
    yield* this.#attributes.heap.claimInFreeSpace();
    this.#freeBytes = this.#space.account(this.account, FREE_BYTES_MAX);
    const { endOfFile } = this.#space;
    if (endOfFile >= this.#sizeBytes) return;
    this.account.problem('trailing-data', endOfFile, `${this.#sizeBytes - endOfFile} bytes follow the file`);
    this.account.gap(endOfFile, this.#sizeBytes - endOfFile, 'follows the end that the superblock names');
  }

  *#object({ address, path }: Step, superblock: Superblock): Parse<void> {
    this.#objects += 1;
    if (this.#objects > OBJECTS_MAX)
      throw new Malformed('too-many', address, `more than ${OBJECTS_MAX} objects`);
    const messages = yield* readHeader(this.#space, address);
    for (const message of messages) {
      switch (message.type) {
        case SYMBOL_TABLE:
          for (const link of yield* readSymbolTable(this.#space, superblock, message))
            this.#follow(path, link);
          break;
        case LINK:
          this.#follow(path, readLink(new Cursor(message.bytes, message.offset), this.#space));
          break;
        case ATTRIBUTE:
          yield* this.#attributes.read(message, path);
          break;
        case LINK_INFO:
        case ATTRIBUTE_INFO:
          yield* this.#dense(message, path);
          break;
        case EXTERNAL_FILES:
          for (const target of yield* readExternalFiles(message, this.#space))
            this.#wayOut({ kind: 'external-data', path, target });
          break;
        case DATASPACE:
        case DATATYPE:
        case LAYOUT:
          break;
        default:
          if (!PLAIN.has(message.type)) this.#unknown(message);
      }
    }
    yield* this.#dataset(messages, path, superblock);
  }

  *#dataset(messages: readonly Message[], path: string, superblock: Superblock): Parse<void> {
    const one = (type: number) => messages.find((message) => message.type === type);
    const [layout, dataspace, datatype] = [one(LAYOUT), one(DATASPACE), one(DATATYPE)];
    if (layout === undefined || dataspace === undefined || datatype === undefined) return;
    const type = readDatatype(new Cursor(datatype.bytes, datatype.offset), datatype);
    const { shape, elements } = readDataspace(new Cursor(dataspace.bytes, dataspace.offset), this.#space);
    const dataBytes = elements * type.elementBytes;
    const reader = { space: this.#space, superblock, account: this.account, dataBytes };
    const stored = yield* readLayout(layout, reader);
    if (stored.kind === 'virtual') this.#wayOut({ kind: 'virtual-dataset', path, target: '' });
    if (this.#datasets.length >= DATASETS_MAX)
      throw new Malformed('too-many', layout.offset, `more than ${DATASETS_MAX} datasets`);
    const { kind: layoutKind, bytes } = stored;
    this.#datasets.push({
      path,
      type: type.kind,
      elementBytes: type.elementBytes,
      shape,
      layout: layoutKind,
      bytes,
    });
    const holdsAll = layoutKind !== 'contiguous' || stored.address === undefined || bytes === dataBytes;
    if (!holdsAll && type.kind !== 'committed')
      this.account.problem(
        'size-mismatch',
        layout.offset,
        `a dataset of ${dataBytes} bytes lies in ${bytes}`,
      );
  }

  #follow(parent: string, link: Link): void {
    const path = `${parent}/${link.name}`.slice(0, PATH_CHARS_MAX);
    switch (link.kind) {
      case 'hard':
        if (this.#open.length >= OBJECTS_MAX)
          throw new Malformed('too-many', link.address, `more than ${OBJECTS_MAX} links`);
        this.#open.push({ address: link.address, path });
        break;
      case 'soft':
        this.#softLinks += 1;
        break;
      case 'external':
        this.#wayOut({ kind: 'external-link', path, target: link.target });
        break;
      case 'foreign':
        this.#wayOut({ kind: 'foreign-link', path, target: link.target });
    }
  }

  #wayOut(way: WayOut): void {
    if (this.#waysOut.length < WAYS_MAX)
      this.#waysOut.push({ ...way, target: way.target.slice(0, PATH_CHARS_MAX) });
  }

  /** Many links or attributes of one object: names by a tree, and maybe by a second one in the order of creation. */
  *#dense(message: Message, path: string): Parse<void> {
    const cursor = new Cursor(message.bytes, message.offset);
    const isLinks = message.type === LINK_INFO;
    cursor.skip(1);
    const flags = cursor.u8();
    if (flags & 1) cursor.skip(isLinks ? 8 : 2);
    const heapAddress = cursor.uint(this.#space.addressBytes);
    const names = cursor.uint(this.#space.addressBytes);
    const order = flags & 2 ? cursor.uint(this.#space.addressBytes) : undefined;
    if (heapAddress === undefined) return;
    if (names === undefined)
      throw new Malformed('dense-storage', message.offset, 'dense storage without names');
    const heap = yield* FractalHeap.open(this.#space, heapAddress);
    const records = yield* readRecords(this.#space, names, isLinks ? LINK_NAMES : ATTRIBUTE_NAMES);
    if (order !== undefined) yield* readRecords(this.#space, order, isLinks ? LINK_ORDER : ATTRIBUTE_ORDER);
    for (const record of records) {
      // Of a link, a hash stands before the id; of an attribute, flags stand behind it.
      const { bytes, offset } = yield* heap.read(isLinks ? record.subarray(4) : record.subarray(0, 8));
      if (isLinks) this.#follow(path, readLink(new Cursor(bytes, offset), this.#space));
      else
        yield* this.#attributes.read(
          { type: ATTRIBUTE, shared: (record[8] ?? 0) !== 0, offset, bytes },
          path,
        );
    }
  }

  #unknown({ type, offset, bytes }: Message): void {
    this.account.problem('unknown-message', offset, `a message of type ${type} is not known`);
    this.account.gap(offset, Math.max(1, bytes.length), 'a message that is not known');
  }
}
