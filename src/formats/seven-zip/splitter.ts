/**
 * Splitting what a folder of 7z expands to into its files, each fed to the parser that it asks for.
 */
import type { ArchiveMember } from '../archive/facts.ts';
import { Crc32 } from '../compressed/checks.ts';
import { Content } from '../compressed/content.ts';
import type { Sink } from '../compressed/ring.ts';
import { Malformed } from '../malformed.ts';
import type { Identify, Nesting } from '../nesting.ts';
import type { Part } from './header.ts';

interface Place {
  readonly input: { readonly identify: Identify; readonly nesting: Nesting };
  /** Of the folder's packed bytes. */
  readonly offset: number;
}

export class Splitter implements Sink {
  readonly members: ArchiveMember[] = [];
  /** Files that would have to be held and are too large. */
  readonly unheld: { readonly name: string; readonly length: number }[] = [];
  readonly #parts: readonly Part[];
  readonly #names: readonly string[];
  readonly #place: Place;
  #next = 0;
  #left = 0;
  #content: Content | undefined;
  #check = new Crc32();

  constructor(parts: readonly Part[], names: readonly string[], place: Place) {
    this.#parts = parts;
    this.#names = names;
    this.#place = place;
    this.#begin();
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#content === undefined) throw this.#malformed('a folder holds more than its files');
      const count = Math.min(bytes.length - at, this.#left);
      const part = bytes.subarray(at, at + count);
      this.#check.update(part);
      this.#content.push(part);
      at += count;
      this.#left -= count;
      if (this.#left === 0) this.#finish();
      this.#begin();
    }
  }

  end(): void {
    if (this.#content !== undefined) throw this.#malformed('a folder holds less than its files');
  }

  /** Begins the next file, unless one is under way; those that hold nothing end at once. */
  #begin(): void {
    while (this.#content === undefined) {
      const part = this.#parts[this.#next];
      if (part === undefined) return;
      this.#left = part.sizeBytes;
      this.#check = new Crc32();
      this.#content = new Content({ ...this.#place.input, sizeBytes: part.sizeBytes });
      if (part.sizeBytes === 0) this.#finish();
    }
  }

  #finish(): void {
    const part = this.#parts[this.#next];
    const name = this.#names[this.#next] ?? '';
    if (part?.crc32 === undefined || this.#check.digest().readUInt32LE(0) !== part.crc32)
      throw this.#malformed('a member does not have its checksum');
    const facts = this.#content?.end();
    const { sizeBytes } = part;
    if (facts === undefined) this.unheld.push({ name, length: Math.max(1, sizeBytes) });
    else this.members.push({ name, method: 'packed', sizeBytes, offset: this.#place.offset, facts });
    this.#next++;
    this.#content = undefined;
  }

  #malformed(detail: string): Malformed {
    return new Malformed('member-content', this.#place.offset, detail);
  }
}
