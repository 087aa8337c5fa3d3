/** moto: a stand-in of AWS's control plane (S3, KMS, IAM, STS) that others keep, as a server on loopback. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { peer } from '../story/stage.ts';

export const MOTO = peer('aws/bin/moto_server', 's3');

/** moto's own account. */
export const ACCOUNT = '123456789012';
export const REGION = 'eu-west-1';

const READY_MS_MAX = 60_000;
const READY_POLL_MS = 50;

export interface Moto {
  readonly endpoint: string;
  readonly config: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  readonly environment: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

export async function startMoto(): Promise<Moto> {
  const { endpoint, close } = await startProgram('server', async (url) => {
    const answer = await fetch(`${url}/moto-api/`);
    await answer.body?.cancel();
    return answer.ok;
  });
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' };
  return {
    endpoint,
    config: { endpoint, region: REGION, credentials },
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    close,
  };
}

/** moto behind the host names of AWS themselves: an HTTP proxy with a certificate authority of its own. */
export const MOTO_PROXY = peer('aws/bin/moto_proxy', 's3');
const MOTO_PROXY_CA = 'aws/lib/python3.11/site-packages/moto/moto_proxy/ca.crt';

export interface MotoProxy {
  readonly proxy: string;
  readonly caFile: string;
  close(): Promise<void>;
}

export async function startMotoProxy(): Promise<MotoProxy> {
  const { endpoint, close } = await startProgram('proxy', (url) => accepts(Number(new URL(url).port)));
  return { proxy: endpoint, caFile: peer(MOTO_PROXY_CA, 's3').path, close };
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

/** Beside moto's own programs: they leave out of an answer what a check of ours reads. */
const PYTHON = peer('aws/bin/python3', 's3');
const REPAIRED = path.join(import.meta.dirname, 'moto_repaired.py');

async function startProgram(
  kind: 'server' | 'proxy',
  isReady: (url: string) => Promise<boolean>,
): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  const port = await freePort();
  const child = spawn(PYTHON.path, [REPAIRED, kind, '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const endpoint = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + READY_MS_MAX;
  while (!(await isReady(endpoint).catch(() => false))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`moto's ${kind} did not start`);
    await pause(READY_POLL_MS);
  }
  return {
    endpoint,
    async close() {
      process.off('exit', kill);
      if (child.exitCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
