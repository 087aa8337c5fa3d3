/**
 * Tar archives that are the same bytes for the same files: sorted paths, no times, no owners but root, plain modes. Format:
 * POSIX ustar; a path that does not fit into its fields gets an extended header (pax) in front.
 */

export type Entry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

const BLOCK = 512;

/** The parts of an archive, in order. Folders above an entry are added where they are not among the entries. */
export function* tar(entries: readonly Entry[]): Generator<Uint8Array> {
  for (const entry of withFolders(entries)) {
    const name = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
    const fitted = fit(name);
    if (!fitted) yield* extended(name);
    const { prefix, rest } = fitted ?? {
      prefix: '',
      rest: Buffer.from(name).subarray(0, 100).toString('latin1'),
    };
    yield header(entry, prefix, rest);
    if (entry.kind === 'file') {
      yield entry.bytes;
      yield Buffer.alloc(padding(entry.bytes.length));
    }
  }
  yield Buffer.alloc(2 * BLOCK);
}

function withFolders(entries: readonly Entry[]): Entry[] {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      if (!all.has(path)) all.set(path, { kind: 'folder', path, mode: 0o755 });
    }
  }
  for (const entry of entries) all.set(entry.path, entry);
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** As `prefix/rest`, each in its field; undefined where that cannot be. */
function fit(name: string): { readonly prefix: string; readonly rest: string } | undefined {
  if (!/^[\u0020-\u007e]*$/.test(name)) return undefined;
  if (name.length <= 100) return { prefix: '', rest: name };
  for (let slash = name.indexOf('/'); slash >= 0 && slash <= 155; slash = name.indexOf('/', slash + 1)) {
    const rest = name.slice(slash + 1);
    if (rest !== '' && rest.length <= 100) return { prefix: name.slice(0, slash), rest };
  }
  return undefined;
}

function* extended(name: string): Generator<Uint8Array> {
  const body = ` path=${name}\n`;
  let length = Buffer.byteLength(body);
  while (String(length).length + Buffer.byteLength(body) !== length)
    length = String(length).length + Buffer.byteLength(body);
  const bytes = Buffer.from(`${length}${body}`);
  yield block({ name: 'pax-header', prefix: '', mode: 0o644, size: bytes.length, type: 'x', target: '' });
  yield bytes;
  yield Buffer.alloc(padding(bytes.length));
}

function header(entry: Entry, prefix: string, name: string): Uint8Array {
  switch (entry.kind) {
    case 'folder':
      return block({ name, prefix, mode: entry.mode, size: 0, type: '5', target: '' });
    case 'file':
      return block({ name, prefix, mode: entry.mode, size: entry.bytes.length, type: '0', target: '' });
    case 'link':
      return block({ name, prefix, mode: 0o777, size: 0, type: '2', target: entry.target });
  }
}

interface Fields {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly size: number;
  readonly type: '0' | '2' | '5' | 'x';
  readonly target: string;
}

function block({ name, prefix, mode, size, type, target }: Fields): Uint8Array {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  bytes.write(name, 0, 'latin1');
  bytes.write(octal(mode, 7), 100, 'latin1');
  bytes.write(octal(0, 7), 108, 'latin1');
  bytes.write(octal(0, 7), 116, 'latin1');
  bytes.write(octal(size, 11), 124, 'latin1');
  bytes.write(octal(0, 11), 136, 'latin1');
  bytes.write('        ', 148, 'latin1');
  bytes.write(type, 156, 'latin1');
  bytes.write(target, 157, 'latin1');
  bytes.write('ustar\u000000', 257, 'latin1');
  bytes.write(prefix, 345, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}
