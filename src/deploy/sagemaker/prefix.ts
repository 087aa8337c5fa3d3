/**
 * What SageMaker refuses of a prefix in S3, checked before anything is made: its download would fail the deployment after
 * minutes. Rules of S3ModelDataSource: each object becomes `/opt/ml/model/<key without the prefix>`; empty, `.`, `..`, NUL and
 * parts of more than 255 bytes are refused; a key must not be both a file and a folder.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Subject } from '../deploy.ts';

const PART_BYTES_MAX = 255;
/** Limit on S3Uri. */
const URI_CHARS_MAX = 1024;

/** Throws WL_DEPLOY_REFUSED naming the first rule that is broken. */
export function requirePrefix({ files, model }: Pick<Subject, 'files' | 'model'>, uri: string): void {
  const refuse = (why: string) => {
    throw new WeighlockError('WL_DEPLOY_REFUSED', `SageMaker would refuse the files of ${model}: ${why}`);
  };
  if (uri.length > URI_CHARS_MAX) refuse(`its prefix is longer than ${URI_CHARS_MAX} characters`);
  const paths = new Set<string>(files.map(({ path }) => path));
  for (const { path, sizeBytes } of files) {
    if (path.endsWith('/') && sizeBytes === 0) refuse(`"${path}" is a folder as an object of no bytes`);
    const parts = path.split('/');
    for (const part of parts) {
      if (part === '' || part === '.' || part === '..') refuse(`"${path}" has an empty or dotted part`);
      if (part.includes('\0')) refuse('a path holds a NUL');
      if (Buffer.byteLength(part) > PART_BYTES_MAX)
        refuse(`"${path}" has a part of more than ${PART_BYTES_MAX} bytes`);
    }
    for (let length = 1; length < parts.length; length++) {
      const folder = parts.slice(0, length).join('/');
      if (paths.has(folder)) refuse(`"${folder}" is a file, and a folder for "${path}"`);
    }
  }
}
