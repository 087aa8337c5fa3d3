/** AWS Signature Version 4, on the side that checks it. */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { KmsError } from './keys.ts';

export interface Signing {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  readonly service: string;
}

const SKEW_MS_MAX = 5 * 60_000;
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;

/** Throws the error that AWS answers with if a request (to `/`, without a query) is not signed as it must be. */
export function requireSignature(request: IncomingMessage, body: string, expected: Signing): void {
  const header = request.headers.authorization;
  if (!header) throw new KmsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const match = AUTHORIZATION.exec(header);
  if (!match) throw new KmsError('IncompleteSignatureException', 'Authorization header is malformed');
  const [, accessKeyId, day = '', region, service, signedHeaders = '', signature] = match;
  if (accessKeyId !== expected.accessKeyId)
    throw new KmsError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  const time = String(request.headers['x-amz-date']);
  const scope = `${day}/${expected.region}/${expected.service}/aws4_request`;
  if (region !== expected.region || service !== expected.service || !time.startsWith(day))
    throw new KmsError('InvalidSignatureException', `Credential should be scoped to ${scope}.`);
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) <= SKEW_MS_MAX))
    throw new KmsError(
      'InvalidSignatureException',
      `Signature expired: ${time} is now earlier than it may be`,
    );
  const names = signedHeaders.split(';');
  for (const name of ['host', 'x-amz-date', 'x-amz-target'])
    if (!names.includes(name)) throw new KmsError('InvalidSignatureException', `${name} is not signed`);
  const headers = names
    .map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}\n`)
    .join('');
  const canonical = `POST\n/\n\n${headers}\n${signedHeaders}\n${sha256(body)}`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`;
  const key = [day, expected.region, expected.service, 'aws4_request'].reduce<Buffer>(
    (secret, part) => hmac(secret, part),
    Buffer.from(`AWS4${expected.secretAccessKey}`),
  );
  if (hmac(key, text).toString('hex') !== signature)
    throw new KmsError(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided.',
    );
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
