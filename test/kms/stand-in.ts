/**
 * A stand-in for AWS KMS: a real server on loopback that signs with real keys, speaks KMS's JSON 1.1, checks the
 * SigV4 signature of each request, and refuses what KMS refuses.
 *
 *   keys     P-256, Ed25519, RSA and symmetric keys, in any state
 *   faults   what the next calls of an action meet instead of an honest answer
 *   calls    what was asked, in order
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Action, Keys, KmsError, type StandInKey } from './keys.ts';
import { requireSignature } from './sigv4.ts';

export const CREDENTIALS = { accessKeyId: 'AKIDSTANDIN', secretAccessKey: 'stand-in-secret' } as const;

/** An error of KMS by name and message, a signature that is not one, a broken connection, or no answer to speak of. */
export type Fault =
  | { readonly kind: 'error'; readonly name: string; readonly message?: string; readonly status?: number }
  | { readonly kind: 'wrong-signature' }
  | { readonly kind: 'no-signature' }
  | { readonly kind: 'foreign-public-key'; readonly der: Uint8Array }
  | { readonly kind: 'reset' };

export interface KmsStandIn extends AsyncDisposable {
  readonly endpoint: string;
  readonly region: string;
  readonly keys: Keys;
  readonly calls: readonly { readonly action: string; readonly keyId: string }[];
  /** The next `times` calls of the action meet the fault. */
  fault(action: Action, fault: Fault, times?: number): void;
}

const BODY_BYTES_MAX = 64 * 1024;

export async function startKmsStandIn(region = 'eu-central-1'): Promise<KmsStandIn> {
  const keys = new Keys(region);
  const calls: { action: string; keyId: string }[] = [];
  const faults: { action: Action; fault: Fault }[] = [];
  const server = createServer((request, response) => {
    answer(request)
      .then(({ action, body }) => {
        calls.push({ action, keyId: String(body.KeyId) });
        const at = faults.findIndex((each) => each.action === action);
        const [planned] = at < 0 ? [] : faults.splice(at, 1);
        if (planned?.fault.kind === 'reset') return void request.socket.resetAndDestroy();
        reply(
          response,
          200,
          spoil(planned?.fault, () => keys.perform(action, body)),
        );
      })
      .catch((error: unknown) => refuse(response, error));
  });
  async function answer(
    request: IncomingMessage,
  ): Promise<{ action: Action; body: Record<string, unknown> }> {
    const text = await read(request);
    const { headers } = request;
    if (request.method !== 'POST' || request.url !== '/')
      throw new KmsError('UnknownOperationException', '', 404);
    if (headers['content-type'] !== 'application/x-amz-json-1.1')
      throw new KmsError('SerializationException', 'not JSON 1.1');
    requireSignature(request, text, { ...CREDENTIALS, region, service: 'kms' });
    const action = /^TrentService\.(GetPublicKey|Sign)$/.exec(String(headers['x-amz-target']))?.[1];
    if (!action) throw new KmsError('UnknownOperationException', '');
    return { action: action as Action, body: JSON.parse(text) as Record<string, unknown> };
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region,
    keys,
    calls,
    fault(action, fault, times = 1) {
      for (let i = 0; i < times; i++) faults.push({ action, fault });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The honest answer, or what the fault makes of it. */
function spoil(fault: Fault | undefined, honest: () => Record<string, unknown>): Record<string, unknown> {
  switch (fault?.kind) {
    case undefined:
    case 'reset':
      return honest();
    case 'error':
      throw new KmsError(fault.name, fault.message ?? '', fault.status);
    case 'foreign-public-key':
      return { ...honest(), PublicKey: Buffer.from(fault.der).toString('base64') };
    case 'no-signature':
      return { ...honest(), Signature: undefined };
    case 'wrong-signature': {
      const answer = honest();
      const bytes = Buffer.from(String(answer.Signature), 'base64');
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
      return { ...answer, Signature: bytes.toString('base64') };
    }
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > BODY_BYTES_MAX) throw new KmsError('RequestEntityTooLargeException', '', 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof KmsError) {
    // Errors that KMS models spell the member in lower case, AWS's common ones in upper case.
    reply(response, error.status, { __type: error.name, message: error.message });
  } else {
    reply(response, 500, { __type: 'KMSInternalException', message: String(error) });
  }
}

function reply(response: ServerResponse, status: number, body: Record<string, unknown>): void {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify(body));
}

export type { StandInKey };
