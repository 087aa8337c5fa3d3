/** Names: what a gateway calls a model and its revisions, from what they were called upstream. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Agent, request } from 'undici';
import { makeCertificate, noCertificates } from '../s3/certificate.ts';
import { plainCommit, plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { type Serving, startServe } from './serving.ts';

describe('names at a gateway', () => {
  let stage: Stage;
  let gateway: Serving;
  let tagged: string;
  before(async () => {
    const first = { ...plainCommit('one'), refs: ['refs/heads/main', 'refs/tags/v1.0'] };
    stage = await openStage({ models: [{ id: 'org/model', commits: [first] }, plainModel('legacy')] });
    tagged = stage.hub.commitOf('org/model');
    stage.hub.publish('org/model', plainCommit('two'));
    for (const model of ['org/model', 'org/model@v1.0', 'legacy']) {
      const ran = await stage.here(['admit', model]);
      assert.equal(ran.exit, 0, ran.stderr);
    }
    gateway = await startServe(stage, ['--anonymous']);
  });
  after(async () => {
    await gateway?.stop();
    await stage?.[Symbol.asyncDispose]();
  });

  const json = async (route: string) => {
    const answer = await fetch(`${gateway.endpoint}${route}`);
    return { status: answer.status, value: (await answer.json()) as Record<string, unknown> };
  };

  it('are upstream’s tags, for revisions that were admitted by them', async () => {
    assert.equal((await json('/api/models/org/model/revision/v1.0')).value.sha, tagged);
    const { value } = await json('/api/models/org/model/refs');
    assert.deepEqual(value.tags, [{ name: 'v1.0', ref: 'refs/tags/v1.0', targetCommit: tagged }]);
    assert.equal((await json('/api/models/org/model/revision/refs%2Ftags%2Fv1.0')).value.sha, tagged);
  });

  it('are those of the first days too, without an owner', async () => {
    const { status, value } = await json('/api/models/legacy/revision/main');
    assert.deepEqual([status, value.id, value.sha], [200, 'legacy', stage.hub.commitOf('legacy')]);
    const file = await fetch(`${gateway.endpoint}/legacy/resolve/main/config.json`);
    assert.equal(file.status, 200);
    assert.equal(file.headers.get('x-repo-commit'), stage.hub.commitOf('legacy'));
  });

  it('lead on by absolute links on the public address', async () => {
    await using public_ = await startServe(stage, [
      '--anonymous',
      '--public-url',
      'https://weighlock.internal/hub',
    ]);
    const port = /at (http:\/\/127\.0\.0\.1:\d+)/.exec(public_.said())?.[1];
    const answer = await fetch(`${port}/api/models?limit=1`);
    assert.match(
      answer.headers.get('link') ?? '',
      /^<https:\/\/weighlock\.internal\/hub\/api\/models\?.*>; rel="next"$/,
    );
  });

  it('are served by TLS', { skip: noCertificates }, async () => {
    const { cert, key } = makeCertificate();
    const [certFile, keyFile] = ['cert.pem', 'key.pem'].map((name) => path.join(stage.folder, name));
    writeFileSync(certFile ?? '', cert);
    writeFileSync(keyFile ?? '', key);
    await using secure = await startServe(stage, [
      '--anonymous',
      '--tls-cert',
      certFile ?? '',
      '--tls-key',
      keyFile ?? '',
    ]);
    assert.match(secure.endpoint, /^https:/);
    const dispatcher = new Agent({ connect: { ca: cert } });
    const { statusCode, body } = await request(`${secure.endpoint}/api/models/legacy`, { dispatcher });
    assert.equal(statusCode, 200);
    await body.dump();
    await dispatcher.close();
  });

  for (const { args, says } of [
    { args: ['--port', '99999'], says: /--port takes a whole number from 0 to 65535/ },
    { args: ['--public-url', 'weighlock'], says: /--public-url takes the URL of a server/ },
    { args: ['--tls-cert', 'x.pem'], says: /--tls-cert and --tls-key go together/ },
    {
      args: ['--data-endpoint', 'http://localhost:9000'],
      says: /for a vault in a bucket, and this one is a folder/,
    },
    { args: ['--presign-seconds', '0'], says: /--presign-seconds takes a whole number from 1/ },
    { args: ['--vault', './nowhere'], says: /there is no vault at/ },
  ])
    it(`are not served by ${args.join(' ')}`, async () => {
      const ran = await stage.run(['serve', ...args]);
      assert.notEqual(ran.exit, 0);
      assert.match(ran.stderr, says);
    });
});
