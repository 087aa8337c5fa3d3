/**
 * Images in the model card: walked by their own structure to the end, so that whatever hides behind the picture
 * is seen. Pixels are not decoded.
 */
import { Account } from '../malformed.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { Window } from '../window.ts';
import { walkGif } from './gif.ts';
import { walkJpeg } from './jpeg.ts';
import { walkPng } from './png.ts';
import { walkWebp } from './webp.ts';

export const IMAGE_PARSER = 'image/1';

export interface ImageFacts extends BaseFacts {
  readonly format: 'png' | 'jpeg' | 'gif' | 'webp';
}

/** Walks from the first byte to the end of the picture. Throws Malformed where the structure breaks. */
type ImageWalk = (window: Window) => Parse<void>;

const WALKS: readonly (readonly [ImageFacts['format'], (head: string) => boolean, ImageWalk])[] = [
  ['png', (head) => head.startsWith('\x89PNG\r\n\x1a\n'), walkPng],
  ['jpeg', (head) => head.startsWith('\xff\xd8\xff'), walkJpeg],
  ['gif', (head) => head.startsWith('GIF87a') || head.startsWith('GIF89a'), walkGif],
  ['webp', (head) => head.startsWith('RIFF') && head.startsWith('WEBP', 8), walkWebp],
];

function kindOf(head: Uint8Array) {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(16, head.byteLength)).toString('latin1');
  return WALKS.find(([, fits]) => fits(text));
}

export function isImage(head: Uint8Array): boolean {
  return kindOf(head) !== undefined;
}

export function* parseImage(sizeBytes: number): Parse<ImageFacts> {
  const account = new Account();
  const window = new Window(sizeBytes);
  let format: ImageFacts['format'] = 'png';
  try {
    yield* window.need(Math.min(12, sizeBytes));
    const kind = kindOf(window.peek(Math.min(12, sizeBytes)));
    if (kind === undefined) throw new Error('an image was to be parsed that is none');
    format = kind[0];
    yield* kind[2](window);
    if (window.remaining > 0) {
      const { offset, remaining } = window;
      account.problem('trailing-data', offset, `${remaining} bytes follow the end of the picture`);
      account.gap(offset, remaining, 'follows the end of the picture');
    }
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  return { format, parser: IMAGE_PARSER, sizeBytes, gaps: account.gaps, problems: account.problems };
}
