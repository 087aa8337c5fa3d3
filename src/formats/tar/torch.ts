/**
 * PyTorch's oldest format: a tar archive whose members `storages` and `tensors` are pickles with raw data between
 * them, and whose member `pickle` refers to both by number.
 *
 * Source: `legacy_load` in torch/serialization.py, `THPStorage_newWithFile` in torch/csrc/Storage.cpp.
 */
import type { BaseFacts, Parse } from '../parse.ts';
import { parsePickle } from '../pickle/parse.ts';
import { parseTensorsMember } from '../pickle/torch-tar.ts';

const MEMBERS: ReadonlySet<string> = new Set(['sys_info', 'pickle', 'storages', 'tensors']);

/** Follows the members of one archive: the first one decides whether it is PyTorch's. */
export class TorchTar {
  #seen = 0;
  #others = 0;
  #storages: { storages: number; storageBytes: number } | undefined;

  /** The parser for a member that is no ordinary content, or undefined. */
  parserOf(member: string, sizeBytes: number): Parse<BaseFacts> | undefined {
    if (!MEMBERS.has(member)) {
      this.#others++;
      return undefined;
    }
    this.#seen++;
    if (member === 'pickle') return parsePickle({ sizeBytes, ids: 'numbers' });
    if (member === 'sys_info') return undefined;
    return this.#parseTensors(member, sizeBytes);
  }

  *#parseTensors(member: string, sizeBytes: number): Parse<BaseFacts> {
    const kind = member === 'storages' ? 'storages' : 'tensors';
    const { facts, count, rawBytes } = yield* parseTensorsMember({ sizeBytes, kind });
    if (kind === 'storages') this.#storages = { storages: count, storageBytes: rawBytes };
    return facts;
  }

  /** What the archive holds, where it is PyTorch's. */
  facts(): { readonly storages: number; readonly storageBytes: number } | undefined {
    return this.#seen === MEMBERS.size && this.#others === 0 ? this.#storages : undefined;
  }
}
