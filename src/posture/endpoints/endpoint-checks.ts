/** Running endpoints, held against the vault's records and against what a serving container should be. */
import { WeighlockError } from '../../base/errors.ts';
import { Registry } from '../../registry/registry.ts';
import { verifyRevision } from '../../registry/verify-revision.ts';
import type { RevisionId } from '../../vault/layout.ts';
import { matches } from '../bucket/policy-reading.ts';
import { ENDPOINT_CHECKS } from '../checks/catalog.ts';
import {
  type Answers,
  allOf,
  type CheckId,
  inapplicable,
  judged,
  type PostureAnswer,
  passed,
  type Subject,
  undecided,
  unknown,
} from '../checks/check.ts';
import type { Neighbours, Surroundings } from '../surroundings.ts';
import { hubIds, remoteCode } from './environment.ts';
import {
  type RunningContainer,
  type RunningEndpoint,
  type RunningVariant,
  runningEndpoints,
} from './sagemaker.ts';
import { vaultUri } from './vault-uri.ts';

export async function endpointAnswers(around: Surroundings): Promise<Answers> {
  const all: CheckId[] = [...ENDPOINT_CHECKS, 'vpc-s3-endpoint'];
  if (around.neighbours === undefined)
    return allOf(all, inapplicable('this store has no SageMaker that is known here'));
  const found = await runningEndpoints(around.neighbours.sagemaker);
  if (found.kind === 'unknown') return allOf(all, unknown(found.said));
  const endpoints = found.endpoints.filter(
    ({ arn }) => !around.accepted.some((pattern) => matches(pattern, arn)),
  );
  if (endpoints.length === 0) return allOf(all, passed('no endpoint runs in this region'));
  const answers: Answers = {};
  for (const id of ENDPOINT_CHECKS) answers[id] = await ask(id, endpoints, around);
  answers['vpc-s3-endpoint'] = await ofVpcs(around.neighbours, endpoints, around);
  return answers;
}

type EndpointCheckId = (typeof ENDPOINT_CHECKS)[number];

/** One question about every endpoint; what could not be read of one is never passed. */
async function ask(
  id: EndpointCheckId,
  endpoints: readonly RunningEndpoint[],
  around: Surroundings,
): Promise<PostureAnswer> {
  const wrong: Subject[] = [];
  const open: Subject[] = [];
  for (const endpoint of endpoints) {
    const resource = endpoint.arn;
    for (const said of endpoint.unread) open.push({ resource, said });
    for (const variant of endpoint.variants) {
      const answers = id === 'endpoint-record' ? await records(variant, around) : [...plain(id, variant)];
      for (const answer of answers) {
        const { said, open: isOpen } = typeof answer === 'string' ? { said: answer, open: false } : answer;
        (isOpen ? open : wrong).push({ resource, said });
      }
    }
  }
  if (wrong.length === 0 && open.length > 0) return undecided(open);
  return judged(wrong, `${endpoints.length} looked at`);
}

function* plain(id: Exclude<EndpointCheckId, 'endpoint-record'>, variant: RunningVariant): Iterable<string> {
  const { name, model } = variant;
  switch (id) {
    case 'endpoint-isolation':
      if (!variant.isolated) yield `model ${model} has no network isolation`;
      return;
    case 'endpoint-vpc':
      if (variant.subnets.length === 0) yield `model ${model} has no VpcConfig`;
      return;
    case 'endpoint-count':
      if (variant.instances < 2) yield `variant ${name} has ${variant.instances} instance`;
      return;
    case 'endpoint-image':
    case 'endpoint-hub':
    case 'endpoint-remote-code':
      for (const container of variant.containers) yield* ofContainer(id, container);
      return;
  }
}

function* ofContainer(
  id: 'endpoint-image' | 'endpoint-hub' | 'endpoint-remote-code',
  { image, environment }: RunningContainer,
): Iterable<string> {
  if (id === 'endpoint-image') {
    if (!/@sha256:[0-9a-f]{64}$/.test(image)) yield `${image} is named by a tag`;
    return;
  }
  const told = id === 'endpoint-hub' ? hubIds(environment) : remoteCode(environment);
  for (const { variable, value } of told) yield `${variable}=${value}`;
}

type Said = string | { readonly said: string; readonly open: true };

/** What is wrong with the records of what a variant serves. */
async function records({ model, containers }: RunningVariant, around: Surroundings): Promise<Said[]> {
  const uris = containers.flatMap((container) => container.uris);
  if (uris.length === 0)
    return [`model ${model} has no files in S3: what it runs comes from its image or a network`];
  const said: Said[] = [];
  for (const uri of uris) {
    const at = vaultUri(uri, around.place);
    if (at.kind === 'elsewhere') said.push(`${uri} is not in the vault`);
    else if (at.kind === 'within') said.push(`${uri} is not one revision of the vault`);
    else said.push(...(await recordOf(at.id, around)));
  }
  return said;
}

async function recordOf(id: RevisionId, { registry }: Surroundings): Promise<Said[]> {
  if (!(registry instanceof Registry)) return [{ said: registry.absent, open: true }];
  const named = `${id.model}@${id.commit.slice(0, 12)}`;
  try {
    const { verification } = await verifyRevision(
      registry,
      { model: id.model, revision: id.commit },
      { depth: 'list' },
    );
    return verification.problems.slice(0, 1).map(({ object, problem }) => `${named}: ${object} ${problem}`);
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    // A store that does not answer says nothing about the record.
    const open = error.code === 'WL_VAULT_UNAVAILABLE' || error.code === 'WL_VAULT_DENIED';
    return open ? [{ said: error.message, open }] : [error.message];
  }
}

/** EC2's client is by far the largest: it is loaded where there is something to ask it. */
async function ofVpcs(
  { ec2 }: Neighbours,
  endpoints: readonly RunningEndpoint[],
  { place }: Surroundings,
): Promise<PostureAnswer> {
  const subnets = new Set(
    endpoints.flatMap(({ variants }) => variants.flatMap((variant) => variant.subnets)),
  );
  if (subnets.size === 0) return inapplicable('no running endpoint stands in a VPC');
  const { gatewayEndpoints } = await import('./gateway-endpoints.ts');
  return gatewayEndpoints(await ec2(), [...subnets], place);
}
