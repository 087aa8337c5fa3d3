/** The image of a container: by digest it is one thing for ever, by tag it is whatever was pushed last. */
import { WeighlockError } from '../base/errors.ts';

export interface ContainerImage {
  readonly name: string;
  /** `sha256:…`; null where only a tag names it. */
  readonly digest: string | null;
}

/** `[registry[:port]/]repository[:tag][@digest]`, as container runtimes read it. */
const IMAGE =
  /^(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::\d{1,5})?\/)?[a-z0-9][a-z0-9._/-]{0,254}(?::\w[\w.-]{0,127})?(?:@(sha256:[0-9a-f]{64}))?$/;

const IMAGE_CHARACTERS_MAX = 500;

/** Throws WL_USAGE. */
export function containerImage(option: string, text: string): ContainerImage {
  const match = text.length <= IMAGE_CHARACTERS_MAX ? IMAGE.exec(text) : null;
  if (!match)
    throw new WeighlockError('WL_USAGE', `${option} takes an image such as name@sha256:…, not "${text}"`);
  return { name: text, digest: match[1] ?? null };
}

/** What is missing of an image, as a sentence; undefined where nothing is. */
export function missingOf(option: string, image: ContainerImage | undefined): string | undefined {
  if (!image) return `the image: name it by digest, ${option} <name>@sha256:…`;
  if (image.digest === null)
    return `the digest of the image ${image.name}: whoever may push can move a tag; name it as …@sha256:…`;
  return undefined;
}
