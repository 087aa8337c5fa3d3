/**
 * The Hub stand-in with one large repo, its CDN an nginx that sends files from memory, in processes of their own:
 * `node bench/nginx-hub.ts <bytes> <folder in memory>`. Ends with its input.
 */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Api } from '../src/hub-stand-in/api.ts';
import { Faults } from '../src/hub-stand-in/fault.ts';
import { makeRepo } from '../src/hub-stand-in/model.ts';
import { freePort, startNginx } from './nginx.ts';
import { R1_MODEL, r1Folder } from './r1-repo.ts';

async function serve(sizeBytes: number, folder: string): Promise<void> {
  const shards = path.join(folder, 'shards');
  mkdirSync(shards, { recursive: true });
  const repo = makeRepo(r1Folder(sizeBytes, shards));
  const port = await freePort();
  const nginx = await startNginx({ folder, port, workers: 2, server: `    root ${shards};` });
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

await serve(Number(process.argv[2]), process.argv[3] ?? '');
