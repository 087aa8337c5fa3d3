/** Applying to Kubernetes, by kubectl itself, against a stand-in of the API server that is strict about what it takes. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Order, Plan, Target } from '../../src/deploy/deploy.ts';
import { KserveTarget } from '../../src/deploy/kubernetes/kserve.ts';
import { VllmTarget } from '../../src/deploy/kubernetes/vllm.ts';
import { installed } from '../peers.ts';
import { type Cluster, startCluster } from './kubernetes-stand-in.ts';
import { crdSchema, kubernetesSchema } from './schemas.ts';
import { orderOf, subjectNamed } from './subjects.ts';

const KUBECTL = installed('bin/kubectl', 'schemas');
const SCHEMA = installed('schemas/kubernetes-1.37.json', 'schemas');
const INFERENCE = installed('schemas/serving.kserve.io_inferenceservices.yaml', 'schemas');
const STORAGE = installed('schemas/serving.kserve.io_clusterstoragecontainers.yaml', 'schemas');

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('applying to Kubernetes', {
  skip: KUBECTL.skip || SCHEMA.skip || INFERENCE.skip || STORAGE.skip,
}, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-kubectl-'));
  const kubeconfig = path.join(folder, 'config');
  let problems: Parameters<typeof startCluster>[0]['problems'];
  let cluster: Cluster;
  before(() => {
    const plain = kubernetesSchema(SCHEMA.path);
    const schemas: Readonly<Record<string, (item: unknown) => string[]>> = {
      InferenceService: crdSchema(INFERENCE.path, 'v1beta1'),
      ClusterStorageContainer: crdSchema(STORAGE.path, 'v1alpha1'),
    };
    problems = (item) => (schemas[item.kind] ?? ((one) => plain(one as { kind: string })))(item);
  });
  beforeEach(async () => {
    cluster = await startCluster({ problems });
    const named = { name: 'x' };
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
      clusters: [{ ...named, cluster: { server: cluster.url } }],
      users: [{ ...named, user: { token: 'secret' } }],
      contexts: [{ ...named, context: { cluster: 'x', user: 'x' } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  afterEach(() => cluster[Symbol.asyncDispose]());

  const told: string[] = [];
  const planOf = (target: Target, flags: Order['flags'] = {}): Promise<Plan> =>
    target.plan({
      ...orderOf(subjectNamed('Qwen-1.5B'), {
        ...{
          image: `registry.example/vllm@${DIGEST}`,
          weighlockImage: `registry.example/weighlock@${DIGEST}`,
        },
        ...{ egressCidr: ['10.1.0.0/16'], kubectl: KUBECTL.path },
        ...flags,
      }),
      environment: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: kubeconfig },
    });
  const apply = async (target: Target, flags?: Order['flags']) => {
    const plan = await planOf(target, flags);
    assert.ok(plan.apply);
    return plan.apply({
      tell: (sentence) => told.push(sentence),
      signal: AbortSignal.timeout(60_000),
      pollMs: 100,
    });
  };
  /** kubectl behind a program that writes down what it is called with. */
  const argumentsOf = (flags: Order['flags']) => {
    const program = path.join(folder, 'kubectl-heard');
    const heard = path.join(folder, 'heard');
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$*" >> '${heard}'\nexec '${KUBECTL.path}' "$@"\n`, {
      mode: 0o700,
    });
    return { flags: { ...flags, kubectl: program }, all: () => readFileSync(heard, 'utf8') };
  };

  for (const [title, target, kinds] of [
    ['vLLM', new VllmTarget(), ['Deployment', 'NetworkPolicy', 'Service', 'ServiceAccount']],
    [
      'KServe',
      new KserveTarget(),
      ['ClusterStorageContainer', 'InferenceService', 'NetworkPolicy', 'ServiceAccount'],
    ],
  ] as const)
    it(`asks first, then makes everything, and waits until it answers: ${title}`, async () => {
      const made = await apply(target);
      assert.match(made.lines[0]?.text ?? '', /models\//);
      assert.deepEqual([...cluster.objects.values()].map(({ kind }) => kind).sort(), kinds);
      const dry = cluster.changes.filter((change) => change.endsWith('(dry run)'));
      assert.equal(dry.length, kinds.length);
      assert.deepEqual(cluster.changes.slice(0, kinds.length), dry);
    });

  it('takes away what it made when the image cannot be pulled', async () => {
    await assert.rejects(apply(new VllmTarget(), { image: `registry.example/missing@${DIGEST}` }), {
      code: 'WL_DEPLOY_FAILED',
      message: /the image cannot be pulled: server ImagePullBackOff.*taken away again/,
    });
    assert.deepEqual([...cluster.objects.keys()], []);
  });

  const objectsNow = () =>
    Object.fromEntries(
      [...cluster.objects].map(([key, { spec, metadata }]) => [
        key,
        structuredClone({ spec, annotations: metadata.annotations, labels: metadata.labels }),
      ]),
    );

  it('puts back every object that stood there, and takes away the others', async () => {
    await apply(new VllmTarget(), { roleArn: 'arn:aws:iam::111122223333:role/one' });
    const before = objectsNow();
    const other: Order['flags'] = {
      ...{ image: `registry.example/crashing@${DIGEST}`, replicas: '2', egressCidr: ['10.2.0.0/16'] },
      roleArn: 'arn:aws:iam::111122223333:role/two',
    };
    const ran = argumentsOf(other);
    await assert.rejects(apply(new VllmTarget(), ran.flags), {
      code: 'WL_DEPLOY_FAILED',
      message:
        /the container does not stay up: .*OOMKilled.*; what stood there before was put back, and what was made was taken away again$/,
    });
    assert.ok(cluster.changes.some((change) => /^PATCH .*poddisruptionbudgets/.test(change)));
    assert.deepEqual(objectsNow(), before);
    assert.match(ran.all(), /apply/);
    assert.doesNotMatch(ran.all(), /registry\.example/, 'what is applied stands in no list of processes');
  });

  it('goes back also where a part was applied and another was refused', async () => {
    await apply(new VllmTarget());
    const before = objectsNow();
    cluster.refusing.add('NetworkPolicy');
    await assert.rejects(apply(new VllmTarget(), { image: `registry.example/other@${DIGEST}` }), {
      code: 'WL_DEPLOY_FAILED',
      message: /kubectl apply: .*; going back failed, too: kubectl apply/,
    });
    assert.deepEqual(objectsNow(), before);
  });

  it('names what it leaves, where others may use it by now', async () => {
    cluster.refusing.add('InferenceService');
    await assert.rejects(apply(new KserveTarget()), {
      message: /what was made was taken away again, and ClusterStorageContainer\/weighlock stays/,
    });
    assert.deepEqual([...cluster.objects.keys()], ['ClusterStorageContainer/weighlock']);
  });

  it('touches nothing that was not made by it', async () => {
    const name = 'deepseek-r1-distill-qwen-1-5b';
    const metadata = { name, namespace: 'models', labels: {} };
    cluster.objects.set(`Deployment/${name}`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {},
    });
    await assert.rejects(apply(new VllmTarget()), { code: 'WL_DEPLOY_EXISTS' });
    assert.deepEqual(cluster.changes, []);
  });

  it('makes nothing without the permission, and says which call it is', async () => {
    cluster.forbidden.add('patch');
    await assert.rejects(apply(new VllmTarget()), {
      code: 'WL_DEPLOY_DENIED',
      message: /kubectl apply:.*cannot patch resource/,
    });
    assert.deepEqual([...cluster.objects.keys()], []);
  });

  it('makes nothing of which the cluster would not take a part', async () => {
    const plan = await planOf(new VllmTarget());
    problems = (
      (real) => (item) =>
        item.kind === 'NetworkPolicy' ? ['.spec.egress: field not declared in schema'] : real(item)
    )(problems);
    const strict = await startCluster({ problems });
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
        clusters: [{ name: 'x', cluster: { server: strict.url } }],
        users: [{ name: 'x', user: { token: 'secret' } }],
        contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      }),
    );
    await assert.rejects(
      plan.apply?.({ tell: () => {}, signal: AbortSignal.timeout(60_000), pollMs: 100 }) ?? Promise.resolve(),
      {
        code: 'WL_DEPLOY_FAILED',
        message: /field not declared/,
      },
    );
    assert.deepEqual([...strict.objects.keys()], []);
    await strict[Symbol.asyncDispose]();
  });

  for (const [title, flags, code] of [
    ['no kubectl', { kubectl: '/nowhere/kubectl' }, 'WL_DEPLOY_UNAVAILABLE'],
    ['no such context', { kubeContext: 'elsewhere' }, 'WL_DEPLOY_UNAVAILABLE'],
  ] as const)
    it(`says that there is ${title}`, () => assert.rejects(apply(new VllmTarget(), flags), { code }));

  it('says that nobody answers', async () => {
    await cluster[Symbol.asyncDispose]();
    await assert.rejects(apply(new VllmTarget()), { code: 'WL_DEPLOY_UNAVAILABLE' });
  });
});
