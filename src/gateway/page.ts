/** Pages: how long lists are cut, and where the next page is. */
import type { Query } from './query.ts';

export interface PageAsked {
  readonly limit: number;
  /** Where the page before ended, as the cursor says; '' for the first page. */
  readonly after: string;
}

/** The page that a query asks for; undefined where its limit or cursor is none. */
export function readPage(
  query: Query,
  { limit, limitMax }: { readonly limit: number; readonly limitMax: number },
): PageAsked | undefined {
  const asked = query.number('limit', { from: 1, to: limitMax });
  if (asked === 'wrong') return undefined;
  const cursor = query.get('cursor') ?? '';
  if (!/^[A-Za-z0-9_-]*$/.test(cursor)) return undefined;
  return { limit: asked ?? limit, after: Buffer.from(cursor, 'base64url').toString() };
}

/**
 * The `Link` header to the page behind `after`. Absolute, on the public address: relative ones raise in Python, and
 * JavaScript takes the first page for the whole list.
 */
export function nextPage(
  address: string,
  {
    query,
    page,
    after,
  }: {
    readonly query: readonly (readonly [string, string])[];
    readonly page: PageAsked;
    readonly after: string;
  },
): { readonly Link: string } {
  const parameters = new URLSearchParams([
    ...query.map(([name, value]): [string, string] => [name, value]),
    ['limit', String(page.limit)],
    ['cursor', Buffer.from(after).toString('base64url')],
  ]);
  return { Link: `<${address}?${parameters}>; rel="next"` };
}

export const BAD_PAGE = 'limit or cursor is not one that this gateway gave';
