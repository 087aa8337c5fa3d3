/**
 * A stand-in of SageMaker's API on loopback, for what moto does not do: every instance type, states over time, updates,
 * failures and rollbacks. Requests are held to the service model and to the rules that AWS writes down beside it; what it does
 * not know is refused. Time passes by being asked: each description of an endpoint is one step.
 */
import type http from 'node:http';
import { type JsonAnswer, JsonStandIn } from './json-stand-in.ts';
import { ServiceModel } from './service-model.ts';
import { ACCOUNT, REGION } from './subjects.ts';

/** How the platform behaves from now on. */
export interface Behaviour {
  /** Steps that a creation or an update takes. */
  steps: number;
  creation?: keyof typeof REASONS;
  update?: keyof typeof REASONS;
  /** Whether going back after a failed update fails too. */
  stuck?: boolean;
  /** Operations that the caller may not call; or what is missing for one, as AWS names it. */
  readonly denied: Map<string, string>;
  /** Instances that the account may run, by type; more than enough of those that are not named. */
  readonly quotas: Map<string, number>;
  /** Types that the region does not have. */
  readonly absent: Set<string>;
  /** CreateModel calls that still do not know the new role. */
  unknownRole: number;
}

/** Reasons in the words of SageMaker. */
export const REASONS = {
  image:
    'The image is not found in the repository. Please ensure that the role can pull the image from Amazon ECR.',
  health:
    'The primary container for production variant main did not pass the ping health check. Please check CloudWatch logs for this endpoint.',
  capacity: 'Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.',
  data: 'Failed to download model data from S3: access denied.',
  alarm:
    'One or more alarms listed in the deployment configuration are in the alarm state. The deployment is rolled back.',
} as const;

type Json = Record<string, unknown>;

class Refused extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

const invalid = (message: string) => new Refused('ValidationException', message);

interface Endpoint {
  readonly name: string;
  readonly tags: Json[];
  configName: string;
  status: string;
  reason?: string;
  stepsLeft: number;
  /** What it becomes when its steps are over. */
  next?: () => void;
}

/** Families whose disk is local: no size and no key of it can be chosen. */
const LOCAL_DISK = /^ml\.(g4dn|g5|g6|g6e|p4d|p4de|p5|p5e|p5en|p6-b200)\./;

export class SageMakerStandIn extends JsonStandIn {
  readonly behaviour: Behaviour = {
    steps: 2,
    denied: new Map(),
    quotas: new Map(),
    absent: new Set(),
    unknownRole: 0,
  };
  /** Operations that were called, in order. */
  readonly calls: string[] = [];
  readonly inputs: { readonly operation: string; readonly input: Readonly<Record<string, unknown>> }[] = [];
  readonly models = new Map<string, Json>();
  readonly configs = new Map<string, Json>();
  readonly endpoints = new Map<string, Endpoint>();
  readonly #model = new ServiceModel('sagemaker');

  static start(): Promise<SageMakerStandIn> {
    return new SageMakerStandIn().listen();
  }

  /** An endpoint of somebody else. */
  addStranger(name: string): void {
    this.endpoints.set(name, { name, tags: [], configName: 'theirs', status: 'InService', stepsLeft: 0 });
  }

  protected override respond(request: http.IncomingMessage, text: string): JsonAnswer {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'r' };
    return { headers, ...this.#outcome(request, text) };
  }

  #outcome({ headers, method }: http.IncomingMessage, text: string): { status: number; body: unknown } {
    try {
      const signed = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/sagemaker\/aws4_request/;
      if (method !== 'POST' || headers['content-type'] !== 'application/x-amz-json-1.1')
        throw invalid('not of the protocol');
      if (!signed.test(headers.authorization ?? ''))
        throw new Refused('MissingAuthenticationTokenException', 'not signed');
      const operation = /^SageMaker\.(\w+)$/.exec(String(headers['x-amz-target']))?.[1] ?? '';
      this.calls.push(operation);
      const input = JSON.parse(text) as Json;
      this.inputs.push({ operation, input });
      const [problem] = this.#model.problems(operation, input);
      if (problem !== undefined) throw invalid(problem);
      const missing = this.behaviour.denied.get(operation);
      if (missing !== undefined)
        throw new Refused(
          'AccessDeniedException',
          `User: arn:aws:iam::${ACCOUNT}:user/deployer is not authorized to perform: ${missing} on resource: * because no identity-based policy allows the ${missing} action`,
        );
      return { status: 200, body: this.#run(operation, input) };
    } catch (error) {
      if (error instanceof Refused)
        return { status: 400, body: { __type: error.type, message: error.message } };
      return { status: 500, body: { __type: 'InternalFailure', message: String(error) } };
    }
  }

  #run(operation: string, input: Json): unknown {
    const name = (key: string) => String(input[key]);
    switch (operation) {
      case 'CreateModel':
        return this.#createModel(input);
      case 'CreateEndpointConfig':
        return this.#createConfig(input);
      case 'CreateEndpoint':
        return this.#createEndpoint(input);
      case 'UpdateEndpoint':
        return this.#updateEndpoint(input);
      case 'DescribeModel':
        return {
          ...found(this.models, name('ModelName'), 'model'),
          ModelArn: arn('model', name('ModelName')),
          CreationTime: 0,
        };
      case 'DescribeEndpointConfig':
        return {
          ...found(this.configs, name('EndpointConfigName'), 'endpoint configuration'),
          EndpointConfigArn: arn('endpoint-config', name('EndpointConfigName')),
          CreationTime: 0,
        };
      case 'DescribeEndpoint':
        return this.#describe(name('EndpointName'));
      case 'ListTags':
        return {
          Tags:
            [...this.endpoints.values()].find((one) => arn('endpoint', one.name) === input.ResourceArn)
              ?.tags ?? [],
        };
      case 'DeleteModel':
        return this.#delete(this.models, name('ModelName'), 'model');
      case 'DeleteEndpointConfig':
        return this.#delete(this.configs, name('EndpointConfigName'), 'endpoint configuration');
      case 'DeleteEndpoint':
        if (found(this.endpoints, name('EndpointName'), 'endpoint').status.endsWith('ing'))
          throw invalid('Cannot delete in-progress endpoint');
        return this.#delete(this.endpoints, name('EndpointName'), 'endpoint');
      default:
        throw new Refused('UnknownOperationException', operation);
    }
  }

  #createModel(input: Json): unknown {
    const { ModelName, ExecutionRoleArn, PrimaryContainer } = input as Record<string, string> & Json;
    if (!ExecutionRoleArn) throw invalid('ExecutionRoleArn is missing');
    if (this.behaviour.unknownRole > 0) {
      this.behaviour.unknownRole -= 1;
      throw invalid(
        `Could not assume role ${ExecutionRoleArn}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.`,
      );
    }
    if (this.models.has(String(ModelName)))
      throw invalid(`Cannot create already existing model "${arn('model', String(ModelName))}".`);
    const source = (PrimaryContainer as Json | undefined)?.ModelDataSource as
      | { S3DataSource: Json }
      | undefined;
    if (
      source &&
      source.S3DataSource.S3DataType === 'S3Prefix' &&
      !String(source.S3DataSource.S3Uri).endsWith('/')
    )
      throw invalid('An S3Prefix must end with a slash');
    this.models.set(String(ModelName), input);
    return { ModelArn: arn('model', String(ModelName)) };
  }

  #createConfig(input: Json): unknown {
    const name = String(input.EndpointConfigName);
    if (this.configs.has(name))
      throw invalid(
        `Cannot create already existing endpoint configuration "${arn('endpoint-config', name)}".`,
      );
    for (const variant of input.ProductionVariants as Json[]) {
      found(this.models, String(variant.ModelName), 'model');
      if (!LOCAL_DISK.test(String(variant.InstanceType))) continue;
      if (input.KmsKeyId !== undefined)
        throw invalid(`KmsKeyId is not supported for ${variant.InstanceType}`);
      if (variant.VolumeSizeInGB !== undefined)
        throw invalid(`VolumeSizeInGB parameter is not allowed for ${variant.InstanceType}`);
    }
    this.configs.set(name, input);
    return { EndpointConfigArn: arn('endpoint-config', name) };
  }

  #createEndpoint(input: Json): unknown {
    const name = String(input.EndpointName);
    if (this.endpoints.has(name))
      throw invalid(`Cannot create already existing endpoint "${arn('endpoint', name)}".`);
    const configName = String(input.EndpointConfigName);
    this.#requireCapacity(configName);
    const made: Endpoint = {
      name,
      tags: (input.Tags as Json[] | undefined) ?? [],
      configName,
      status: 'Creating',
      stepsLeft: this.behaviour.steps,
    };
    const fault = this.behaviour.creation ?? (this.#reachesForTheHub(configName) ? 'health' : undefined);
    made.next = () => {
      made.status = fault ? 'Failed' : 'InService';
      if (fault) made.reason = REASONS[fault];
    };
    this.endpoints.set(name, made);
    return { EndpointArn: arn('endpoint', name) };
  }

  #updateEndpoint(input: Json): unknown {
    const endpoint = found(this.endpoints, String(input.EndpointName), 'endpoint');
    if (endpoint.status !== 'InService') throw invalid('Cannot update in-progress endpoint');
    const next = String(input.EndpointConfigName);
    const config = found(this.configs, next, 'endpoint configuration');
    requireDeployment(input.DeploymentConfig as Json | undefined, config);
    this.#requireCapacity(next);
    const { update, stuck, steps } = this.behaviour;
    endpoint.status = 'Updating';
    endpoint.stepsLeft = steps;
    endpoint.next = () => {
      if (!update) {
        endpoint.status = 'InService';
        endpoint.configName = next;
        return;
      }
      endpoint.status = 'RollingBack';
      endpoint.stepsLeft = steps;
      endpoint.next = () => {
        endpoint.status = stuck ? 'UpdateRollbackFailed' : 'InService';
        endpoint.reason = REASONS[update];
      };
    };
    return { EndpointArn: arn('endpoint', endpoint.name) };
  }

  /** Under isolation a container that wants the Hub never answers. */
  #reachesForTheHub(configName: string): boolean {
    const [variant] = found(this.configs, configName, 'endpoint configuration').ProductionVariants as Json[];
    const model = found(this.models, String(variant?.ModelName), 'model');
    const { Environment = {} } = model.PrimaryContainer as { Environment?: Record<string, string> };
    const wanted = Environment.HF_MODEL_ID ?? Environment.SM_VLLM_MODEL ?? '/opt/ml/model';
    return model.EnableNetworkIsolation === true && !wanted.startsWith('/');
  }

  #requireCapacity(configName: string): void {
    for (const variant of found(this.configs, configName, 'endpoint configuration')
      .ProductionVariants as Json[]) {
      const type = String(variant.InstanceType);
      if (this.behaviour.absent.has(type))
        throw invalid(`The instance type ${type} is not available in this region`);
      const quota = this.behaviour.quotas.get(type);
      if (quota !== undefined && Number(variant.InitialInstanceCount) > quota)
        throw new Refused(
          'ResourceLimitExceeded',
          `The account-level service limit '${type} for endpoint usage' is ${quota} Instances`,
        );
    }
  }

  #describe(name: string): unknown {
    const endpoint = found(this.endpoints, name, 'endpoint');
    if (endpoint.stepsLeft > 0) {
      endpoint.stepsLeft -= 1;
      const { next } = endpoint;
      if (endpoint.stepsLeft === 0) next?.();
    }
    return {
      EndpointName: name,
      EndpointArn: arn('endpoint', name),
      EndpointConfigName: endpoint.configName,
      EndpointStatus: endpoint.status,
      ...(endpoint.reason && { FailureReason: endpoint.reason }),
      CreationTime: 0,
      LastModifiedTime: 0,
    };
  }

  #delete(from: Map<string, unknown>, name: string, what: string): unknown {
    found(from, name, what);
    from.delete(name);
    return {};
  }
}

/** Rules beside the model: exactly one way, its steps at most half of the fleet. */
function requireDeployment(deployment: Json | undefined, config: Json): void {
  if (!deployment) return;
  const { BlueGreenUpdatePolicy: blueGreen, RollingUpdatePolicy: rolling } = deployment as Record<
    string,
    Json | undefined
  >;
  if ((blueGreen === undefined) === (rolling === undefined))
    throw invalid('exactly one update policy is needed');
  const [variant] = config.ProductionVariants as Json[];
  const count = Number(variant?.InitialInstanceCount);
  const routing = blueGreen?.TrafficRoutingConfiguration as Json | undefined;
  for (const size of [rolling?.MaximumBatchSize, routing?.CanarySize, routing?.LinearStepSize] as (
    | Json
    | undefined
  )[]) {
    if (size?.Type === 'INSTANCE_COUNT' && Number(size.Value) > count / 2)
      throw invalid(`a step of ${size.Value} is more than half of ${count} instances`);
  }
  if (routing?.Type === 'CANARY' && !routing.CanarySize) throw invalid('a canary has a size');
}

function found<T>(from: ReadonlyMap<string, T>, name: string, what: string): T {
  const there = from.get(name);
  if (there === undefined) throw invalid(`Could not find ${what} "${name}".`);
  return there;
}

function arn(kind: string, name: string): string {
  return `arn:aws:sagemaker:${REGION}:${ACCOUNT}:${kind}/${name.toLowerCase()}`;
}
