/** Metadata: what the gateway answers on one core, beside nginx with the same bytes as files, and olah from its cache. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startHubStandIn } from '../../src/hub-stand-in/hub-stand-in.ts';
import type { StandInModel } from '../../src/hub-stand-in/model.ts';
import { freePort, startNginx } from '../nginx.ts';
import { peerProgram } from '../programs.ts';
import { type FilledVault, filledVault, modelName } from './filled-vault.ts';
import { type Ask, asksOf, atRate, firstTime, type Load, saturate } from './load.ts';
import { pinned, pinnedTo, SERVER_CORE, startPinned } from './pinned.ts';
import { type Gateway, type Stage, startGateway } from './stage.ts';

/** Models that are asked for, spread over all that there are. */
const ASKED_MAX = 1_000;
/** More than are asked for within one load. */
const OTHERS_MIN = 50_000;
/** Of the mirror: its cache is files, which do not become faster by being fewer. */
const MIRRORED = 20;
const MIRROR_CONNECTIONS = 8;

export interface MetadataResult {
  readonly server: 'weighlock' | 'nginx' | 'olah';
  readonly revisions: number;
  readonly most: Load;
  readonly atRate: Load | undefined;
  /** Of models for which nobody asked before, where there are enough of them. */
  readonly firstTime?: Load;
}

export async function benchMetadata(stage: Stage): Promise<readonly MetadataResult[]> {
  const results: MetadataResult[] = [];
  for (const revisions of stage.revisions) {
    process.stderr.write(`  metadata of ${revisions} revisions\n`);
    const filled = await filledVault(stage.kept, revisions);
    await using gateway = await startGateway(stage, filled);
    results.push(await ofGateway(stage, filled, gateway));
    // The static files are those of the vault in the middle: nginx looks up one name among them, however many.
    if (revisions === stage.revisions[Math.min(1, stage.revisions.length - 1)])
      results.push(await ofNginx(stage, filled, gateway));
  }
  process.stderr.write('  metadata of the mirror\n');
  return [...results, await ofMirror(stage)];
}

async function ofGateway(stage: Stage, filled: FilledVault, { port, process: server }: Gateway) {
  const { revisions, token } = filled;
  const asked = spread(revisions, Math.min(ASKED_MAX, revisions));
  const target = { port, server, header: authorization(token), asks: asksOf(asked) };
  const most = await saturate(stage, target);
  const fixed = await atRate(stage, target);
  const known = new Set(asked);
  const others = Array.from({ length: revisions }, (_, number) => number).filter((one) => !known.has(one));
  const result = { server: 'weighlock', revisions, most, atRate: fixed } as const;
  if (others.length < OTHERS_MIN) return result;
  return { ...result, firstTime: await firstTime(stage, { ...target, asks: asksOf(others) }) };
}

/** Numbers up to `count`, `wanted` of them, evenly. */
function spread(count: number, wanted: number): readonly number[] {
  return Array.from({ length: wanted }, (_, at) => Math.floor((at * count) / wanted));
}

async function ofNginx(stage: Stage, { revisions, token }: FilledVault, { endpoint }: Gateway) {
  const asks = asksOf(spread(revisions, Math.min(ASKED_MAX, revisions)));
  const folder = path.join(stage.folder, 'nginx');
  mkdirSync(folder);
  for (const ask of asks) await keep(ask, { endpoint, token, folder });
  const port = await freePort();
  const startedBy = pinnedTo(SERVER_CORE);
  await using server = pinned(
    await startNginx({ folder, port, workers: 1, server: staticFiles(folder), startedBy }),
  );
  const target = { port, server, header: authorization(token), asks };
  const most = await saturate(stage, target);
  return { server: 'nginx', revisions, most, atRate: await atRate(stage, target) } as const;
}

/** Puts what the gateway answers where nginx finds it: a file under the target's path, `.json` for the API's. */
async function keep(
  { method, target }: Ask,
  { endpoint, token, folder }: { readonly endpoint: string; readonly token: string; readonly folder: string },
): Promise<void> {
  const answer = await fetch(`${endpoint}${target}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
  const { pathname } = new URL(target, endpoint);
  const file = path.join(folder, 'files', method === 'GET' ? `${pathname}.json` : pathname);
  mkdirSync(path.dirname(file), { recursive: true });
  const bytes =
    method === 'GET' ? await answer.bytes() : Buffer.alloc(Number(answer.headers.get('content-length')));
  writeFileSync(file, bytes);
}

function staticFiles(folder: string): string {
  return `    root ${folder}/files;
    open_file_cache max=10000 inactive=600s;
    open_file_cache_valid 600s;
    location /api/ {
      default_type application/json;
      try_files $uri.json =404;
    }
    location / {
      add_header X-Repo-Commit 0123456789012345678901234567890123456789;
      add_header X-Linked-Size 132;
    }`;
}

/** The same requests of a mirror that fetched everything before, and then was told that it has no Hub to ask. */
async function ofMirror(stage: Stage): Promise<MetadataResult> {
  const program = peerProgram('olah/bin/olah-cli', 'olah');
  const models = Array.from({ length: MIRRORED }, (_, number) => number);
  await using hub = await hubOf(models);
  const folder = path.join(stage.folder, 'olah');
  mkdirSync(folder);
  const asks = asksOf(models).map(mirrored);
  const start = async (mode: 'fetches' | 'offline') => {
    const port = await freePort();
    const configuration = path.join(folder, `${mode}.toml`);
    writeFileSync(
      configuration,
      mirrorConfiguration({ port, hub: new URL(hub.endpoint).host, folder, mode }),
    );
    const { process: server } = await startPinned({
      command: [program, '--config', configuration, '--log-path', path.join(folder, 'log')],
      environment: { PATH: process.env.PATH, HOME: folder },
      directory: folder,
      ready: /Uvicorn running/,
    });
    return { port, server };
  };
  {
    const { port, server } = await start('fetches');
    await using _ = server;
    for (const { method, target } of asks) {
      const answer = await fetch(`http://127.0.0.1:${port}${target}`, { method });
      await answer.bytes();
      if (!answer.ok) throw new Error(`olah answered ${answer.status} to ${target}`);
    }
  }
  const { port, server } = await start('offline');
  await using _ = server;
  const most = await saturate(stage, { port, server, asks, connections: MIRROR_CONNECTIONS });
  return { server: 'olah', revisions: MIRRORED, most, atRate: undefined };
}

/** It redirects to this form, which would be two requests for one. */
function mirrored({ method, target }: Ask): Ask {
  return { method, target: target.replace('/tree/main?', '/tree/main/?') };
}

function mirrorConfiguration(at: {
  readonly port: number;
  readonly hub: string;
  readonly folder: string;
  readonly mode: 'fetches' | 'offline';
}): string {
  const own = `127.0.0.1:${at.port}`;
  return `[basic]
host = "127.0.0.1"
port = ${at.port}
repos-path = "${at.folder}/repos"
hf-scheme = "http"
hf-netloc = "${at.hub}"
hf-lfs-netloc = "${at.hub}"
mirror-scheme = "http"
mirror-netloc = "${own}"
mirror-lfs-netloc = "${own}"
metadata-cache-ttl = 86400
[accessibility]
offline = ${at.mode === 'offline'}
`;
}

/** A Hub with models of the names and files that the vaults have. */
async function hubOf(models: readonly number[]) {
  const names = ['model-00001-of-000002.safetensors', 'model-00002-of-000002.safetensors', 'tokenizer.json'];
  const texts = ['README.md', 'config.json', 'generation_config.json', 'model.safetensors.index.json'];
  const hub = await startHubStandIn({
    models: models.map(
      (number): StandInModel => ({
        id: modelName(number),
        commits: [
          {
            files: [...names, ...texts, 'tokenizer_config.json'].map((file) => ({
              path: file,
              content: { kind: 'bytes', bytes: Buffer.from(`{"of":"${modelName(number)}"}\n`) },
            })),
          },
        ],
      }),
    ),
  });
  return { endpoint: hub.endpoint, [Symbol.asyncDispose]: () => hub.close() };
}

function authorization(token: string): string {
  return `Authorization: Bearer ${token}`;
}
