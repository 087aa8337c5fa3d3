/** Making the parts of a design: each is made once, and what stands already must be exactly it. */
import { setTimeout as pause } from 'node:timers/promises';
import { WeighlockError } from '../../base/errors.ts';
import { call, refusalOf } from '../aws-call.ts';
import { ensureRole } from '../aws-role.ts';
import type { Conduct } from '../deploy.ts';
import type { Clients } from './clients.ts';
import { type Design, type Input, requestsOf, secretReference } from './design.ts';

export type Made = 'made' | 'was there';

/** Throws what `ensureRole` throws. */
export async function makeRole(clients: Clients, design: Design): Promise<Made> {
  const { role } = design;
  if (!role) return 'was there';
  const [create, policy] = requestsOf(design);
  if (!create || !policy) throw new Error('a role is made by two calls');
  return ensureRole(clients.reach('iam'), { create: create.input, policy: policy.input, trust: role.trust });
}

/** A role that was just made is not known everywhere in AWS for some seconds. */
const ROLE_ATTEMPTS_MAX = 12;

export async function makeModel(
  clients: Clients,
  design: Design,
  { pollMs, signal }: Conduct,
): Promise<Made> {
  const input = await withToken(clients, design);
  for (let attempts = 1; ; attempts++) {
    try {
      const made = await attempt('sagemaker:CreateModel', clients.createModel(input));
      if (made === 'was there') await requireSameModel(clients, design, input);
      return made;
    } catch (error) {
      const early =
        error instanceof WeighlockError &&
        /assume|role/i.test(error.message) &&
        error.code === 'WL_DEPLOY_FAILED';
      if (!early || !design.role || attempts >= ROLE_ATTEMPTS_MAX) throw error;
      await pause(pollMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted)
        throw new WeighlockError('WL_DEPLOY_FAILED', 'it was stopped before the endpoint was begun');
    }
  }
}

export async function makeConfig(clients: Clients, { config }: Design): Promise<Made> {
  const made = await attempt('sagemaker:CreateEndpointConfig', clients.createConfig(config));
  if (made === 'was there') {
    const there = await clients.describeConfig(config.EndpointConfigName);
    const same =
      isWithin(config.ProductionVariants, there.ProductionVariants) && config.KmsKeyId === there.KmsKeyId;
    if (!same) throw forged('configuration', config.EndpointConfigName);
  }
  return made;
}

export async function makeAlarm(clients: Clients, { alarm }: Design): Promise<void> {
  if (alarm) await call('cloudwatch:PutMetricAlarm', clients.putAlarm(alarm));
}

/** How SageMaker says, in a ValidationException, that a name is taken. */
const EXISTS = /already exist/i;

async function attempt(action: string, answer: Promise<unknown>): Promise<Made> {
  try {
    await answer;
    return 'made';
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal && EXISTS.test(refusal.message)) return 'was there';
    await call(action, Promise.reject(error));
    throw error;
  }
}

/** The token takes the place of its reference only here, on its way into the call. */
async function withToken(clients: Clients, { model, settings, environment }: Design): Promise<Input> {
  const { tokenSecret } = settings;
  if (!tokenSecret) return model;
  const reference = secretReference(tokenSecret);
  if (!Object.values(environment).includes(reference)) return model;
  const token = await clients.secret(tokenSecret);
  if (!/^hf_[A-Za-z0-9]{20,200}$/.test(token))
    throw new WeighlockError(
      'WL_USAGE',
      'the secret of --token-secret does not hold a token of the Hub, and nothing else',
    );
  const Environment = Object.fromEntries(
    Object.entries(environment).map(([key, value]) => [key, value === reference ? token : value]),
  );
  return { ...model, PrimaryContainer: { ...(model.PrimaryContainer as Input), Environment } };
}

/** A model of the same name may be a stranger's, made to be taken for ours. */
async function requireSameModel(clients: Clients, { model }: Design, input: Input): Promise<void> {
  const there = await clients.describeModel(model.ModelName);
  const same =
    isWithin(input.PrimaryContainer, there.PrimaryContainer) &&
    Object.keys((input.PrimaryContainer as Input).Environment as Input).length ===
      Object.keys(there.PrimaryContainer?.Environment ?? {}).length &&
    there.EnableNetworkIsolation === input.EnableNetworkIsolation &&
    there.ExecutionRoleArn === input.ExecutionRoleArn &&
    isWithin(input.VpcConfig, there.VpcConfig);
  if (!same) throw forged('model', model.ModelName);
}

function forged(what: string, name: string): WeighlockError {
  return new WeighlockError(
    'WL_DEPLOY_EXISTS',
    `the ${what} ${name} is there, and is not what it is named after`,
    {
      hint: 'Somebody else made it: find out who, delete it, then run the command again.',
    },
  );
}

/** Whether all of ours stands in theirs with the same values; AWS adds defaults of its own. The depth is that of ours. */
function isWithin(ours: unknown, theirs: unknown): boolean {
  if (ours === undefined) return theirs === undefined;
  if (typeof ours !== 'object' || ours === null) return ours === theirs;
  if (typeof theirs !== 'object' || theirs === null) return false;
  if (Array.isArray(ours) && (!Array.isArray(theirs) || ours.length !== theirs.length)) return false;
  return Object.entries(ours).every(([key, value]) => isWithin(value, (theirs as Input)[key]));
}
