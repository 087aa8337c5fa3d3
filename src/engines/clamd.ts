/**
 * ClamAV by its daemon: bytes go to `clamd` as a stream of chunks, each with its length in front (`zINSTREAM`), over a
 * local socket or TCP. Source: clamd(8).
 */
import net from 'node:net';
import { Readable } from 'node:stream';
import type { Engine, EngineMatch } from './engine.ts';

export interface ClamdTicket {
  readonly kind: 'clamd';
  /** Path of the socket, or `host:port`. */
  readonly address: string;
}

const CHUNK_BYTES = 1 << 20;

/** clamd looks at 25 MB in a second or so; after this long it hangs. */
const ANSWER_MS_MAX = 120_000;

/** Longest answer: a name of a signature. */
const ANSWER_BYTES_MAX = 4096;

export class ClamdEngine implements Engine {
  readonly name: string;
  readonly #address: string;

  private constructor(address: string, version: string) {
    this.#address = address;
    this.name = `clamav (${version})`;
  }

  /** A daemon that cannot be asked for its version is opened all the same: each file then says that it was not examined. */
  static async open({ address }: ClamdTicket): Promise<ClamdEngine> {
    const version = await ask(address, [Buffer.from('zVERSION\0')]).catch(() => 'not reached');
    return new ClamdEngine(address, version.replace(/^ClamAV /, ''));
  }

  async examine(bytes: Uint8Array): Promise<readonly EngineMatch[]> {
    const answer = await ask(this.#address, framed(bytes));
    if (answer === 'stream: OK') return [];
    const [, name] = /^stream: (.+) FOUND$/.exec(answer) ?? [];
    if (name === undefined) throw new Error(`clamd answers "${answer}"`);
    // Signatures of unwanted, not malicious, content begin so by ClamAV's own convention.
    return [{ name, weight: /^PUA\./.test(name) ? 'review' : 'block' }];
  }

  async close(): Promise<void> {}
}

function* framed(bytes: Uint8Array): Generator<Uint8Array> {
  yield Buffer.from('zINSTREAM\0');
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    yield length;
    yield chunk;
  }
  yield Buffer.alloc(4);
}

/** One command over one connection; the answer without its NUL. */
function ask(address: string, parts: Iterable<Uint8Array>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(address);
  let answer = '';
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error(`clamd at ${address} does not answer`)));
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('utf8');
    if (answer.length > ANSWER_BYTES_MAX) socket.destroy(new Error('clamd answers at length'));
  });
  socket.on('error', (error) => reject(new Error(`clamd at ${address}: ${error.message}`)));
  socket.on('close', () => resolve(answer.replace(/[\0\n]+$/, '')));
  // Whatever ends the connection ends the stream: the answer, or its absence, says what happened.
  Readable.from(parts)
    .on('error', () => {})
    .pipe(socket, { end: false });
  return promise;
}

function connect(address: string): net.Socket {
  const [, host, port] = /^(?:\[?([^\]/]+)\]?):(\d{1,5})$/.exec(address) ?? [];
  return host === undefined ? net.connect({ path: address }) : net.connect({ host, port: Number(port) });
}
