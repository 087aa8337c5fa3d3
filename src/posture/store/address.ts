/** Where requests of a client go, after all of the SDK's own configuration: variables, profiles, regions. */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';

/** A request as the client would address it, before it is signed. */
export interface AddressedRequest {
  readonly protocol: string;
  readonly method: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** Resolves the address of a GET, and sends nothing. */
export async function addressOf(
  client: S3Client,
  { Bucket, Key }: { readonly Bucket: string; readonly Key: string },
): Promise<AddressedRequest> {
  let captured: AddressedRequest | undefined;
  const command = new GetObjectCommand({ Bucket, Key });
  command.middlewareStack.add(
    () => (args) => {
      captured = (args as unknown as { request: AddressedRequest }).request;
      return Promise.resolve({ output: { $metadata: {} }, response: {} });
    },
    { step: 'build', priority: 'low', name: 'captureRequest' },
  );
  await client.send(command);
  if (!captured) throw new Error('the client made no request');
  const { port, hostname } = captured;
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  return { ...captured, headers: { host }, query: {} };
}

/** Whether it is AWS itself that a client talks to, and where, if not. */
export async function storeOf(
  client: S3Client,
  bucket: string,
): Promise<{ readonly store: 'aws' } | { readonly store: 'compatible'; readonly endpoint: string }> {
  const { protocol, headers, hostname } = await addressOf(client, { Bucket: bucket, Key: 'x' });
  if (/\.amazonaws\.com(\.cn)?$/.test(hostname)) return { store: 'aws' };
  return { store: 'compatible', endpoint: `${protocol}//${headers.host}` };
}
