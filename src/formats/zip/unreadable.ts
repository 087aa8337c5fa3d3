/** The archive cannot be gone by: all of it becomes a gap, with this as the reason. Never leaves the parser. */
export class Unreadable extends Error {
  readonly code: string;
  readonly offset: number;

  constructor(code: string, offset: number, detail: string) {
    super(detail);
    this.code = code;
    this.offset = offset;
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
