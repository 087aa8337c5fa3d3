/**
 * What S3 does, as data: each case is a list of calls in the words of AWS's API, which the JavaScript SDK and boto3
 * share, and what each call must answer. `unlike` writes down where a real server differs from AWS: mostly laxer, seldom
 * stricter.
 */
import type { S3Server } from './server.ts';

/** Input of a call. `$3.UploadId` is a field of the third answer; `{fill: 'a', sizeBytes: 9}` is a body. */
export type Input = Readonly<Record<string, unknown>>;

export interface Step {
  readonly call: string;
  readonly input: Input;
  /** A status of success and fields of the answer, or `status code` of an error. */
  readonly expect: Expectation;
  readonly unlike?: Partial<Record<Exclude<S3Server['kind'], 'stand-in'>, Expectation>>;
}

export type Expectation = string | Readonly<Record<string, unknown>>;

export interface Case {
  readonly title: string;
  readonly versioning?: 'on';
  readonly steps: readonly Step[];
}

const MIB = 1024 * 1024;
export const PART = 5 * MIB;
export const bodyOf = (fill: string, sizeBytes: number) => ({ fill, sizeBytes });

export const put = (Key: string, more: Input = {}, expect: Expectation = {}): Step => ({
  call: 'PutObject',
  input: { Key, Body: 'one', ...more },
  expect,
});
export const begin = (Key: string, more: Input = {}): Step => ({
  call: 'CreateMultipartUpload',
  input: { Key, ...more },
  expect: {},
});
export const part = (Key: string, PartNumber: number, body: unknown, expect: Expectation = {}): Step => ({
  call: 'UploadPart',
  input: { Key, UploadId: '$1.UploadId', PartNumber, Body: body },
  expect,
});
export const listOf = (...parts: readonly (readonly [number: number, etag: string])[]) => ({
  Parts: parts.map(([PartNumber, ETag]) => ({ PartNumber, ETag })),
});
export const complete = (
  Key: string,
  MultipartUpload: unknown,
  more: Input = {},
  expect: Expectation = {},
): Step => ({
  call: 'CompleteMultipartUpload',
  input: { Key, UploadId: '$1.UploadId', MultipartUpload, ...more },
  expect,
});
type Unlike = NonNullable<Step['unlike']>;
/** The same step, with what a real server answers instead. */
export const but = (step: Step, unlike: Unlike): Step => ({ ...step, unlike });
export const get = (Key: string, more: Input = {}, expect: Expectation = {}): Step => ({
  call: 'GetObject',
  input: { Key, ...more },
  expect,
});
