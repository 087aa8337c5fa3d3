/**
 * The Hub stand-in with one large repo, its CDN an nginx that sends files from memory, in processes of their own:
 * `node bench/nginx-hub.ts <bytes> <folder in memory>`. Ends with its input.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Api } from '../src/hub-stand-in/api.ts';
import { Faults } from '../src/hub-stand-in/fault.ts';
import { makeRepo } from '../src/hub-stand-in/model.ts';
import { R1_MODEL, r1Folder } from './r1-repo.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Where Debian's package has it, or where it was unpacked. */
const NGINX = ['/usr/sbin/nginx', path.join(ROOT, '.peers/nginx/usr/sbin/nginx')];

const STARTS_MAX = 200;
const START_POLL_MS = 25;

async function serve(sizeBytes: number, folder: string): Promise<void> {
  const shards = path.join(folder, 'shards');
  mkdirSync(shards, { recursive: true });
  const repo = makeRepo(r1Folder(sizeBytes, shards));
  const port = await freePort();
  const nginx = await startNginx(folder, port);
  const api = new Api({
    repos: new Map([[R1_MODEL, repo]]),
    faults: new Faults([]),
    // As long and as signed as the Hub's; nginx looks at the path alone.
    cdnUrl: (place) =>
      `http://localhost:${port}/${place.path}?Expires=4102444800&Signature=none&Key-Pair-Id=NGINX`,
  });
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
    api.handle({ request, response, url, parts }).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.stdout.write(`${JSON.stringify({ endpoint, cdnHost: `localhost:${port}` })}\n`);
  await once(process.stdin.resume(), 'end');
  nginx.kill();
  await once(nginx, 'exit');
  process.exit(0);
}

async function startNginx(folder: string, port: number): Promise<ChildProcess> {
  const program = NGINX.find((file) => existsSync(file));
  if (!program) throw new Error('nginx is not installed: apt-get install nginx-light');
  const configuration = path.join(folder, 'nginx.conf');
  writeFileSync(configuration, nginxConfiguration(folder, port));
  const child = spawn(program, ['-p', folder, '-c', configuration], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.once('exit', () => child.kill());
  for (let start = 0; start < STARTS_MAX; start++) {
    if (child.exitCode !== null) break;
    if (await answers(port)) return child;
    await pause(START_POLL_MS);
  }
  throw new Error('nginx did not start');
}

function nginxConfiguration(folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `  ${what}_temp_path ${folder}/temporary-${what};`)
    .join('\n');
  return `daemon off;
worker_processes 2;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
${temporary}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/shards;
  }
}
`;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
  const answered = await promise;
  socket.destroy();
  return answered;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

await serve(Number(process.argv[2]), process.argv[3] ?? '');
