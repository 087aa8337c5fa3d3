/**
 * Tar archives, recognised only. They have no magic number that readers insist on: a header is what has the right
 * checksum. The attacker's move: `torch.load` tries a file as tar (its oldest format) before it tries it as a pickle,
 * so a pickle whose first 512 bytes are also a tar header is loaded as something else than was scanned.
 *
 * Source: POSIX ustar, as read by CPython's `tarfile.TarInfo.frombuf`.
 */

/** Bytes of a header. */
export const TAR_HEADER_BYTES = 512;

const CHECKSUM_BEGIN = 148;
const CHECKSUM_END = 156;

/** Whether bytes start with a tar header of any flavour that a reader would take. */
export function isTar(head: Uint8Array): boolean {
  if (head.length < TAR_HEADER_BYTES) return false;
  const declared = checksumField(head.subarray(CHECKSUM_BEGIN, CHECKSUM_END));
  if (declared === undefined) return false;
  let unsigned = 0;
  let signed = 0;
  let bits = 0;
  for (let at = 0; at < TAR_HEADER_BYTES; at++) {
    const byte = at >= CHECKSUM_BEGIN && at < CHECKSUM_END ? 0x20 : (head[at] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
    bits |= head[at] ?? 0;
  }
  return bits !== 0 && (declared === unsigned || declared === signed);
}

/** Octal text up to a NUL, or a big-endian number marked by its first byte, as `tarfile.nti` reads it. */
function checksumField(field: Uint8Array): number | undefined {
  if (field[0] === 0x80) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  const text = Buffer.from(field).toString('latin1').split('\0')[0] ?? '';
  const digits = text
    .trim()
    .replace(/^[+]?(?:0o)?/i, '')
    .replaceAll('_', '');
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : undefined;
}
