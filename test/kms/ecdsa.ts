/**
 * ECDSA on P-256 over a digest that is given, as KMS signs for MessageType DIGEST. Node always hashes by itself, so
 * this is the textbook (FIPS 186-5, 6.4) on big integers: for a stand-in, in no way constant in time.
 */
import { type KeyObject, randomBytes } from 'node:crypto';

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const A = P - 3n;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const BASE: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};

/** A point of the curve, or undefined for the one at infinity. */
type Point = { readonly x: bigint; readonly y: bigint } | undefined;

/** The signature in DER. */
export function signDigest(digest: Uint8Array, key: KeyObject): Buffer {
  const secret = toInteger(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'));
  const e = toInteger(digest);
  for (;;) {
    const k = modulo(toInteger(randomBytes(40)), ORDER - 1n) + 1n;
    const r = modulo(multiply(k, BASE)?.x ?? 0n, ORDER);
    const s = modulo(inverse(k, ORDER) * (e + r * secret), ORDER);
    if (r !== 0n && s !== 0n) return der(r, s);
  }
}

function multiply(times: bigint, point: Point): Point {
  let sum: Point;
  for (const bit of times.toString(2)) {
    sum = add(sum, sum);
    if (bit === '1') sum = add(sum, point);
  }
  return sum;
}

function add(a: Point, b: Point): Point {
  if (!a || !b) return a ?? b;
  if (a.x === b.x && modulo(a.y + b.y, P) === 0n) return undefined;
  const slope =
    a.x === b.x
      ? (3n * a.x * a.x + A) * inverse(2n * a.y, P)
      : (b.y - a.y) * inverse(modulo(b.x - a.x, P), P);
  const x = modulo(slope * slope - a.x - b.x, P);
  return { x, y: modulo(slope * (a.x - x) - a.y, P) };
}

function inverse(value: bigint, prime: bigint): bigint {
  let [r, next, s, nextS] = [prime, modulo(value, prime), 0n, 1n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [s, nextS] = [nextS, s - quotient * nextS];
  }
  return modulo(s, prime);
}

function modulo(value: bigint, by: bigint): bigint {
  return ((value % by) + by) % by;
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

function der(r: bigint, s: bigint): Buffer {
  const [a, b] = [derInteger(r), derInteger(s)];
  return Buffer.concat([Buffer.of(0x30, a.length + b.length), a, b]);
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
  const sign = (bytes[0] ?? 0) & 0x80 ? Buffer.of(0) : Buffer.alloc(0);
  return Buffer.concat([Buffer.of(0x02, sign.length + bytes.length), sign, bytes]);
}
