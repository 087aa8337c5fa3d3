/** The command lines that people use, against every server that is at hand: what they send arrives, and comes back. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { installed } from '../peers.ts';
import { S3_SERVERS, type S3Server } from './server.ts';

const run = promisify(execFile);
const AWS = installed('aws/bin/aws');
const S5CMD = installed('bin/s5cmd');

/** Two parts of awscli's 8 MiB, and what fits into one request. */
const FILES = { 'config.json': 20, 'weights of it/one.bin': 9 * 1024 * 1024 };

interface Round {
  readonly name: string;
  readonly peer: typeof AWS;
  readonly up: (folder: string) => readonly string[];
  readonly down: (folder: string) => readonly string[];
}

const ROUNDS: readonly Round[] = [
  {
    name: 'aws s3 cp and sync',
    peer: AWS,
    up: (folder) => ['s3', 'cp', '--quiet', '--recursive', folder, 's3://bucket/by-aws'],
    down: (folder) => ['s3', 'sync', '--quiet', 's3://bucket/by-aws', folder],
  },
  {
    name: 's5cmd cp',
    peer: S5CMD,
    up: (folder) => ['cp', '--part-size', '5', `${folder}/`, 's3://bucket/by-s5cmd/'],
    down: (folder) => ['cp', 's3://bucket/by-s5cmd/*', `${folder}/`],
  },
];

for (const { name, skip: noServer, start } of S3_SERVERS) {
  describe(`command lines against ${name}`, { skip: noServer }, () => {
    let server: S3Server;
    let folder: string;
    before(async () => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-s3-clients-'));
      for (const [file, sizeBytes] of Object.entries(FILES)) {
        mkdirSync(path.dirname(path.join(folder, 'up', file)), { recursive: true });
        writeFileSync(path.join(folder, 'up', file), randomBytes(sizeBytes));
      }
      server = await start();
      await server.makeBucket('bucket');
    });
    after(async () => {
      await server?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    for (const { name: round, peer, up, down } of ROUNDS) {
      it(`${round} carries files there and back`, { skip: peer.skip }, async () => {
        const env = { PATH: process.env.PATH, HOME: folder, ...server.environment };
        const back = path.join(folder, round);
        await run(peer.path, [...up(path.join(folder, 'up'))], { env });
        await run(peer.path, [...down(back)], { env });
        for (const file of Object.keys(FILES)) {
          assert.equal(digest(path.join(back, file)), digest(path.join(folder, 'up', file)), file);
        }
      });
    }
  });
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
