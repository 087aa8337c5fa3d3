/** The endpoints of SageMaker that run in an account, as far down as the model's files, image and variables. */
import {
  type ContainerDefinition,
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  ListEndpointsCommand,
  type ProductionVariant,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { missingPermission } from '../checks/permission.ts';
import { asked, type Refusal } from '../store/answer.ts';

/** Endpoints that are looked at: SageMaker's own quota is some hundreds an account and region. */
const ENDPOINTS_MAX = 2_000;
const PAGE = 100;
/** Variants of an endpoint, containers of a model: SageMaker takes ten and fifteen. */
const PARTS_MAX = 50;

export interface RunningContainer {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where its files come from: prefixes, objects, packed archives. */
  readonly uris: readonly string[];
}

export interface RunningVariant {
  readonly name: string;
  readonly model: string;
  readonly instances: number;
  readonly isolated: boolean;
  readonly subnets: readonly string[];
  readonly containers: readonly RunningContainer[];
}

export interface RunningEndpoint {
  readonly arn: string;
  readonly name: string;
  readonly status: string;
  readonly variants: readonly RunningVariant[];
  /** What of it could not be read. An endpoint with any is not known to be sound. */
  readonly unread: readonly string[];
}

export type Endpoints =
  | { readonly kind: 'endpoints'; readonly endpoints: readonly RunningEndpoint[] }
  /** The list itself could not be had, or not all of it. */
  | { readonly kind: 'unknown'; readonly said: string };

export async function runningEndpoints(client: SageMakerClient): Promise<Endpoints> {
  const endpoints: RunningEndpoint[] = [];
  let NextToken: string | undefined;
  do {
    const page = await asked(
      client.send(new ListEndpointsCommand({ MaxResults: PAGE, ...(NextToken && { NextToken }) })),
    );
    if (page.kind !== 'answer')
      return { kind: 'unknown', said: missingPermission(['sagemaker:ListEndpoints'], page) };
    for (const { EndpointName: name = '', EndpointArn: arn = '' } of page.answer.Endpoints ?? []) {
      if (endpoints.length >= ENDPOINTS_MAX)
        return { kind: 'unknown', said: `there are more than ${ENDPOINTS_MAX} endpoints` };
      endpoints.push(await describe(client, { name, arn }));
    }
    NextToken = page.answer.NextToken;
  } while (NextToken !== undefined);
  return { kind: 'endpoints', endpoints };
}

async function describe(
  client: SageMakerClient,
  { name, arn }: { readonly name: string; readonly arn: string },
): Promise<RunningEndpoint> {
  const unread: string[] = [];
  const missing = (permission: string, refusal: Refusal) => {
    unread.push(missingPermission([permission], refusal));
    return { arn, name, status: 'unknown', variants: [], unread };
  };
  const endpoint = await asked(client.send(new DescribeEndpointCommand({ EndpointName: name })));
  if (endpoint.kind !== 'answer') return missing('sagemaker:DescribeEndpoint', endpoint);
  const { EndpointStatus: status = 'unknown', EndpointConfigName } = endpoint.answer;
  const config = await asked(client.send(new DescribeEndpointConfigCommand({ EndpointConfigName })));
  if (config.kind !== 'answer') return missing('sagemaker:DescribeEndpointConfig', config);
  const { ProductionVariants: planned = [], ShadowProductionVariants: shadows = [] } = config.answer;
  if (planned.length + shadows.length > PARTS_MAX) unread.push(`it has more than ${PARTS_MAX} variants`);
  const variants: RunningVariant[] = [];
  for (const variant of [...planned, ...shadows].slice(0, PARTS_MAX)) {
    const running = await describeVariant(client, variant);
    if (typeof running === 'string') unread.push(running);
    else variants.push(running);
  }
  return { arn, name, status, variants, unread };
}

/** The variant, or why it is not known. */
async function describeVariant(
  client: SageMakerClient,
  {
    VariantName: name = '',
    ModelName: model,
    InitialInstanceCount: count,
    ServerlessConfig,
  }: ProductionVariant,
): Promise<RunningVariant | string> {
  if (model === undefined) return `variant ${name} runs inference components, which are not looked at`;
  const result = await asked(client.send(new DescribeModelCommand({ ModelName: model })));
  if (result.kind !== 'answer') return missingPermission(['sagemaker:DescribeModel'], result);
  const { PrimaryContainer, Containers = [], EnableNetworkIsolation, VpcConfig } = result.answer;
  const containers = [...(PrimaryContainer ? [PrimaryContainer] : []), ...Containers];
  if (containers.length > PARTS_MAX) return `model ${model} has more than ${PARTS_MAX} containers`;
  const packaged = containers.find(({ ModelPackageName: packageName }) => packageName !== undefined);
  if (packaged) return `model ${model} is of a model package, which is not looked at`;
  return {
    name,
    model,
    // A serverless variant has as many as are asked for.
    instances: ServerlessConfig === undefined ? (count ?? 0) : Number.POSITIVE_INFINITY,
    isolated: EnableNetworkIsolation === true,
    subnets: VpcConfig?.Subnets ?? [],
    containers: containers.map(containerOf),
  };
}

function containerOf(container: ContainerDefinition): RunningContainer {
  const { ModelDataUrl: url, ModelDataSource: source, AdditionalModelDataSources: more = [] } = container;
  const uris = [url, source?.S3DataSource?.S3Uri, ...more.map((other) => other.S3DataSource?.S3Uri)];
  return {
    image: container.Image ?? '',
    environment: container.Environment ?? {},
    uris: uris.filter((uri) => uri !== undefined),
  };
}
