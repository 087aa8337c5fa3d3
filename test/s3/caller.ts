/** Calls of S3 in the words of AWS's API, by the JavaScript SDK and by boto3, with answers of one shape. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import * as sdk from '@aws-sdk/client-s3';
import { installed } from '../peers.ts';
import { connect, type S3Server } from './server.ts';

export interface Answer {
  /** 0 where the client refused to send. */
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
  readonly output?: Readonly<Record<string, unknown>>;
}

export interface Caller {
  call(name: string, input: Readonly<Record<string, unknown>>): Promise<Answer>;
  close(): Promise<void>;
}

const PYTHON = installed('aws/bin/python');

export const CALLERS: readonly {
  readonly name: string;
  readonly skip: string | false;
  readonly open: (server: S3Server) => Caller;
}[] = [
  { name: 'the SDK', skip: false, open: openSdk },
  { name: 'boto3', skip: PYTHON.skip, open: openBoto },
];

function openSdk(server: S3Server): Caller {
  // Retried as by default: after a refusal MinIO closes its connection without a word, which the next call meets.
  const client = connect(server, { requestChecksumCalculation: 'WHEN_REQUIRED' });
  return {
    async call(name, input) {
      const Command = (sdk as unknown as Record<string, new (given: unknown) => sdk.PutObjectCommand>)[
        `${name}Command`
      ];
      if (!Command) throw new Error(`the SDK has no ${name}Command`);
      try {
        const output = await client.send(new Command({ ...input, ...bodyBytes(input.Body) }));
        const body = (output as { Body?: { transformToString(): Promise<string> } }).Body;
        return {
          status: output.$metadata.httpStatusCode ?? 0,
          output: { ...output, ...(body ? { Body: await body.transformToString() } : {}) },
        };
      } catch (error) {
        if (!(error instanceof sdk.S3ServiceException)) throw error;
        return {
          status: error.$metadata.httpStatusCode ?? 0,
          code: error.name,
          message: error.message,
        };
      }
    },
    async close() {
      client.destroy();
    },
  };
}

function bodyBytes(body: unknown): { Body?: Buffer } {
  if (typeof body === 'string') return { Body: Buffer.from(body) };
  if (typeof body !== 'object' || body === null) return {};
  const { fill, sizeBytes } = body as { fill: string; sizeBytes: number };
  return { Body: Buffer.alloc(sizeBytes, fill) };
}

function openBoto(server: S3Server): Caller {
  const child = spawn(PYTHON.path, [path.join(import.meta.dirname, 'boto-caller.py')], {
    env: { PATH: process.env.PATH, ...server.environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async call(name, input) {
      child.stdin.write(`${JSON.stringify({ call: name, input })}\n`);
      const line = await lines.next();
      if (line.done) throw new Error(`boto3 ended at ${name}`);
      return JSON.parse(line.value) as Answer;
    },
    async close() {
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}
