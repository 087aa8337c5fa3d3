/**
 * The whole story of a model, through the command line, with a Hub upstream, a real S3 server as the vault and a gateway in front
 * of it: admitted, live, overtaken by upstream, looked at, approved by two, promoted, taken back, revoked, and found by a rule
 * that came later.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RevisionDiff } from '../../src/diff/diff.ts';
import { type Serving, startServe, until } from '../gateway/serving.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, safetensors, textFile } from '../story/models.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';

const MODEL = 'org/model';
const TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}";

/** What a gateway promises, and what a busy machine adds to asking. */
const FOLLOWS_MS = 7_000;

/** What comes from somebody new is looked at by two. */
const POLICY = `version: 1
rules:
  - name: two-for-strangers
    hold: publisher.newAuthor
    because: whoever made this commit made none before that was admitted
    approvals: 2
`;

const LATER = `version: 1
rules:
  - name: small-files
    refuse: repo.sizeBytes < 100000000
    because: such small models are toys
`;

function files(seed: string, template: string) {
  return [
    textFile('README.md', '---\nlicense: mit\n---\n'),
    textFile('config.json', '{"model_type": "llama", "hidden_size": 32}'),
    textFile('tokenizer_config.json', JSON.stringify({ chat_template: template })),
    bytesFile('model-00001-of-00002.safetensors', safetensors('the same')),
    bytesFile('model-00002-of-00002.safetensors', safetensors(seed)),
  ];
}

const [versitygw, , standIn] = S3_SERVERS;

describe('the whole story of a model', () => {
  let server: S3Server;
  let stage: S3Stage;
  let gateway: Serving;
  let first: string;
  let second: string;

  const at = (name: string) => path.join(stage.folder, name);
  const done = async (...args: readonly string[]) => {
    const ran = await stage.here(args);
    assert.equal(ran.exit, 0, `${args.join(' ')}\n${ran.stdout}${ran.stderr}`);
    return ran;
  };
  const follows = (wanted: () => Promise<boolean>) =>
    until(wanted, { withinMs: FOLLOWS_MS, what: 'the gateway follows' });
  /** What a client of the gateway gets for the model's default branch. */
  const served = async () => {
    const answer = await fetch(`${gateway.endpoint}/api/models/${MODEL}/revision/main`);
    return answer.ok ? ((await answer.json()) as { sha: string }).sha : answer.headers.get('x-error-code');
  };

  before(async () => {
    const store = versitygw?.skip ? standIn : versitygw;
    if (!store) throw new Error('there is no S3 server');
    server = await store.start();
    stage = await openS3Stage(server, {
      models: [{ id: MODEL, commits: [{ files: files('one', TEMPLATE), author: 'ada' }] }],
    });
    first = stage.hub.commitOf(MODEL);
    writeFileSync(at('policy.yaml'), POLICY);
    writeFileSync(at('later.yaml'), LATER);
    writeFileSync(at('weighlock.yaml'), `policy: ${at('policy.yaml')}\n`);
    await done('admit', MODEL, '--requester', 'rex');
    for (const who of ['ada', 'bob']) {
      writeFileSync(at(`${who}.pub`), (await done('key', '--new', at(`${who}.pem`))).stdout);
      await done('trust', 'add-approver', who, at(`${who}.pub`));
    }
    gateway = await startServe(stage, ['--anonymous']);
  });

  after(async () => {
    await gateway?.stop();
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
  });

  it('begins live', async () => {
    assert.equal(await served(), first);
    await done('upstream', 'follow', MODEL, '--update', 'candidate');
    await done('upstream', 'watch', '--once');
  });

  it('goes on upstream: one shard and the template change, and the watch holds it for two', async () => {
    second = stage.hub.publish(MODEL, {
      files: files('two', TEMPLATE.replace('{% for', 'You are the assistant of Example Inc.\n{% for')),
      author: 'mallory',
    });
    const { json } = await stage.ask<readonly { reaction: { kind: string } }[]>([
      'upstream',
      'watch',
      '--once',
    ]);
    assert.deepEqual(
      json.map(({ reaction }) => reaction.kind),
      ['held'],
    );
    assert.equal(await served(), first);
  });

  it('differs in exactly that', async () => {
    const { json } = await stage.ask<RevisionDiff>(['diff', MODEL, 'production', `upstream@${second}`]);
    assert.deepEqual(
      json.files.changed.map(({ path: file }) => file),
      ['model-00002-of-00002.safetensors', 'tokenizer_config.json'],
    );
    assert.equal(json.files.same, 3);
    assert.equal(json.templates.length, 1);
    assert.match(json.templates[0]?.to ?? '', /^You are the assistant of Example Inc\./);
    assert.deepEqual(
      [json.configuration, json.code, json.tensors.added, json.tensors.removed],
      [[], [], [], []],
    );
  });

  it('is approved by two, the source not asked again, and promoted', async () => {
    const asked = stage.hub.requests.length;
    const approve = (who: string) =>
      stage.here(['review', 'approve', `${MODEL}@${second}`, '--reason', 'known', '--key', at(`${who}.pem`)]);
    assert.equal((await approve('ada')).exit, 2);
    assert.equal((await approve('bob')).exit, 0);
    assert.equal(stage.hub.requests.length, asked);
    await done('channel', 'set', `${MODEL}@${second}`);
    await follows(async () => (await served()) === second);
  });

  it('is taken back by one command', async () => {
    await done('channel', 'rollback', MODEL, '--reason', 'it speaks for Example Inc.');
    await follows(async () => (await served()) === first);
  });

  it('is revoked, and the gateway refuses it', async () => {
    await done('revoke', `${MODEL}@${second}`, '--reason', 'an advertisement in the template');
    await follows(async () => {
      const answer = await fetch(`${gateway.endpoint}/${MODEL}/resolve/${second}/config.json`);
      return answer.status === 404 && answer.headers.get('x-error-code') === 'RevisionNotFound';
    });
    assert.equal(await served(), first);
  });

  it('is found by a rule that came later, with what it affects', async () => {
    const { exit, json } = await stage.ask<{
      differing: readonly { id: { commit: string }; now: string; channels: readonly string[] }[];
    }>(['rescan', '--all', '--policy', at('later.yaml')]);
    assert.equal(exit, 1);
    assert.deepEqual(
      json.differing.map(({ id, now, channels }) => [id.commit, now, channels]),
      [[first, 'refused', ['production']]],
    );
  });

  it('stands in the log, step by step', async () => {
    const { json } = await stage.ask<{ entries: readonly { type: string }[] }>(['log', 'show']);
    const types = json.entries.map(({ type }) => type);
    for (const type of ['record', 'follow', 'review', 'channel', 'revocation'])
      assert.ok(types.includes(type), type);
    await done('verify');
  });
});
