/** Byte ranges: what a `Range` header asks of a file, by RFC 9110 section 14. */
import type { ByteSpan } from './data.ts';

export type AskedRange =
  | { readonly is: 'whole' }
  | { readonly is: 'span'; readonly span: ByteSpan }
  | { readonly is: 'outside' };

const WHOLE: AskedRange = { is: 'whole' };

export interface RangeHeaders {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/**
 * One range is honoured. Several, other units and what is not understood are answered with the whole file, as the RFC
 * allows: no client of ours asks for several, and every one of them would cost a read of its own.
 */
export function readRange(
  { range, ifRange }: RangeHeaders,
  { sizeBytes, etag }: { readonly sizeBytes: number; readonly etag: string },
): AskedRange {
  if (range === undefined) return WHOLE;
  // A date never matches: a file of a commit has no time of its own here.
  if (ifRange !== undefined && ifRange !== etag) return WHOLE;
  const match = /^bytes=(\d*)-(\d*)$/i.exec(range.trim());
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return WHOLE;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    if (length === 0) return { is: 'outside' };
    return { is: 'span', span: { first: sizeBytes - length, last: sizeBytes - 1 } };
  }
  if (last !== '' && Number(last) < Number(first)) return WHOLE;
  if (Number(first) >= sizeBytes) return { is: 'outside' };
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  return { is: 'span', span: { first: Number(first), last: end } };
}
