/**
 * `hf download` of a model: through the gateway over a bucket; from nginx, which has the same files itself; and from an
 * nginx that says what the Hub would say and sends clients to the same bucket, which is what the store alone allows.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type MeasuredStep, measure } from '../contestant.ts';
import { freePort, startNginx } from '../nginx.ts';
import { presign } from '../presign.ts';
import { peerProgram } from '../programs.ts';
import { R1_MODEL } from '../r1-repo.ts';
import { BUCKET, MEMORY_FOLDER } from '../s3-store.ts';
import { scratch } from '../scratch.ts';
import { CLIENT_CORE, pinned, pinnedTo, SERVER_CORE } from './pinned.ts';
import type { Published } from './published.ts';
import { type Stage, startGateway } from './stage.ts';

/** The middle one counts. */
const ROUNDS = 3;

export const SERVERS = ['weighlock', 'nginx', 'store'] as const;

export interface DownloadResult {
  readonly server: (typeof SERVERS)[number];
  readonly seconds: number;
  /** Of the client. */
  readonly cpuSeconds: number;
}

export async function benchDownload(stage: Stage, published: Published): Promise<readonly DownloadResult[]> {
  using memory = scratch(MEMORY_FOLDER, 'files');
  const files = path.join(memory.path, 'files');
  cpSync(published.files, files, { recursive: true });
  const options = ['--anonymous'];
  await using gateway = await startGateway(stage, { ...published.bucket, home: published.home, options });
  const answers = await hubAnswers(gateway.endpoint, published.commit);
  const folders = { files, memory: memory.path };
  await using nginx = await staticHub(published, { ...folders, answers, name: 'nginx', sends: 'the file' });
  await using store = await staticHub(published, { ...folders, answers, name: 'store', sends: 'elsewhere' });
  const endpoints = { weighlock: gateway.endpoint, nginx: nginx.endpoint, store: store.endpoint };
  const runs: { server: DownloadResult['server']; step: MeasuredStep }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const server of SERVERS) {
      process.stderr.write(`  hf download, ${server}\n`);
      runs.push({ server, step: await download(stage, endpoints[server], memory.path) });
    }
  }
  return SERVERS.map((server) => {
    const steps = runs.filter((run) => run.server === server).map(({ step }) => step);
    steps.sort((a, b) => a.seconds - b.seconds);
    const middle = steps[ROUNDS >> 1] as MeasuredStep;
    return { server, seconds: middle.seconds, cpuSeconds: middle.user + middle.system };
  });
}

/** Into memory, so that no disk is measured; on a core of the client's own. */
async function download(stage: Stage, endpoint: string, memory: string): Promise<MeasuredStep> {
  const target = path.join(memory, 'downloaded');
  const step = {
    name: 'hf download',
    command: [
      ...pinnedTo(CLIENT_CORE),
      ...[peerProgram('hub-2.4/bin/hf', 'hub-clients'), 'download', R1_MODEL, '--local-dir', target],
    ],
    environment: {
      HF_ENDPOINT: endpoint,
      HF_HOME: path.join(memory, 'hf'),
      HF_HUB_DISABLE_TELEMETRY: '1',
      HF_HUB_DISABLE_PROGRESS_BARS: '1',
      HF_HUB_DISABLE_XET: '1',
    },
  };
  try {
    return await measure(stage.meter, step, stage.folder);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

/** What a client asks before it fetches files: paths of the API, and what is answered. */
async function hubAnswers(endpoint: string, commit: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const api = `/api/models/${R1_MODEL}`;
  const asked = [
    `${api}/revision/main`,
    `${api}/revision/${commit}`,
    `${api}/tree/${commit}`,
    api,
    '/api/agent-harnesses',
  ];
  const answers = new Map<string, Uint8Array>();
  for (const target of asked) {
    const answer = await fetch(`${endpoint}${target}${target.includes('/tree/') ? '?recursive=true' : ''}`);
    if (!answer.ok) throw new Error(`the gateway answered ${answer.status} to ${target}`);
    answers.set(target, await answer.bytes());
  }
  return answers;
}

interface StaticHub {
  readonly name: string;
  readonly files: string;
  readonly memory: string;
  readonly answers: ReadonlyMap<string, Uint8Array>;
  readonly sends: 'the file' | 'elsewhere';
}

async function staticHub(published: Published, { name, files, memory, answers, sends }: StaticHub) {
  const folder = path.join(memory, name);
  mkdirSync(folder);
  const locations: string[] = [];
  for (const [number, [target, bytes]] of [...answers].entries()) {
    writeFileSync(path.join(folder, `${number}.json`), bytes);
    locations.push(
      `    location = ${target} { default_type application/json; alias ${folder}/${number}.json; }`,
    );
  }
  for (const file of readdirSync(files)) locations.push(fileLocation(published, { file, files, sends }));
  const port = await freePort();
  const startedBy = pinnedTo(SERVER_CORE);
  const server = pinned(
    await startNginx({ folder, port, workers: 1, server: locations.join('\n'), startedBy }),
  );
  return {
    endpoint: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** One file under the Hub's address, with the headers that clients take its size, digest and commit from. */
function fileLocation(
  { store, commit }: Published,
  {
    file,
    files,
    sends,
  }: { readonly file: string; readonly files: string; readonly sends: StaticHub['sends'] },
): string {
  const sizeBytes = statSync(path.join(files, file)).size;
  const { host } = new URL(store.server.endpoint);
  const place = `${BUCKET}/vault/models/${R1_MODEL}/${commit}/${file}`;
  const elsewhere = `${store.server.endpoint}${presign(store.server, { method: 'GET', host, place })}`;
  const body = sends === 'the file' ? `alias ${files}/${file};` : `return 302 "${elsewhere}";`;
  return `    location = /${R1_MODEL}/resolve/${commit}/${file} {
      etag off;
      add_header ETag '"${file}"' always;
      add_header X-Linked-ETag '"${file}"' always;
      add_header X-Linked-Size ${sizeBytes} always;
      add_header X-Repo-Commit ${commit} always;
      ${body}
    }`;
}
