/** nginx, with a configuration of the bench's: where it is, and a process that answers when this resolves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Where Debian's package has it, or where it was unpacked. */
const NGINX = ['/usr/sbin/nginx', path.join(ROOT, '.peers/nginx/usr/sbin/nginx')];

const STARTS_MAX = 200;
const START_POLL_MS = 25;

export interface NginxOptions {
  /** Its own: configuration, pid and temporary files. */
  readonly folder: string;
  readonly port: number;
  readonly workers: number;
  /** Directives of the one server, after `listen`. */
  readonly server: string;
  /** What it is started by, before its own name: `taskset -c 0`. */
  readonly startedBy?: readonly string[];
}

/** Throws where nginx is not installed, or does not answer. */
export async function startNginx(options: NginxOptions): Promise<ChildProcess> {
  const { folder, port, startedBy = [] } = options;
  const program = NGINX.find((file) => existsSync(file));
  if (!program) throw new Error('nginx is not installed: apt-get install nginx-light');
  const configuration = path.join(folder, 'nginx.conf');
  writeFileSync(configuration, nginxConfiguration(options));
  const [first = program, ...rest] = [...startedBy, program, '-p', folder, '-c', configuration];
  const child = spawn(first, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
  process.once('exit', () => child.kill());
  for (let start = 0; start < STARTS_MAX; start++) {
    if (child.exitCode !== null) break;
    if (await answers(port)) return child;
    await pause(START_POLL_MS);
  }
  throw new Error('nginx did not start');
}

function nginxConfiguration({ folder, port, workers, server }: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `  ${what}_temp_path ${folder}/temporary-${what};`)
    .join('\n');
  return `daemon off;
worker_processes ${workers};
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
${server}
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

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
