/** Whether an answer is the range of a file that was asked for: a server that ignores ranges, or lies, is not believed. */
import { type HubAnswer, header } from './hub-http.ts';
import type { ByteRange } from './source.ts';

/** RFC 9110 section 14: 206 with exactly the range asked for, or 200 where that is all of the file. */
export function rangeProblem(
  sizeBytes: number,
  { offset, length }: ByteRange,
  answer: HubAnswer,
): string | undefined {
  const encoding = header(answer, 'content-encoding');
  if (encoding !== undefined && encoding !== 'identity')
    return `the source encodes the bytes (${encoding}), unasked`;
  if (answer.status === 206) {
    const expected = `bytes ${offset}-${offset + length - 1}/${sizeBytes}`;
    const said = header(answer, 'content-range');
    if (said !== expected) return `the source sends the range "${said ?? 'none'}" instead of "${expected}"`;
  } else if (length !== sizeBytes) {
    return 'the source ignores ranges and sends the whole file';
  }
  const announced = header(answer, 'content-length');
  if (announced !== undefined && announced !== String(length))
    return `the source announces ${announced} bytes instead of ${length}`;
  return undefined;
}

export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}
