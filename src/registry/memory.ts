/**
 * Memory: what this verifier or gate has already seen of a vault, kept outside of it. An older state, or a log that
 * does not extend the one remembered, is then a rollback and not news.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { WeighlockError } from '../base/errors.ts';
import type { TreeHead } from '../log/reader.ts';
import { KernelLock } from '../vault/kernel-lock.ts';

export interface Remembered {
  /** Sequence and digest of the highest state seen. */
  readonly state?: { readonly sequence: number; readonly digest: string };
  /** The largest tree seen in the vault. */
  readonly log?: TreeHead;
  /** The largest tree that this machine's gate signed; it may have died before the vault held it. */
  readonly signed?: TreeHead;
}

/** How long to wait for another process, which needs milliseconds. */
const LOCK_WAIT_MS = 20_000;

export interface Memory {
  recall(): Remembered;
  remember(seen: Remembered): void;
}

const tree = z.object({
  size: z.int(),
  root: z.string().transform((text) => Buffer.from(text, 'base64')),
});

const fileSchema = z.object({
  state: z.object({ sequence: z.int(), digest: z.string() }).optional(),
  log: tree.optional(),
  signed: tree.optional(),
});

/** Memory in a small file of this machine, replaced whole. It only ever moves forward. */
export class FileMemory implements Memory {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  recall(): Remembered {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
      throw error;
    }
    const parsed = parse(text);
    if (!parsed) {
      throw new WeighlockError(
        'WL_CONFIG_INVALID',
        `${this.#file}, which remembers the vault's highest state, is damaged`,
        {
          hint: 'Restore the file from a backup; deleting it means believing whatever the vault shows next.',
        },
      );
    }
    return compact(parsed);
  }

  remember(seen: Remembered): void {
    const before = this.recall();
    if (isSame(merge(before, seen), before)) return;
    mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    // Locked, so that a slower process does not put an older memory back.
    const lock = KernelLock.acquire(`${this.#file}.lock`, LOCK_WAIT_MS);
    if (!lock)
      throw new WeighlockError('WL_CONFIG_INVALID', `another process holds ${this.#file} for too long`);
    try {
      this.#write(merge(this.recall(), seen));
    } finally {
      lock.release();
    }
  }

  #write(next: Remembered): void {
    const temporary = `${this.#file}.${process.pid}`;
    const text = { state: next.state, log: encodeTree(next.log), signed: encodeTree(next.signed) };
    writeFileSync(temporary, `${JSON.stringify(text)}\n`, { mode: 0o600, flush: true });
    renameSync(temporary, this.#file);
  }
}

/** Memory for as long as the process lives. */
export class ProcessMemory implements Memory {
  #known: Remembered = {};

  recall(): Remembered {
    return this.#known;
  }

  remember(seen: Remembered): void {
    this.#known = merge(this.#known, seen);
  }
}

function isSame(a: Remembered, b: Remembered): boolean {
  return a.state === b.state && a.log === b.log && a.signed === b.signed;
}

/** Of both, whatever is newest: memory only moves forward. */
function merge(a: Remembered, b: Remembered): Remembered {
  return compact({
    state: newest(a.state, b.state, (item) => item.sequence),
    log: newest(a.log, b.log, (item) => item.size),
    signed: newest(a.signed, b.signed, (item) => item.size),
  });
}

function compact(seen: { [K in keyof Remembered]?: Remembered[K] | undefined }): Remembered {
  const { state, log, signed } = seen;
  return { ...(state && { state }), ...(log && { log }), ...(signed && { signed }) };
}

function encodeTree(tree: TreeHead | undefined): { size: number; root: string } | undefined {
  return tree && { size: tree.size, root: tree.root.toString('base64') };
}

function newest<T>(a: T | undefined, b: T | undefined, rank: (item: T) => number): T | undefined {
  if (!a || !b) return a ?? b;
  return rank(b) > rank(a) ? b : a;
}

function parse(text: string): z.infer<typeof fileSchema> | undefined {
  try {
    return fileSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
