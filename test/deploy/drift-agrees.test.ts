/** What a plan for Kubernetes writes is what drift finds: a cluster that runs it as it was written differs in nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { DeploymentBody } from '../../src/attest/statement.ts';
import type { Order, Plan, Target } from '../../src/deploy/deploy.ts';
import { KserveTarget } from '../../src/deploy/kubernetes/kserve.ts';
import { VllmTarget } from '../../src/deploy/kubernetes/vllm.ts';
import { compare } from '../../src/drift/compare.ts';
import type { KubernetesApi } from '../../src/drift/kubernetes/api.ts';
import { kubernetesWorkloads } from '../../src/drift/kubernetes/workloads.ts';
import type { Place } from '../../src/posture/bucket/place.ts';
import { orderOf, subjectNamed } from './subjects.ts';

const PLACE: Place = { bucket: 'acme-models', prefix: '' };
const NAMED = {
  image: `registry.example/vllm-openai@sha256:${'a'.repeat(64)}`,
  weighlockImage: `registry.example/weighlock@sha256:${'b'.repeat(64)}`,
  egressCidr: ['10.1.0.0/16'],
  tokenSecret: 'reader',
};

interface Item {
  readonly kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: what stands in a manifest is what is changed here
  readonly spec: any;
}

const PLANS: readonly (readonly [string, Target, 'vault' | 'hub', Order['flags']])[] = [
  ['vllm by an init container', new VllmTarget(), 'vault', { via: 'init' }],
  ['vllm by the streamer', new VllmTarget(), 'vault', { via: 'streamer' }],
  ['vllm by the gateway', new VllmTarget(), 'vault', { via: 'gateway', gateway: 'https://gateway.example' }],
  ['vllm from the Hub', new VllmTarget(), 'hub', {}],
  ['KServe by Weighlock', new KserveTarget(), 'vault', {}],
  ['KServe by itself', new KserveTarget(), 'vault', { via: 's3' }],
  ['KServe from the Hub', new KserveTarget(), 'hub', {}],
];

/** A cluster in which exactly these objects stand. */
function clusterOf(items: readonly Item[]): KubernetesApi {
  const list = async (path: string) => {
    const kind = {
      deployments: 'Deployment',
      inferenceservices: 'InferenceService',
      networkpolicies: 'NetworkPolicy',
    }[path.split('/').at(-1) ?? ''];
    return { kind: 'objects', objects: items.filter((item) => item.kind === kind) };
  };
  return { list } as unknown as KubernetesApi;
}

async function differences(plan: Plan, change: (item: Item) => void = () => {}): Promise<string[]> {
  const items = plan.files.flatMap(({ text }) =>
    parseAllDocuments(text).map((document) => document.toJS() as Item),
  );
  items.forEach(change);
  const { workloads } = await kubernetesWorkloads(clusterOf(items), 'default');
  const workload = workloads.find(({ place }) => place === plan.deployment.place);
  assert.ok(workload, `nothing stands at ${plan.deployment.place}`);
  assert.equal(workload.target, plan.deployment.target);
  const { subject } = plan;
  const body = {
    ...plan.deployment,
    model: subject.model,
    commit: subject.commit,
    origin: subject.origin,
    notGuaranteed: plan.notGuaranteed,
  } as unknown as DeploymentBody;
  return compare(body, workload, PLACE).map(({ kind, said }) => `${kind}: ${said}`);
}

describe('drift of what was planned', () => {
  it('finds another image of the container that verifies, and that it is gone', async () => {
    const plan = await new VllmTarget().plan(orderOf(subjectNamed('Llama-8B', 'vault'), NAMED));
    const swapped = await differences(plan, ({ spec }) => {
      for (const one of spec?.template?.spec.initContainers ?? []) one.image = 'copies-anything:1';
    });
    assert.deepEqual(swapped, [
      'image: copies-anything:1 is beside it, and is not on record',
      `image: ${NAMED.weighlockImage} is not beside it any more`,
    ]);
    const gone = await differences(plan, ({ spec }) => {
      delete spec?.template?.spec.initContainers;
    });
    assert.ok(gone.includes(`image: ${NAMED.weighlockImage} is not beside it any more`), gone.join('\n'));
  });

  for (const [title, target, route, flags] of PLANS) {
    const planOf = () => target.plan(orderOf(subjectNamed('Llama-8B', route), { ...NAMED, ...flags }));

    it(`finds no difference: ${title}`, async () => {
      assert.deepEqual(await differences(await planOf()), []);
    });

    it(`finds that no model is named any more: ${title}`, async () => {
      const found = await differences(await planOf(), ({ spec }) => {
        const { containers = [], initContainers } = spec?.template?.spec ?? {};
        for (const container of [...containers, ...(initContainers ?? []), spec?.predictor?.model ?? {}]) {
          container.args = ['/mnt/elsewhere'];
          delete container.storageUri;
        }
      });
      assert.match(found.join('\n'), /^revision: nothing in it names /m);
    });

    it(`finds another commit, and code of the repo: ${title}`, async () => {
      const found = await differences(await planOf(), ({ kind, spec }) => {
        const pod = spec?.template?.spec ?? {};
        const containers =
          kind === 'InferenceService'
            ? [spec.predictor.model]
            : [...(pod.containers ?? []), ...(pod.initContainers ?? [])];
        for (const container of containers) {
          const other = (text: string) =>
            text.replaceAll('0123456789abcdef0123456789abcdef01234567', 'f'.repeat(40));
          if (container.args) container.args = [...container.args.map(other), '--trust-remote-code'];
          if (container.storageUri) container.storageUri = other(container.storageUri);
        }
      });
      assert.ok(
        found.some((one) => one.startsWith('revision: ')),
        found.join('\n'),
      );
      assert.ok(
        found.some((one) => one.startsWith('remote-code: ')),
        found.join('\n'),
      );
    });
  }
});
