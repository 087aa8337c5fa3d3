/**
 * The heaps for text: a *local heap* holds the names of one group, *global heap collections* hold values of
 * variable length of all objects. https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, III.D and III.E.
 */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Hdf5Space } from './space.ts';

/** Longest segment of names of one group. */
const NAMES_BYTES_MAX = 32 * 1024 * 1024;

/** Longest name: layers of real models stay below 200. */
const NAME_BYTES_MAX = 4096;

/** Longest collection: libhdf5 writes 4 KiB, and more only for one longer value. */
const COLLECTION_BYTES_MAX = 64 * 1024 * 1024;

/** Most objects of one collection: 16 bits number them. */
const COLLECTION_OBJECTS_MAX = 65_536;

/** Most values in the collections that attributes refer to, whose places are kept. */
const VALUES_MAX = 500_000;

/** Most bytes of free space that are searched for collections, at the beginning of each piece and in all. */
const SEARCH_PIECE_BYTES_MAX = 64 * 1024;
const SEARCH_BYTES_MAX = 8 * 1024 * 1024;

/** The names of one group, by offset. */
export interface Names {
  at(offset: number): string;
}

export function* readLocalHeap(space: Hdf5Space, address: number): Parse<Names> {
  const headBytes = 8 + 2 * space.lengthBytes + space.addressBytes;
  const head = yield* space.read(address, headBytes);
  head.expect('HEAP');
  head.skip(4);
  const length = head.uint(space.lengthBytes) ?? 0;
  head.uint(space.lengthBytes);
  const begin = head.uint(space.addressBytes);
  if (begin === undefined || length > NAMES_BYTES_MAX)
    throw new Malformed('bad-heap', address, 'a heap of names without a place, or longer than the limit');
  space.claim(address, headBytes, 'a heap of names');
  space.claim(begin, length, 'the names of a group');
  const segment = (yield* space.read(begin, length)).take(length);
  return {
    at: (offset) => {
      const name = segment.subarray(offset, offset + NAME_BYTES_MAX + 1);
      const end = offset < 0 ? -1 : name.indexOf(0);
      if (end < 0) throw new Malformed('bad-name', begin, 'a name lies outside its heap, or is too long');
      return name.toString('utf8', 0, end);
    },
  };
}

interface Place {
  readonly begin: number;
  readonly length: number;
}

export class GlobalHeap {
  readonly #space: Hdf5Space;
  readonly #collections = new Map<number, ReadonlyMap<number, Place>>();
  #values = 0;

  constructor(space: Hdf5Space) {
    this.#space = space;
  }

  /** The bytes of one object, of which the reader of the reference says how many count. */
  *read(address: number, index: number, length: number): Parse<Buffer> {
    const place = (yield* this.#collection(address)).get(index);
    if (place === undefined || length > place.length)
      throw new Malformed('bad-reference', address, `value ${index} is not in its collection, or shorter`);
    return (yield* this.#space.read(place.begin, length)).take(length);
  }

  /** Takes the collections that only values inside of datasets refer to: they lie in what seems to be free. */
  *claimInFreeSpace(): Parse<void> {
    let left = SEARCH_BYTES_MAX;
    for (const { begin, end } of [...this.#space.free()]) {
      let from = begin;
      for (let at = begin; at + 16 <= end && at - from < SEARCH_PIECE_BYTES_MAX && left > 0; left -= 8) {
        const magic = (yield* this.#space.read(at, 4)).take(4).toString('latin1');
        if (magic !== 'GCOL') {
          at += 8 - (at % 8);
          continue;
        }
        const length = yield* this.#claim(at);
        yield* this.#directory(at, length);
        at += length;
        from = at;
      }
    }
  }

  *#collection(address: number): Parse<ReadonlyMap<number, Place>> {
    const known = this.#collections.get(address);
    if (known !== undefined) return known;
    const places = yield* this.#directory(address, yield* this.#claim(address));
    this.#collections.set(address, places);
    this.#values += places.size;
    if (this.#values > VALUES_MAX)
      throw new Malformed('too-many', address, `attributes refer to more than ${VALUES_MAX} values`);
    return places;
  }

  /** Takes the bytes of a collection; returns how many they are. */
  *#claim(address: number): Parse<number> {
    const { lengthBytes } = this.#space;
    const head = yield* this.#space.read(address, 8 + lengthBytes);
    head.expect('GCOL');
    head.skip(4);
    const size = head.uint(lengthBytes) ?? 0;
    if (size > COLLECTION_BYTES_MAX || size < 8 + lengthBytes)
      throw new Malformed('bad-collection', address, `a collection of ${size} bytes`);
    this.#space.claim(address, size, 'a collection of values');
    return size;
  }

  *#directory(address: number, size: number): Parse<ReadonlyMap<number, Place>> {
    const { lengthBytes } = this.#space;
    const places = new Map<number, Place>();
    const headBytes = 8 + lengthBytes;
    let at = address + 8 + lengthBytes;
    const end = address + size;
    while (at + headBytes <= end) {
      const head = yield* this.#space.read(at, headBytes);
      const index = head.u16();
      head.skip(6);
      const length = head.uint(lengthBytes) ?? 0;
      // Object 0 is what is left of the collection.
      if (index === 0) break;
      if (length > end - at - headBytes || places.size >= COLLECTION_OBJECTS_MAX)
        throw new Malformed('bad-collection', at, 'a value is longer than its collection');
      places.set(index, { begin: at + headBytes, length });
      at += headBytes + Math.ceil(length / 8) * 8;
    }
    return places;
  }
}
