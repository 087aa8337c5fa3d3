/** `weighlock drift` on Kubernetes: Deployments and InferenceServices, read with a token or a client certificate. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { DeploymentBody } from '../../src/attest/statement.ts';
import { Wire } from '../../src/cli/wire.ts';
import type { DriftReport } from '../../src/drift/drift.ts';
import { deployments } from '../../src/registry/deployments.ts';
import { noCertificates } from '../s3/certificate.ts';
import { plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';
import {
  type ClusterStandIn,
  deploymentObject,
  kubeconfigOf,
  type PodWish,
  startCluster,
} from './cluster-stand-in.ts';

const DEPLOYMENTS = '/apis/apps/v1/deployments';
const SETS = '/apis/apps/v1/statefulsets';
const SERVICES = '/apis/serving.kserve.io/v1beta1/inferenceservices';
const POLICIES = '/apis/networking.k8s.io/v1/networkpolicies';
const MODEL = 'org/model';
const GATEWAY = 'http://gateway.weighlock:8080';

type Report = DriftReport & { readonly standing: string };

describe('weighlock drift on Kubernetes', { skip: noCertificates }, () => {
  let cluster: ClusterStandIn;
  let stage: Stage;
  let commit: string;
  let environment: Record<string, string>;
  let file: string;

  before(async () => {
    cluster = await startCluster({ lists: {} });
    stage = await openStage({ models: [plainModel(MODEL)] });
    const admitted = await stage.here(['admit', MODEL]);
    assert.equal(admitted.exit, 0, admitted.stderr);
    const planned = await stage.ask<{ commit: string; deployment: { environment: Record<string, string> } }>([
      ...[
        'deploy',
        'vllm',
        MODEL,
        '--record',
        '--via',
        'gateway',
        '--gateway',
        GATEWAY,
        '--gateway-namespace',
        'weighlock',
        '--name',
        'chat',
        '--namespace',
        'models',
      ],
      ...['--image', `vllm@sha256:${'a'.repeat(64)}`, '--gpu', 'l4', '--token-secret', 'reader'],
    ]);
    assert.equal(planned.exit, 0, planned.stderr);
    ({ commit } = planned.json);
    ({ environment } = planned.json.deployment);
    file = path.join(stage.folder, 'kubeconfig');
    writeFileSync(file, kubeconfigOf(cluster, { token: cluster.token }));
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await cluster?.close();
  });

  const pinned = () => [MODEL, `--revision=${commit}`];
  const chat = (more: Partial<PodWish> = {}) =>
    deploymentObject({
      ...more,
      name: 'chat',
      image: more.image ?? `vllm@sha256:${'a'.repeat(64)}`,
      args: more.args ?? pinned(),
      env: { ...environment, ...more.env },
    });
  const closing = {
    metadata: { name: 'chat', namespace: 'models' },
    spec: {
      podSelector: { matchLabels: { app: 'chat' } },
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ to: [{ podSelector: {} }] }],
    },
  };
  const web = {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { template: { spec: { containers: [{ image: 'nginx' }] } } },
  };
  const look = async (lists: Record<string, object[]>, forbidden: string[] = []) => {
    cluster.options = {
      lists: { [DEPLOYMENTS]: [], [SETS]: [], [POLICIES]: [closing], ...lists },
      forbidden,
    };
    const ran = await stage.ask<Report>(['drift', '--kubeconfig', file]);
    const said = ran.json.rows.flatMap(({ place, differences }) =>
      differences.map((one) => `${place} ${one.kind}: ${one.said}`),
    );
    return { ...ran, text: said.join('\n') };
  };

  it('agrees with what is as recorded, over pages, and passes over what serves no model', async () => {
    const { exit, json, text } = await look({ [DEPLOYMENTS]: [web, web, chat()] });
    assert.equal(exit, 0, text + JSON.stringify(json));
    assert.deepEqual(
      json.rows.map(({ standing }) => standing),
      ['as recorded'],
    );
    assert.deepEqual(cluster.mistakes, []);
  });

  const cases: Readonly<Record<string, readonly [() => Record<string, object[]>, RegExp]>> = {
    'another revision': [
      () => ({ [DEPLOYMENTS]: [chat({ args: [MODEL, `--revision=${'c'.repeat(40)}`] })] }),
      /revision: it serves org\/model@c{40}/,
    ],
    'a branch': [
      () => ({ [DEPLOYMENTS]: [chat({ args: [MODEL] })] }),
      /revision: it serves org\/model@main, not org\/model@/,
    ],
    'the Hub in place of the gateway': [
      () => ({ [DEPLOYMENTS]: [chat({ env: { HF_ENDPOINT: 'https://huggingface.co' } })] }),
      /environment: HF_ENDPOINT=https:\/\/huggingface.co instead of [\s\S]*hub: it reads org\/model from the Hub|hub: it reads/,
    ],
    'code of the model': [
      () => ({ [DEPLOYMENTS]: [chat({ args: [MODEL, `--revision=${commit}`, '--trust-remote-code'] })] }),
      /remote-code: argument=--trust-remote-code/,
    ],
    'another image': [
      () => ({ [DEPLOYMENTS]: [chat({ image: 'vllm:latest' })] }),
      /image: vllm:latest instead of/,
    ],
    'no network policy': [
      () => ({ [DEPLOYMENTS]: [chat()], [POLICIES]: [] }),
      /isolation: nothing keeps it from networks/,
    ],
    'a second network policy that lets out': [
      () => ({
        [DEPLOYMENTS]: [chat()],
        [POLICIES]: [closing, { ...closing, spec: { ...closing.spec, egress: [{}] } }],
      }),
      /isolation: nothing keeps it from networks/,
    ],
    'no model at all': [
      () => ({ [DEPLOYMENTS]: [chat({ args: ['/mnt/elsewhere'] })] }),
      /revision: nothing in it names org\/model@/,
    ],
    'the image of an init container': [
      () => ({ [DEPLOYMENTS]: [chat({ pod: { initContainers: [{ name: 'x', image: 'x:1' }] } })] }),
      /image: x:1 is beside it, and is not on record/,
    ],
    'the image of a sidecar': [
      () => ({
        [DEPLOYMENTS]: [
          deploymentObject({
            name: 'chat',
            pod: {
              containers: [
                { image: `vllm@sha256:${'a'.repeat(64)}`, args: ['--model', MODEL] },
                { image: 'x:1' },
              ],
            },
          }),
        ],
      }),
      /image: x:1 is beside it, and is not on record/,
    ],
    'a variable on record that comes from elsewhere': [
      () => ({
        [DEPLOYMENTS]: [
          chat({ server: { env: [{ name: 'HF_ENDPOINT', valueFrom: { configMapKeyRef: { name: 'x' } } }] } }),
        ],
      }),
      /environment: HF_ENDPOINT comes from elsewhere/,
    ],
    'a variable that is given twice, by the last': [
      () => {
        const twice = [...Object.entries(environment), ['HF_ENDPOINT', 'https://huggingface.co']];
        return {
          [DEPLOYMENTS]: [chat({ server: { env: twice.map(([name, value]) => ({ name, value })) } })],
        };
      },
      /environment: HF_ENDPOINT=https:\/\/huggingface.co instead of/,
    ],
    'an added variable': [
      () => ({ [DEPLOYMENTS]: [chat({ env: { LD_PRELOAD: '/tmp/x.so' } })] }),
      /environment: LD_PRELOAD=\/tmp\/x.so was added/,
    ],
    'a workload that is gone': [() => ({}), /gone: nothing runs there/],
    'a stranger from the Hub': [
      () => ({
        [DEPLOYMENTS]: [chat(), deploymentObject({ name: 'rogue', args: ['--model', 'someone/llama'] })],
      }),
      /models\/rogue stranger: [\s\S]*models\/rogue hub: it reads someone\/llama from the Hub/,
    ],
    'an inference service that reads from the Hub': [
      () => ({
        [DEPLOYMENTS]: [chat()],
        [SERVICES]: [
          {
            metadata: { name: 'llama', namespace: 'models' },
            spec: { predictor: { model: { storageUri: 'hf://someone/llama' } } },
          },
        ],
      }),
      /models\/llama hub: it reads someone\/llama from the Hub/,
    ],
  };
  for (const [title, [lists, expected]] of Object.entries(cases)) {
    it(`names ${title}`, async () => {
      const { exit, text } = await look(lists());
      assert.equal(exit, 1, text);
      assert.match(text, expected);
    });
  }

  it('takes what may not be listed for unknown, and never for gone', async () => {
    const { exit, json, text } = await look({}, [DEPLOYMENTS]);
    assert.equal(exit, 2, text);
    assert.match(json.unread.join(), /may not list deployments\.apps \(status 403\)/);
    const policies = await look({ [DEPLOYMENTS]: [chat()] }, [POLICIES]);
    assert.equal(policies.exit, 2, policies.text);
    assert.match(policies.text, /unread: whether it is kept from networks/);
  });

  it('takes variables that come from elsewhere for unknown', async () => {
    const known = Object.entries(environment).map(([name, value]) => ({ name, value }));
    const elsewhere = { name: 'HF_HUB_X', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
    const wishes: readonly (readonly [Partial<PodWish>, RegExp])[] = [
      [{ server: { env: [...known, elsewhere] } }, /unread: HF_HUB_X comes from elsewhere/],
      [
        { server: { envFrom: [{ configMapRef: { name: 'x' } }] } },
        /unread: variables of server come from .* as a whole \(envFrom\)/,
      ],
    ];
    for (const [wish, expected] of wishes) {
      const { exit, text } = await look({ [DEPLOYMENTS]: [chat(wish)] });
      assert.equal(exit, 2, text);
      assert.match(text, expected);
    }
  });

  it('does not take one variable a thousand times for all that are read', async () => {
    const env = Array.from({ length: 1_001 }, () => ({ name: 'X', value: '1' }));
    const { text } = await look({ [DEPLOYMENTS]: [chat({ server: { env } })] });
    assert.match(text, /unread: it has more containers, variables or words than are read/);
  });

  it('passes over objects of no shape that is known, and never falls over them', async () => {
    const junk = [
      {},
      { metadata: null, spec: 3 },
      { metadata: { name: ['x'], namespace: {} }, spec: { template: { spec: { containers: 'none' } } } },
      {
        metadata: {},
        spec: { template: { spec: { containers: [null, { env: [null, { name: 1 }], args: [2, {}] }] } } },
      },
    ];
    const lists = {
      [SETS]: junk,
      [SERVICES]: [...junk, { spec: { predictor: { model: { storageUri: 7 } } } }],
    };
    const { exit, text } = await look({
      [DEPLOYMENTS]: [...junk, chat()],
      ...lists,
      [POLICIES]: [...junk, closing],
    });
    assert.equal(exit, 0, text);
  });

  it('does not take a workload for whole that has more than is read', async () => {
    const args = [MODEL, `--revision=${commit}`, ...Array.from({ length: 1_100 }, (_, i) => `--x=${i}`)];
    const { exit, text } = await look({ [DEPLOYMENTS]: [chat({ args })] });
    assert.equal(exit, 1, text);
    assert.match(text, /unread: it has more containers, variables or words than are read/);
    assert.match(text, /remote-code: environment=\(more than is read\)/);
  });

  it('is let in by a client certificate as well', async () => {
    const data = (text: string) => Buffer.from(text).toString('base64');
    const { cert, key } = cluster.certificate;
    writeFileSync(
      file,
      kubeconfigOf(cluster, { 'client-certificate-data': data(cert), 'client-key-data': data(key) }),
    );
    const { exit, text } = await look({ [DEPLOYMENTS]: [chat()] });
    assert.equal(exit, 0, text);
  });

  it('names a deployment of another manifest than the one on record', async () => {
    const terminal = { colour: false, live: false, columns: 80, out: () => undefined, err: () => undefined };
    const wire = new Wire({ directory: stage.folder, environment: stage.environment, terminal }, {});
    const gate = await wire.gate();
    const [known] = await deployments(gate);
    assert.ok(known?.body.origin.route === 'vault');
    const { madeAt: _, vault: __, ...body } = known.body;
    const manifest = 'f'.repeat(64) as typeof known.body.origin.manifest;
    await gate.declare<DeploymentBody>({
      ...body,
      place: 'default/models/other',
      origin: { ...known.body.origin, manifest },
    });
    const { text } = await look({ [DEPLOYMENTS]: [chat()] });
    assert.match(
      text,
      /models\/other bytes: record 0 has manifest [0-9a-f]{12}, and ffffffffffff was deployed/,
    );
    const ended = await stage.here(['deploy', 'end', 'vllm', 'default/models/other']);
    assert.equal(ended.exit, 0, ended.stderr);
  });

  const refused: Readonly<Record<string, readonly [() => string, RegExp]>> = {
    'a program that gives credentials': [
      () => kubeconfigOf(cluster, { exec: { command: 'id' } }),
      /gets its credentials from a program/,
    ],
    'no credentials': [() => kubeconfigOf(cluster, {}), /has neither a token nor a client certificate/],
    'a certificate that is not checked': [
      () => kubeconfigOf(cluster, { token: 'x' }, { 'insecure-skip-tls-verify': true }),
      /turns the check of the server’s certificate off/,
    ],
    'a server without TLS': [
      () => kubeconfigOf(cluster, { token: 'x' }, { server: 'http://127.0.0.1:1' }),
      /not reached by https/,
    ],
    'what is no YAML': [() => '{', /is not YAML/],
    'what is no kubeconfig': [() => '[]', /is no kubeconfig/],
    'aliases that grow': [() => 'a: &a [x]\nb: [*a, *a]\n', /is not YAML/],
  };
  for (const [title, [text, expected]] of Object.entries(refused)) {
    it(`refuses ${title}`, async () => {
      writeFileSync(file, text());
      const { exit, stderr } = await stage.here(['drift', '--kubeconfig', file]);
      assert.equal(exit, 78, stderr);
      assert.match(stderr, expected);
    });
  }

  it('says that a server does not answer, and whose certificate is not trusted', async () => {
    writeFileSync(file, kubeconfigOf(cluster, { token: 'x' }, { 'certificate-authority-data': undefined }));
    const { exit, stderr } = await stage.here(['drift', '--kubeconfig', file]);
    assert.equal(exit, 69);
    assert.match(stderr, /the API server https:\/\/127\.0\.0\.1:\d+ did not answer: .*certificate/);
  });
});
