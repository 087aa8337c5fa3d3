/** The manifests that `weighlock deploy` writes, as a cluster shows them: each is as recorded. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { DriftReport } from '../../src/drift/drift.ts';
import { noCertificates } from '../s3/certificate.ts';
import type { S3Server } from '../s3/server.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { plainModel } from '../story/models.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';
import { type ClusterStandIn, kubeconfigOf, startCluster } from './cluster-stand-in.ts';

const MODEL = 'org/model';
const IMAGE = `vllm@sha256:${'a'.repeat(64)}`;
const WEIGHLOCK = `weighlock@sha256:${'b'.repeat(64)}`;
const LISTS: Readonly<Record<string, string>> = {
  Deployment: '/apis/apps/v1/deployments',
  StatefulSet: '/apis/apps/v1/statefulsets',
  InferenceService: '/apis/serving.kserve.io/v1beta1/inferenceservices',
  NetworkPolicy: '/apis/networking.k8s.io/v1/networkpolicies',
};

const WAYS: Readonly<Record<string, readonly string[]>> = {
  'vLLM through the gateway': ['vllm', '--via', 'gateway', '--gateway', 'http://gateway.weighlock:8080'],
  'vLLM through the streamer': ['vllm', '--via', 'streamer'],
  'vLLM with a verifying init container': ['vllm', '--via', 'init', '--weighlock-image', WEIGHLOCK],
  'KServe with its own initializer': ['kserve', '--via', 's3'],
  'KServe with ours': ['kserve', '--via', 'weighlock', '--weighlock-image', WEIGHLOCK],
};

describe('weighlock drift on what weighlock deploy writes', { skip: noCertificates }, () => {
  let cluster: ClusterStandIn;
  let server: S3Server;
  let stage: S3Stage;
  let file: string;
  before(async () => {
    cluster = await startCluster({ lists: {} });
    server = await startS3StandIn();
    stage = await openS3Stage(server, { models: [plainModel(MODEL)] });
    const admitted = await stage.here(['admit', MODEL]);
    assert.equal(admitted.exit, 0, admitted.stderr);
    file = path.join(stage.folder, 'kubeconfig');
    writeFileSync(file, kubeconfigOf(cluster, { token: cluster.token }));
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
    await cluster?.close();
  });

  for (const [i, [title, [target = '', ...options]]] of Object.entries(WAYS).entries()) {
    it(`agrees with ${title}`, async () => {
      const out = path.join(stage.folder, `out-${i}`);
      const place = [
        '--name',
        `chat-${i}`,
        '--namespace',
        'models',
        '--image',
        IMAGE,
        '--gpu',
        'l4',
        '--token-secret',
        'reader',
      ];
      const egress = ['--egress-cidr', '203.0.113.0/24'];
      const ran = await stage.here([
        ...['deploy', target, MODEL, '--out', out, '--record', ...place, ...egress, ...options],
      ]);
      assert.equal(ran.exit, 0, ran.stderr);
      const lists: Record<string, object[]> = Object.fromEntries(Object.values(LISTS).map((at) => [at, []]));
      for (const name of readdirSync(out).filter((one) => one.endsWith('.yaml')))
        for (const document of parseAllDocuments(readFileSync(path.join(out, name), 'utf8'))) {
          const object = document.toJS() as { kind: string };
          lists[LISTS[object.kind] ?? '']?.push(object);
        }
      cluster.options = { lists };
      const { json } = await stage.ask<DriftReport>(['drift', '--kubeconfig', file]);
      const row = json.rows.find((one) => one.place.endsWith(`/chat-${i}`));
      assert.deepEqual(
        { standing: row?.standing, differences: row?.differences },
        { standing: 'as recorded', differences: [] },
      );
      assert.ok(!json.rows.some(({ standing }) => standing === 'stranger'), JSON.stringify(json.rows));
    });
  }
});
