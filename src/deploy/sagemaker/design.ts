/**
 * The design of one endpoint, as the inputs of the calls that make it. Models and configurations are named by what is in them,
 * so that a second run finds its own, and a changed one never meets an old one.
 */
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { json, type PolicyDocument, revisionRoleName, trustOf } from '../aws.ts';
import type { Order, PlannedRequest, Subject } from '../deploy.ts';
import { type Need, needOf, shareOf } from '../size.ts';
import { environmentOf } from './container.ts';
import { type Choice, chooseInstance, type Instance } from './instances.ts';
import { requirePrefix } from './prefix.ts';
import { deployerPolicy, executionPolicy, SAGEMAKER_SERVICE } from './roles.ts';
import { type Rollout, rolloutOf, type Times, timesOf } from './rollout.ts';
import type { Settings } from './settings.ts';

export type Input = Readonly<Record<string, unknown>>;

export interface Design {
  readonly subject: Subject;
  readonly settings: Settings;
  readonly need: Need | undefined;
  readonly choice: Choice;
  readonly times: Times;
  readonly rollout: Rollout;
  readonly environment: Readonly<Record<string, string>>;
  readonly isolated: boolean;
  readonly roleArn: string;
  readonly endpointArn: string;
  /** Absent where the role is there already. */
  readonly role: { readonly name: string; readonly trust: PolicyDocument } | undefined;
  readonly execution: PolicyDocument;
  readonly deployer: PolicyDocument;
  /** Absent where alarms were named. */
  readonly alarm: Input | undefined;
  readonly model: Input & { readonly ModelName: string };
  readonly config: Input & { readonly EndpointConfigName: string };
  readonly endpoint: Input & { readonly EndpointName: string; readonly EndpointConfigName: string };
  readonly update: Input;
  readonly tags: readonly Tag[];
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export const VARIANT = 'main';
export const VAULT_TAG = 'weighlock:vault';

/** Throws WL_USAGE, WL_DEPLOY_REFUSED, WL_DEPLOY_TOO_LARGE. */
export function designOf(order: Order, settings: Settings): Design {
  const { subject, sizing } = order;
  const { place, name, vpc, count } = settings;
  const { partition, region, account } = place;
  const isolated = subject.origin.route === 'vault';
  if (subject.origin.route === 'vault') requirePrefix(subject, subject.origin.uri);
  const need = needOf(subject, sizing);
  const choice = chooseInstance(subject, need, settings.instanceType);
  const { instance } = choice;
  const times = timesOf(subject);
  const environment = told(order, settings, { need, instance, times });
  const execution = executionPolicy(subject, settings);
  const roleName = revisionRoleName(subject.model, 'sagemaker', execution);
  const roleArn = settings.roleArn ?? `arn:${partition}:iam::${account}:role/${roleName}`;
  const tags = tagsOf(subject);
  const alarm = settings.alarms.length > 0 ? undefined : alarmOf(name);
  const alarms = alarm ? [alarm.AlarmName] : settings.alarms;
  const rollout = rolloutOf({
    weightsBytes: subject.weights.bytes,
    count,
    asked: settings.update,
    alarms,
    times,
  });
  const model = named('ModelName', name, {
    ExecutionRoleArn: roleArn,
    EnableNetworkIsolation: isolated,
    ...(vpc && { VpcConfig: vpc }),
    PrimaryContainer: { Image: settings.image.uri, Environment: environment, ...dataSource(subject) },
    Tags: tags,
  });
  const config = named('EndpointConfigName', name, {
    ProductionVariants: [variantOf(settings, { modelName: model.ModelName, choice, times })],
    ...(instance.nvmeBytes === 0 && settings.volumeKey && { KmsKeyId: settings.volumeKey }),
    Tags: tags,
  });
  const pointing = { EndpointName: name, EndpointConfigName: config.EndpointConfigName };
  return {
    subject,
    settings,
    need,
    choice,
    times,
    rollout,
    environment,
    isolated,
    roleArn,
    endpointArn: `arn:${partition}:sagemaker:${region}:${account}:endpoint/${name}`,
    role: settings.roleArn ? undefined : { name: roleName, trust: trustOf(SAGEMAKER_SERVICE, place) },
    execution,
    deployer: deployerPolicy(subject, settings, {
      roleArn,
      makesRole: !settings.roleArn,
      alarmArn: alarm && `arn:${partition}:cloudwatch:${region}:${account}:alarm:${alarm.AlarmName}`,
    }),
    alarm,
    model,
    config,
    endpoint: { ...pointing, Tags: tags },
    update: { ...pointing, DeploymentConfig: rollout.config },
    tags,
  };
}

/** What the container is told, for the GPUs that share the model. */
function told(
  { subject, remoteCode }: Order,
  { container, tokenSecret }: Settings,
  { need, instance, times }: { need: Need | undefined; instance: Instance; times: Times },
): Readonly<Record<string, string>> {
  const gpus = need ? shareOf(need, instance.gpus).gpus : instance.gpus;
  const token = subject.origin.route === 'hub' && tokenSecret ? secretReference(tokenSecret) : undefined;
  const { startupSeconds } = times;
  return environmentOf({ kind: container, subject, need, gpus, remoteCode, token, startupSeconds });
}

/** The calls in their order; the last two are alternatives. */
export function requestsOf(design: Design): PlannedRequest[] {
  const { role, execution, alarm, model, config, endpoint, update, tags } = design;
  const call = (service: string, operation: string, input: Input) => ({ service, operation, input });
  return [
    ...(role
      ? [
          call('iam', 'CreateRole', {
            RoleName: role.name,
            AssumeRolePolicyDocument: JSON.stringify(role.trust),
            Description: 'Weighlock: reads exactly one revision, for one endpoint',
            Tags: tags,
          }),
          call('iam', 'PutRolePolicy', {
            RoleName: role.name,
            PolicyName: POLICY_NAME,
            PolicyDocument: JSON.stringify(execution),
          }),
        ]
      : []),
    call('sagemaker', 'CreateModel', model),
    call('sagemaker', 'CreateEndpointConfig', config),
    ...(alarm ? [call('cloudwatch', 'PutMetricAlarm', alarm)] : []),
    call('sagemaker', 'CreateEndpoint', endpoint),
    call('sagemaker', 'UpdateEndpoint', update),
  ];
}

export const POLICY_NAME = 'weighlock';

/** Resolved by CloudFormation itself, and by us at the moment of the call: the token stands in no plan. */
export function secretReference(arn: string): string {
  return `{{resolve:secretsmanager:${arn}:SecretString}}`;
}

function variantOf(
  { count }: Settings,
  {
    modelName,
    choice,
    times,
  }: { readonly modelName: string; readonly choice: Choice; readonly times: Times },
): Input {
  const { type, nvmeBytes } = choice.instance;
  return {
    VariantName: VARIANT,
    ModelName: modelName,
    InstanceType: type,
    InitialInstanceCount: count,
    InitialVariantWeight: 1,
    ...(nvmeBytes === 0 && { VolumeSizeInGB: VOLUME_GB_MAX }),
    ...(times.downloadSeconds && { ModelDataDownloadTimeoutInSeconds: times.downloadSeconds }),
    ContainerStartupHealthCheckTimeoutInSeconds: times.startupSeconds,
    RoutingConfig: { RoutingStrategy: 'LEAST_OUTSTANDING_REQUESTS' },
  };
}

/** The largest that SageMaker takes: it is paid while the instance runs, and an image alone takes tens of gigabytes. */
const VOLUME_GB_MAX = 512;

function dataSource({ origin }: Subject): Input {
  if (origin.route === 'hub') return {};
  return {
    ModelDataSource: { S3DataSource: { S3Uri: origin.uri, S3DataType: 'S3Prefix', CompressionType: 'None' } },
  };
}

/** More errors of the server than this in a minute roll an update back. */
const ERRORS_MAX = 5;

function alarmOf(name: string): Input & { readonly AlarmName: string } {
  return {
    AlarmName: `weighlock-${name}-5xx`,
    AlarmDescription: 'Rolls an update of the endpoint back',
    Namespace: 'AWS/SageMaker',
    MetricName: 'Invocation5XXErrors',
    Dimensions: [
      { Name: 'EndpointName', Value: name },
      { Name: 'VariantName', Value: VARIANT },
    ],
    Statistic: 'Sum',
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: ERRORS_MAX,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  };
}

function tagsOf({ model, commit, origin }: Subject): Tag[] {
  return [
    { Key: 'weighlock:model', Value: model },
    { Key: 'weighlock:commit', Value: commit },
    ...(origin.route === 'vault'
      ? [
          { Key: VAULT_TAG, Value: origin.vault },
          { Key: 'weighlock:manifest', Value: origin.manifest },
        ]
      : [{ Key: 'weighlock:hub', Value: origin.endpoint }]),
  ];
}

/** `<endpoint>-<digest of the input>`. */
function named<K extends string>(key: K, name: string, input: Input): Input & Readonly<Record<K, string>> {
  const digest = sha256(canonicalJson(input)).slice(0, 16);
  return { [key]: `${name}-${digest}`, ...input } as Input & Readonly<Record<K, string>>;
}

/** What `--out` writes beside the template. */
export function requestsFile(requests: readonly PlannedRequest[]): string {
  return json(requests);
}
