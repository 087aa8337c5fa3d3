/** Manifests for Kubernetes, KServe and Compose, for R1 and its distills, against the schemas that their makers publish. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { parseRepoPath } from '../../src/base/name.ts';
import { ComposeTarget } from '../../src/deploy/compose/compose.ts';
import type { Order, Plan, Subject } from '../../src/deploy/deploy.ts';
import { KserveTarget } from '../../src/deploy/kubernetes/kserve.ts';
import { VllmTarget } from '../../src/deploy/kubernetes/vllm.ts';
import { installed } from '../peers.ts';
import { crdSchema, kubernetesSchema, problemsOf } from './schemas.ts';
import { COMMIT, orderOf, subjectNamed, subjects } from './subjects.ts';

const KUBERNETES = ['1.29', '1.37'].map((version) =>
  installed(`schemas/kubernetes-${version}.json`, 'schemas'),
);
const INFERENCE = installed('schemas/serving.kserve.io_inferenceservices.yaml', 'schemas');
const STORAGE = installed('schemas/serving.kserve.io_clusterstoragecontainers.yaml', 'schemas');
const COMPOSE_SPEC = installed('schemas/compose-spec.json', 'schemas');

const IMAGE = `registry.example/vllm-openai@sha256:${'a'.repeat(64)}`;
const OURS = `registry.example/weighlock@sha256:${'b'.repeat(64)}`;
const NAMED = { image: IMAGE, weighlockImage: OURS, egressCidr: ['10.1.0.0/16'] };

interface Item {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: what stands in a manifest is what these tests are about
  readonly spec: any;
}

const itemsOf = (plan: Plan): Item[] =>
  plan.files.flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS() as Item));

const one = (plan: Plan, kind: string): Item => {
  const found = itemsOf(plan).find((item) => item.kind === kind);
  assert.ok(found, `no ${kind}`);
  return found;
};

const vllm = (subject: Subject, flags: Order['flags'] = {}, more: Partial<Order> = {}) =>
  new VllmTarget().plan({ ...orderOf(subject, { ...NAMED, ...flags }), ...more });
const kserve = (subject: Subject, flags: Order['flags'] = {}) =>
  new KserveTarget().plan(orderOf(subject, { ...NAMED, ...flags }));
const compose = (subject: Subject, flags: Order['flags'] = {}) =>
  new ComposeTarget().plan(orderOf(subject, { image: IMAGE, weighlockImage: OURS, ...flags }));

const WAYS: readonly Order['flags'][] = [
  {},
  { via: 'streamer', roleArn: 'arn:aws:iam::111122223333:role/models', replicas: '3' },
  {
    via: 'gateway',
    gateway: 'https://gateway.example:8443',
    tokenSecret: 'reader',
    gatewayNamespace: 'weighlock',
  },
];

describe('manifests of Kubernetes', () => {
  for (const { path, skip } of KUBERNETES)
    it(`hold to the published schema ${path.slice(-9, -5)}, for every model and way`, { skip }, async () => {
      const problems = kubernetesSchema(path);
      const schema = (item: Item) => requireNone(problems(item));
      for (const subject of subjects('vault'))
        for (const flags of WAYS) for (const item of itemsOf(await vllm(subject, flags))) schema(item);
      for (const subject of subjects('hub')) for (const item of itemsOf(await vllm(subject))) schema(item);
      for (const subject of subjects('vault'))
        for (const item of itemsOf(await kserve(subject)))
          if (!item.apiVersion.includes('kserve')) schema(item);
    });

  it('hold to the published CRDs of KServe, by every way', {
    skip: INFERENCE.skip || STORAGE.skip,
  }, async () => {
    const schemas = new Map([
      ['InferenceService', crdSchema(INFERENCE.path, 'v1beta1')],
      ['ClusterStorageContainer', crdSchema(STORAGE.path, 'v1alpha1')],
    ]);
    const plans = [
      ...(await Promise.all(
        subjects('vault').flatMap((subject) => [kserve(subject), kserve(subject, { via: 's3' })]),
      )),
      ...(await Promise.all(subjects('hub').map((subject) => kserve(subject, { tokenSecret: 'hub' })))),
    ];
    let held = 0;
    for (const item of plans.flatMap(itemsOf)) {
      const schema = schemas.get(item.kind);
      if (!schema) continue;
      requireNone(schema(item));
      held += 1;
    }
    assert.equal(held, 5 * 3 + 5);
  });

  it('are refused by the schemas where a field is misspelt, so that the schemas prove something', {
    skip: KUBERNETES[0]?.skip || INFERENCE.skip,
  }, async () => {
    const deployment = one(await vllm(subjectNamed('Llama-8B')), 'Deployment');
    deployment.spec.template.spec.containers[0].readynessProbe = {};
    assert.match(kubernetesSchema(KUBERNETES[0]?.path ?? '')(deployment).join(), /additional properties/);
    const service = one(await kserve(subjectNamed('Llama-8B')), 'InferenceService');
    service.spec.predictor.model.storageURI = 's3://x/';
    assert.match(crdSchema(INFERENCE.path, 'v1beta1')(service).join(), /additional properties/);
  });

  for (const [name, count, gpu] of [
    ['Qwen-1.5B', 1, 'NVIDIA-L4'],
    ['Llama-8B', 1, 'NVIDIA-L4'],
    ['Qwen-32B', 1, 'NVIDIA-A100-SXM4-80GB'],
    ['Llama-70B', 2, 'NVIDIA-A100-SXM4-80GB'],
    ['R1', 8, 'NVIDIA-H200'],
  ] as const)
    it(`give ${name} ${count} × ${gpu}, by arithmetic`, async () => {
      const { template } = one(await vllm(subjectNamed(name)), 'Deployment').spec;
      const [server] = template.spec.containers;
      assert.equal(server.resources.limits['nvidia.com/gpu'], String(count));
      assert.equal(template.spec.nodeSelector['nvidia.com/gpu.product'], gpu);
      assert.ok(server.args.includes(`--tensor-parallel-size=${count}`));
    });

  it('take more of the kind that is named, and refuse what does not fit into eight', async () => {
    const { template } = one(await vllm(subjectNamed('Llama-70B'), { gpu: 'l40s' }), 'Deployment').spec;
    assert.equal(template.spec.containers[0].resources.limits['nvidia.com/gpu'], '4');
    await assert.rejects(vllm(subjectNamed('R1'), { gpu: 'h100' }), { code: 'WL_DEPLOY_TOO_LARGE' });
  });
});

describe('a pod of vLLM', () => {
  const subject = subjectNamed('Llama-8B');
  const podOf = async (flags: Order['flags'], of = subject) =>
    one(await vllm(of, flags), 'Deployment').spec.template.spec;
  const variable = (container: { env: { name: string; value?: string }[] }, name: string) =>
    container.env.find((entry) => entry.name === name);

  it('runs as nobody, writes into nothing that stays, and holds no token of the cluster, by every way', async () => {
    for (const flags of WAYS) {
      const pod = await podOf(flags);
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.securityContext.runAsNonRoot, true);
      assert.equal(pod.securityContext.seccompProfile.type, 'RuntimeDefault');
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        assert.equal(container.securityContext.readOnlyRootFilesystem, true);
        assert.deepEqual(container.securityContext.capabilities, { drop: ['ALL'] });
        assert.match(container.image, /@sha256:[0-9a-f]{64}$/);
      }
    }
  });

  it('sends no statistics by any way, and stays offline where vLLM can', async () => {
    for (const [flags, offline] of [
      [{}, '1'],
      [{ via: 'streamer' }, undefined],
      [WAYS[2] ?? {}, undefined],
    ] as const) {
      const [server] = (await podOf(flags)).containers;
      for (const name of ['VLLM_NO_USAGE_STATS', 'DO_NOT_TRACK', 'HF_HUB_DISABLE_TELEMETRY'])
        assert.equal(variable(server, name)?.value, '1', name);
      assert.equal(variable(server, 'HF_HUB_OFFLINE')?.value, offline);
    }
  });

  it('loads what an init container verified, which the server cannot write to', async () => {
    const pod = await podOf({});
    const [init] = pod.initContainers;
    assert.deepEqual(init.args, ['initialize', `weighlock://${subject.model}@${COMMIT}`, '/models/current']);
    assert.equal(variable(init, 'WEIGHLOCK_VAULT')?.value, 's3://acme-models');
    const [server] = pod.containers;
    assert.equal(server.args[0], '/models/current');
    const mount = server.volumeMounts.find((entry: { name: string }) => entry.name === 'models');
    assert.deepEqual(mount, { name: 'models', mountPath: '/models/current', readOnly: true });
  });

  it('streams from the prefix of the revision, with the slash at its end', async () => {
    const [server] = (await podOf({ via: 'streamer' })).containers;
    assert.deepEqual(server.args.slice(0, 2), [
      `s3://acme-models/models/${subject.model}/${COMMIT}/`,
      '--load-format=runai_streamer',
    ]);
  });

  it('asks the gateway, or the Hub, for the one commit, with a token that the plan does not hold', async () => {
    for (const [flags, of] of [
      [WAYS[2] ?? {}, subject],
      [{ tokenSecret: 'reader' }, subjectNamed('Llama-8B', 'hub')],
    ] as const) {
      const [server] = (await podOf(flags, of)).containers;
      assert.deepEqual(server.args.slice(0, 3), [
        subject.model,
        `--revision=${COMMIT}`,
        `--tokenizer-revision=${COMMIT}`,
      ]);
      assert.deepEqual(variable(server, 'HF_TOKEN'), {
        name: 'HF_TOKEN',
        valueFrom: { secretKeyRef: { name: 'reader', key: 'token' } },
      });
    }
  });

  it('runs no code of the repo unless somebody asked for it', async () => {
    const r1 = subjectNamed('R1', 'hub');
    for (const flags of [{}, { via: 'streamer' }])
      assert.ok(!JSON.stringify(await podOf(flags)).includes('trust-remote-code'));
    const asked = one(await vllm(r1, {}, { remoteCode: 'asked for' }), 'Deployment').spec.template.spec
      .containers[0];
    assert.ok(asked.args.includes('--trust-remote-code') && asked.args.includes(`--code-revision=${COMMIT}`));
    assert.ok(!JSON.stringify(await podOf({}, r1)).includes('trust-remote-code'));
  });

  it('reaches DNS and what is named, and nothing else, from the vault', async () => {
    for (const flags of WAYS) {
      const { policyTypes, egress } = one(await vllm(subject, flags), 'NetworkPolicy').spec;
      assert.deepEqual(policyTypes, ['Ingress', 'Egress']);
      const peers = egress.flatMap((rule: { to: unknown[] }) => rule.to);
      const allowed = JSON.stringify(peers);
      assert.ok(!allowed.includes('0.0.0.0/0'));
      assert.ok(allowed.includes('10.1.0.0/16') && allowed.includes('kube-dns'));
      for (const rule of egress)
        assert.ok(rule.to.length > 0 && rule.ports.length > 0, 'a rule without peers allows all');
    }
  });

  it('has as long to start as its size wants, and never fewer pods than before', async () => {
    const seconds = async (name: string) => {
      const { template, strategy, progressDeadlineSeconds } = one(
        await vllm(subjectNamed(name)),
        'Deployment',
      ).spec;
      assert.deepEqual(strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
      const { periodSeconds, failureThreshold } = template.spec.containers[0].startupProbe;
      assert.ok(progressDeadlineSeconds > periodSeconds * failureThreshold);
      return periodSeconds * failureThreshold;
    };
    assert.ok((await seconds('Qwen-1.5B')) < 600);
    assert.ok((await seconds('R1')) > 3 * 3600);
  });

  it('says what is missing instead of writing something that looks complete', async () => {
    const bare = await new VllmTarget().plan(orderOf(subject, { image: undefined }));
    assert.equal(bare.missing.length, 3);
    const tag = await vllm(subject, { image: 'vllm/vllm-openai:v0.11.0' });
    assert.match(tag.missing.join(), /the digest of the image/);
    const gateway = await vllm(subject, { via: 'gateway', egressCidr: [] });
    assert.match(gateway.missing.join(), /--gateway.*--token-secret.*--egress-cidr/);
    assert.deepEqual((await vllm(subject)).missing, []);
  });

  it('from the Hub says what nobody can promise', async () => {
    const plan = await vllm(subjectNamed('Llama-8B', 'hub'));
    assert.equal(plan.deployment.isolated, false);
    assert.ok(plan.notGuaranteed.length >= 6);
  });

  for (const [title, flags, code] of [
    ['a way that does not exist', { via: 'ftp' }, 'WL_USAGE'],
    ['a name that Kubernetes does not take', { name: 'Upper_Case' }, 'WL_USAGE'],
    ['a GPU that nobody has', { gpu: 'h9000' }, 'WL_USAGE'],
    ['an address without its length', { egressCidr: ['10.0.0.1'] }, 'WL_USAGE'],
    ['a selector without a value', { nodeSelector: ['zone'] }, 'WL_USAGE'],
    ['an image that is none', { image: 'Bad Image' }, 'WL_USAGE'],
    ['a gateway that is no address', { via: 'gateway', gateway: 'gateway' }, 'WL_USAGE'],
  ] as const)
    it(`is not planned with ${title}`, () => assert.rejects(vllm(subject, flags), { code }));

  it('is not planned for GGUF, nor for weights that can run code', async () => {
    await assert.rejects(vllm(ggufOf(subject)), { code: 'WL_DEPLOY_REFUSED' });
    await assert.rejects(vllm({ ...subject, weights: { ...subject.weights, format: 'other' } }), {
      code: 'WL_DEPLOY_REFUSED',
    });
  });
});

describe('KServe', () => {
  const subject = subjectNamed('Llama-8B');

  it('copies by Weighlock, whose command takes the arguments that KServe gives', async () => {
    const plan = await kserve(subject);
    assert.equal(
      one(plan, 'InferenceService').spec.predictor.model.storageUri,
      `weighlock://${subject.model}@${COMMIT}`,
    );
    const { container, supportedUriFormats } = one(plan, 'ClusterStorageContainer').spec;
    assert.deepEqual(supportedUriFormats, [{ prefix: 'weighlock://' }]);
    assert.deepEqual(
      [container.name, container.command, container.args],
      ['storage-initializer', ['/usr/local/bin/weighlock', 'initialize'], undefined],
    );
    assert.equal(container.env.filter(({ name }: { name: string }) => name === 'WEIGHLOCK_TRUST').length, 1);
  });

  it('lists by the prefix with its slash, where KServe’s own initializer copies', async () => {
    const plan = await kserve(subject, { via: 's3' });
    assert.equal(
      one(plan, 'InferenceService').spec.predictor.model.storageUri,
      `s3://acme-models/models/${subject.model}/${COMMIT}/`,
    );
    assert.match(plan.notGuaranteed.join(), /does not hash/);
  });

  it('pins the commit from the Hub', async () => {
    const { model } = one(await kserve(subjectNamed('Llama-8B', 'hub')), 'InferenceService').spec.predictor;
    assert.equal(model.storageUri, undefined);
    assert.ok(
      model.args.includes(`--model_revision=${COMMIT}`) &&
        model.args.includes(`--tokenizer_revision=${COMMIT}`),
    );
  });
});

describe('Compose', () => {
  const subject = subjectNamed('Llama-8B');
  const documentOf = (plan: Plan) => parseYaml(plan.files[0]?.text ?? '');

  it('holds to the published schema, for every model and server', { skip: COMPOSE_SPEC.skip }, async () => {
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    const { $schema: _, ...schema } = JSON.parse(readFileSync(COMPOSE_SPEC.path, 'utf8'));
    const valid = ajv.compile(schema);
    for (const of of [...subjects('vault'), ...subjects('hub'), ggufOf(subject), folderOf(subject)])
      requireNone(problemsOf(valid, documentOf(await compose(of))));
    const wrong = documentOf(await compose(subject));
    wrong.services.server.dependsOn = [];
    assert.match(problemsOf(valid, wrong).join(), /additional properties/);
  });

  it('starts the server after the copy, on a network that leads nowhere, and lets this machine alone ask', async () => {
    const { services, networks } = documentOf(await compose(subject));
    assert.deepEqual(services.server.depends_on, { copy: { condition: 'service_completed_successfully' } });
    assert.deepEqual(services.server.networks, ['inside']);
    assert.equal(networks.inside.internal, true);
    assert.equal(services.server.ports, undefined);
    assert.equal(services.door.ports[0].host_ip, '127.0.0.1');
    assert.equal(services.server.environment.HF_HUB_OFFLINE, '1');
    assert.equal(services.server.environment.AWS_ACCESS_KEY_ID, undefined);
    assert.equal(services.server.volumes[0].read_only, true);
    for (const service of Object.values(services) as { read_only: boolean; cap_drop: string[] }[])
      assert.deepEqual([service.read_only, service.cap_drop], [true, ['ALL']]);
  });

  it('serves GGUF by llama.cpp, and a vault in a folder without any network for the copy', async () => {
    const { server } = documentOf(await compose(ggufOf(subject))).services;
    assert.deepEqual(server.command.slice(0, 2), ['--model', '/models/current/model-q4.gguf']);
    assert.ok(server.command.includes('--offline'));
    const { copy } = documentOf(await compose(folderOf(subject))).services;
    assert.equal(copy.network_mode, 'none');
    assert.equal(copy.environment.WEIGHLOCK_VAULT, '/vault');
  });

  it('refuses a server that does not load the weights', async () => {
    await assert.rejects(compose(subject, { server: 'llama.cpp' }), { code: 'WL_DEPLOY_REFUSED' });
    await assert.rejects(compose(ggufOf(subjectNamed('Llama-8B', 'hub'))), { code: 'WL_DEPLOY_REFUSED' });
  });
});

function ggufOf(subject: Subject): Subject {
  const file = { path: parseRepoPath('model-q4.gguf'), sizeBytes: 5e9, tensorBytes: 5e9 };
  return { ...subject, weights: { ...subject.weights, format: 'gguf', files: [file] } };
}

function folderOf(subject: Subject): Subject {
  if (subject.origin.route !== 'vault') return subject;
  const ticket = { kind: 'directory', path: '/srv/vault' } as const;
  return { ...subject, origin: { ...subject.origin, location: '/srv/vault', ticket } };
}

function requireNone(problems: readonly string[]): void {
  assert.deepEqual(problems.slice(0, 5), []);
}
