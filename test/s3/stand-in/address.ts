/** Which bucket and key a request is about: by path, or by the host's name. */
import { S3Error } from './error.ts';
import { decode } from './sigv4.ts';

export interface Addressed {
  readonly at: 'service' | 'bucket' | 'object';
  /** Empty where it is about the service. */
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

const AWS_HOST = /^(?:(.+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com$/;

/** `domain` is one whose subdomains are buckets, beside AWS's own. Names that are no UTF-8 are addressed as empty. */
export function addressOf(url: string, host: string, domain = 's3.localhost'): Addressed {
  const [path = '/', queryText = ''] = url.split(/\?(.*)/s, 2);
  const query = new URLSearchParams(queryText);
  const named = bucketOfHost(host.replace(/:\d+$/, ''), domain);
  const [, first = '', rest] = /^\/([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
  const bucket = named ?? decodeOrEmpty(first);
  const key = decodeOrEmpty(named === undefined ? (rest ?? '') : path.slice(1));
  if (bucket === '') return { at: 'service', bucket, key: '', query };
  return { at: key === '' ? 'bucket' : 'object', bucket, key, query };
}

function bucketOfHost(host: string, domain: string): string | undefined {
  const aws = AWS_HOST.exec(host);
  if (aws) return aws[1];
  return host.endsWith(`.${domain}`) ? host.slice(0, -domain.length - 1) : undefined;
}

/** Whoever sends what is not UTF-8 is refused when the signature is read, which decodes the same path. */
function decodeOrEmpty(text: string): string {
  try {
    return decode(text);
  } catch (error) {
    if (error instanceof S3Error) return '';
    throw error;
  }
}
