/** One revision of the shape of DeepSeek-R1, published twice: into a bucket in memory, and into a folder on the disk. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { measure, type Step } from '../contestant.ts';
import { startHub } from '../hub-process.ts';
import { R1_MODEL } from '../r1-repo.ts';
import { BUCKET, MEMORY_FOLDER, type Store, type StoreKind, withStore } from '../s3-store.ts';
import { scratch } from '../scratch.ts';
import { SERVER_CORE } from './pinned.ts';
import type { Stage } from './stage.ts';

export interface Published {
  readonly store: Store;
  readonly commit: string;
  readonly home: string;
  readonly bucket: { readonly vault: string; readonly environment: NodeJS.ProcessEnv };
  readonly directory: { readonly vault: string };
  /** The revision's files, as they were published. */
  readonly files: string;
}

/** The store works on the servers' core, and so does this process from now on, which starts it. */
export async function withPublished<T>(
  stage: Stage,
  kind: StoreKind,
  work: (published: Published) => Promise<T>,
): Promise<T> {
  execFileSync('taskset', ['-acp', SERVER_CORE, String(process.pid)], { stdio: 'ignore' });
  // Only of a version that is on record are clients sent to the bucket itself.
  const wanted = { kind, sizeBytes: stage.sizeBytes, versioning: 'on' } as const;
  return withStore(wanted, async (store) => work(await publish(stage, store)));
}

async function publish(stage: Stage, store: Store): Promise<Published> {
  process.stderr.write(`  publishing ${(stage.sizeBytes / 1e9).toFixed(1)} GB twice\n`);
  const home = path.join(stage.folder, 'home');
  const bucket = { vault: `s3://${BUCKET}/vault`, environment: store.environment };
  const directory = { vault: path.join(stage.folder, 'directory-vault') };
  using cdn = scratch(MEMORY_FOLDER, 'cdn');
  mkdirSync(home, { recursive: true });
  const hub = await startHub('nginx-hub.ts', [String(stage.sizeBytes), cdn.path]);
  try {
    for (const { vault, environment } of [{ ...directory, environment: {} }, bucket]) {
      const step: Step = {
        name: 'weighlock admit',
        command: [process.execPath, stage.program, 'admit', R1_MODEL, '--vault', vault],
        environment: {
          ...environment,
          WEIGHLOCK_HOME: home,
          WEIGHLOCK_HUB_ENDPOINT: hub.endpoint,
          WEIGHLOCK_HUB_HOSTS: hub.cdnHost,
        },
      };
      await measure(stage.meter, step, stage.folder);
    }
  } finally {
    await hub.close();
  }
  const revisions = path.join(directory.vault, 'models', R1_MODEL);
  const [commit] = readdirSync(revisions);
  if (!commit) throw new Error('the admission published nothing');
  return { store, commit, home, bucket, directory, files: path.join(revisions, commit) };
}
