/** Removing a revision, and collecting what runs left behind, on both kinds of vault. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors, textFile } from './models.ts';
import { ended, openStage, type Ran, type Stage } from './stage.ts';

const MODEL = 'org/model';
const DYING = path.join(import.meta.dirname, 'dying-command.ts');

interface Kind {
  readonly name: string;
  readonly skip: string | false;
  start(): Promise<S3Server | undefined>;
}

/** The directory, and the first server: what differs between servers is in the contract of a vault. */
const KINDS: readonly Kind[] = [
  { name: 'a directory', skip: false, start: async () => undefined },
  ...S3_SERVERS.slice(0, 1),
];

for (const kind of KINDS) {
  describe(`in ${kind.name}`, { skip: kind.skip }, () => {
    let server: S3Server | undefined;
    let stage: Stage;
    let vault: string;
    before(async () => {
      server = await kind.start();
      await server?.makeBucket('models', { versioning: 'on' });
      vault = server ? 's3://models/team' : './weighlock-data';
      const large = bytesFile('large.safetensors', safetensors('large', 3_000_000));
      const code = textFile('modeling.py', 'import os\nclass Model: pass\n');
      const config = textFile('config.json', JSON.stringify({ auto_map: { AutoModel: 'modeling.Model' } }));
      const held = { files: [large, code, config] };
      stage = await openStage({
        models: [
          { id: MODEL, cardData: { license: 'mit' }, commits: [plainCommit('first', [large])] },
          {
            id: 'org/fresh',
            commits: [plainCommit('fresh', [bytesFile('more.safetensors', safetensors('m', 3_000_000))])],
          },
          { id: 'org/held', commits: [held] },
        ],
      });
    });
    after(async () => {
      await stage?.[Symbol.asyncDispose]();
      await server?.close();
    });

    const environment = () => ({ ...server?.environment, WEIGHLOCK_VAULT: vault });
    const run = (...args: readonly string[]): Promise<Ran> => stage.run(args, environment());
    const done = async (...args: readonly string[]): Promise<Ran> => {
      const ran = await run(...args);
      assert.equal(ran.exit, 0, `${args.join(' ')}\n${ran.stdout}${ran.stderr}`);
      return ran;
    };
    const list = async () =>
      JSON.parse((await done('list', '--json')).stdout) as {
        model: string;
        commit: string;
        status: string;
        channels: string[];
      }[];

    it('a revision goes by a logged statement, unless a channel stands for it, and can come back', async () => {
      const first = stage.hub.commitOf(MODEL);
      await done('admit', MODEL);
      const large = bytesFile('large.safetensors', safetensors('large', 3_000_000));
      const second = stage.hub.publish(MODEL, plainCommit('second', [large]));
      await done('admit', `${MODEL}@${second}`);
      const production = (await list()).find(({ channels }) => channels.includes('production'));
      assert.equal(production?.commit, first);
      const used = await run('remove', `${MODEL}@${first}`, '--reason', 'old');
      assert.deepEqual([used.exit, /WL_IN_USE/.test(used.stderr)], [77, true], used.stderr);

      const planned = await done('remove', `${MODEL}@${second}`, '--dry-run');
      assert.match(planned.stdout, /would go .*8 files, 12\.\d MB/);
      assert.equal((await list()).filter(({ status }) => status === 'published').length, 2);
      const silent = await run('remove', `${MODEL}@${second}`);
      assert.match(silent.stderr, /say why with --reason/);

      const removed = await done('remove', `${MODEL}@${second}`, '--reason', 'it hallucinates');
      assert.match(removed.stdout, /removed .*8 files, 12\.\d MB, log entry 2/);
      assert.deepEqual(
        (await list()).map(({ commit, status }) => [commit, status]).sort(),
        [
          [first, 'published'],
          [second, 'removed'],
        ].sort(),
      );
      const pulled = await run('pull', `${MODEL}@${second}`, './nowhere');
      assert.match(pulled.stderr, /was removed at .*: it hallucinates/);
      await done('verify');
      // Once more is no mistake: a run that died in between is finished so.
      await done('remove', `${MODEL}@${second}`, '--reason', 'again');
      const log = JSON.parse((await done('log', 'show', '--json')).stdout) as { entries: { type: string }[] };
      assert.deepEqual(
        log.entries.map(({ type }) => type),
        ['record', 'record', 'removal'],
      );

      const back = JSON.parse((await done('admit', `${MODEL}@${second}`, '--json')).stdout) as {
        outcome: string;
        record: { number: number };
      };
      assert.deepEqual([back.outcome, back.record.number], ['decided', 1]);
      assert.equal((await list()).filter(({ status }) => status === 'published').length, 2);
      await done('verify');
    });

    it('what a killed admission left goes, what is held or published stays', async () => {
      assert.equal((await run('admit', 'org/held')).exit, 2);
      const clean = await done('gc', '--older-than', '1m');
      assert.match(clean.stdout, /nothing older than 1m is left behind/);
      const before = JSON.parse(
        (await done('gc', '--older-than', '0m', '--dry-run', '--json')).stdout,
      ) as Gone;
      assert.ok(
        before.removed.every(({ kind }) => kind === 'object' || kind === 'log batch'),
        JSON.stringify(before.removed),
      );

      const dying = spawn(process.execPath, [DYING, 'before', '3', 'admit', 'org/fresh'], {
        cwd: stage.folder,
        env: { ...stage.environment, ...environment() },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      assert.equal((await ended(dying)).signal, 'SIGKILL');
      const gone = JSON.parse((await done('gc', '--older-than', '0m', '--json')).stdout) as Gone;
      const kinds = new Set(gone.removed.map(({ kind }) => kind));
      assert.ok(kinds.has('staging area'), JSON.stringify(gone.removed));
      const nothing = JSON.parse((await done('gc', '--older-than', '0m', '--json')).stdout) as Gone;
      assert.deepEqual(nothing.removed, []);
      assert.equal((await run('admit', 'org/fresh')).exit, 0);
      await done('verify');
      for (const { model, commit } of (await list()).filter(({ status }) => status === 'published'))
        await done('verify', `${model}@${commit}`);
      // The held revision's bytes wait for a decision: its second look fetches nothing large again.
      const asked = stage.hub.requests.length;
      assert.equal((await run('admit', 'org/held')).exit, 2);
      const fetched = stage.hub.requests.slice(asked).filter((request) => request.path.includes('large'));
      assert.deepEqual(fetched, []);
    });
  });
}

interface Gone {
  readonly removed: readonly { readonly kind: string; readonly name: string }[];
}
