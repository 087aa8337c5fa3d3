/** The calls that applying makes, by the official clients. */
import {
  CloudWatchClient,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
} from '@aws-sdk/client-cloudwatch';
import {
  CreateEndpointCommand,
  type CreateEndpointCommandInput,
  CreateEndpointConfigCommand,
  type CreateEndpointConfigCommandInput,
  CreateModelCommand,
  type CreateModelCommandInput,
  DeleteEndpointCommand,
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DescribeEndpointCommand,
  type DescribeEndpointCommandOutput,
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  ListTagsCommand,
  SageMakerClient,
  UpdateEndpointCommand,
  type UpdateEndpointCommandInput,
} from '@aws-sdk/client-sagemaker';
import { awsConfig } from '../../vault/s3-client.ts';
import { call, refusalOf } from '../aws-call.ts';
import type { AwsReach, Order } from '../deploy.ts';
import type { Input } from './design.ts';

/** Pages of tags that are read: SageMaker keeps 50 tags at the most. */
const TAG_PAGES_MAX = 5;

export class Clients {
  readonly #sagemaker: SageMakerClient;
  readonly #cloudwatch: CloudWatchClient;
  readonly #order: Pick<Order, 'aws'>;
  readonly #region: string;

  constructor(order: Pick<Order, 'aws'>, region: string) {
    this.#order = order;
    this.#region = region;
    this.#sagemaker = new SageMakerClient(awsConfig(order.aws('sagemaker', region)));
    this.#cloudwatch = new CloudWatchClient(awsConfig(order.aws('cloudwatch', region)));
  }

  close(): void {
    this.#sagemaker.destroy();
    this.#cloudwatch.destroy();
  }

  reach(service: string): AwsReach {
    return this.#order.aws(service, this.#region);
  }

  putAlarm(input: Input) {
    return this.#cloudwatch.send(new PutMetricAlarmCommand(input as unknown as PutMetricAlarmCommandInput));
  }

  createModel(input: Input) {
    return this.#sagemaker.send(new CreateModelCommand(input as unknown as CreateModelCommandInput));
  }

  describeModel(ModelName: string) {
    return call('sagemaker:DescribeModel', this.#sagemaker.send(new DescribeModelCommand({ ModelName })));
  }

  deleteModel(ModelName: string) {
    return this.#sagemaker.send(new DeleteModelCommand({ ModelName }));
  }

  createConfig(input: Input) {
    return this.#sagemaker.send(
      new CreateEndpointConfigCommand(input as unknown as CreateEndpointConfigCommandInput),
    );
  }

  describeConfig(EndpointConfigName: string) {
    return call(
      'sagemaker:DescribeEndpointConfig',
      this.#sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName })),
    );
  }

  deleteConfig(EndpointConfigName: string) {
    return this.#sagemaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName }));
  }

  createEndpoint(input: Input) {
    return this.#sagemaker.send(new CreateEndpointCommand(input as unknown as CreateEndpointCommandInput));
  }

  updateEndpoint(input: Input) {
    return this.#sagemaker.send(new UpdateEndpointCommand(input as unknown as UpdateEndpointCommandInput));
  }

  deleteEndpoint(EndpointName: string) {
    return this.#sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
  }

  /** Undefined where there is none: SageMaker says so by a ValidationException. */
  async describeEndpoint(EndpointName: string): Promise<DescribeEndpointCommandOutput | undefined> {
    const answer = this.#sagemaker.send(new DescribeEndpointCommand({ EndpointName })).catch((error) => {
      const refusal = refusalOf(error);
      if (refusal?.name === 'ValidationException' && /could not find/i.test(refusal.message))
        return undefined;
      throw error;
    });
    return call('sagemaker:DescribeEndpoint', answer);
  }

  async tagsOf(ResourceArn: string): Promise<ReadonlyMap<string, string>> {
    const tags = new Map<string, string>();
    let NextToken: string | undefined;
    for (let page = 0; page < TAG_PAGES_MAX; page++) {
      const input = { ResourceArn, ...(NextToken !== undefined && { NextToken }) };
      const answer = await call('sagemaker:ListTags', this.#sagemaker.send(new ListTagsCommand(input)));
      for (const { Key, Value } of answer.Tags ?? []) if (Key !== undefined) tags.set(Key, Value ?? '');
      NextToken = answer.NextToken;
      if (NextToken === undefined) break;
    }
    return tags;
  }

  /** The text of a secret. Loaded only where a token is needed. */
  async secret(SecretId: string): Promise<string> {
    const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
    const client = new SecretsManagerClient(awsConfig(this.reach('secrets-manager')));
    try {
      const answer = client.send(new GetSecretValueCommand({ SecretId }));
      return (await call('secretsmanager:GetSecretValue', answer)).SecretString?.trim() ?? '';
    } finally {
      client.destroy();
    }
  }
}
