/** CRC-32 of a whole from those of its parts, as zlib's `crc32_combine` does it (IEEE 802.3, reflected). */

const POLYNOMIAL = 0xedb88320;

/** Base64 of the CRC-32, big-endian, of the parts put together. */
export function combineCrc32(
  parts: readonly { readonly crc32: string; readonly sizeBytes: number }[],
): string {
  let crc = 0;
  for (const part of parts) {
    crc = multiply(powerOfX(part.sizeBytes * 8), crc) ^ Buffer.from(part.crc32, 'base64').readUInt32BE();
  }
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(crc >>> 0);
  return bytes.toString('base64');
}

/** a × b modulo the polynomial; the lowest power stands in the highest bit. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

/** x to the power of `exponent` modulo the polynomial, by squaring. */
function powerOfX(exponent: number): number {
  let result = 0x80000000; // 1
  let square = 0x40000000; // x
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = multiply(square, result);
    square = multiply(square, square);
  }
  return result;
}
