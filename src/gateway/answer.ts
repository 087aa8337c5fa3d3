/** Answers: what goes back to a client, as a value; `server.ts` alone writes it to a socket. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export type Headers = Readonly<Record<string, string | readonly string[]>>;

export type Body =
  | {
      readonly is: 'bytes';
      readonly bytes: Uint8Array;
      /** The same bytes as a latin1 string, which Node sends together with the headers, in one write. */
      readonly packed?: string;
    }
  /** Exactly `sizeBytes` bytes, or the connection ends before the client takes them for whole. */
  | { readonly is: 'stream'; readonly bytes: AsyncIterable<Uint8Array>; readonly sizeBytes: number }
  /** Nothing is sent, because a HEAD asked: the length is that of what a GET would get. */
  | { readonly is: 'withheld'; readonly sizeBytes: number };

export function bytesBody(bytes: Uint8Array): Body {
  return { is: 'bytes', bytes };
}

/** Largest body that is packed: beyond, copying it into one string costs more than a second write. */
const PACKED_BYTES_MAX = 32 << 10;

/** The answer, made to be sent many times. */
export function packedAnswer(answer: Answer): Answer {
  const { body } = answer;
  if (body.is !== 'bytes' || body.bytes.length > PACKED_BYTES_MAX) return answer;
  return { ...answer, body: { ...body, packed: Buffer.from(body.bytes).toString('latin1') } };
}

export const EMPTY: Body = { is: 'bytes', bytes: new Uint8Array(0) };

export function jsonAnswer(value: unknown, headers: Headers = {}): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    body: bytesBody(Buffer.from(JSON.stringify(value))),
  };
}

export function textAnswer(text: string): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    body: bytesBody(Buffer.from(text)),
  };
}

/** Longest text of ours in one header: a sentence or two; Node's own clients take 16 KiB for all of them together. */
const HEADER_CHARS_MAX = 1000;

const PLAIN: Readonly<Record<string, string>> = {
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
  '…': '...',
  '–': '-',
  '—': '-',
  '→': '->',
};

/** The text as a header value: one line of visible ASCII, bounded, whatever it was made of. */
export function headerText(text: string): string {
  const plain = text
    .replace(/[‘’“”…–—→]/g, (character) => PLAIN[character] ?? '?')
    .replace(/\s+/g, ' ')
    .replace(/[^\u0020-\u007e]/gu, '?')
    .trim();
  return plain.length > HEADER_CHARS_MAX ? `${plain.slice(0, HEADER_CHARS_MAX - 3)}...` : plain;
}
