/** The same design as a CloudFormation template: what the calls take is what its properties take. */
import { json } from '../aws.ts';
import { type Design, type Input, POLICY_NAME } from './design.ts';

/** JSON, which CloudFormation reads as YAML too. */
export function templateOf(design: Design): string {
  const { settings, role, execution, alarm, subject, rollout, tags } = design;
  const { image } = settings;
  const get = (resource: string, attribute: string) => ({ 'Fn::GetAtt': [resource, attribute] });
  const { ModelName: _model, ...variant } = first(design.config.ProductionVariants);
  const container = design.model.PrimaryContainer as Input;
  return json({
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `Weighlock: ${subject.model}@${subject.commit} as the endpoint ${settings.name}`.slice(
      0,
      1024,
    ),
    Parameters: {
      Image: {
        Type: 'String',
        Description: 'The container image in ECR, by digest',
        AllowedPattern: '.+@sha256:[0-9a-f]{64}',
        ...(image.missing === undefined && { Default: image.uri }),
      },
    },
    Resources: {
      ...(role && {
        ExecutionRole: {
          Type: 'AWS::IAM::Role',
          Properties: {
            RoleName: role.name,
            AssumeRolePolicyDocument: role.trust,
            Policies: [{ PolicyName: POLICY_NAME, PolicyDocument: execution }],
            Tags: tags,
          },
        },
      }),
      Model: {
        Type: 'AWS::SageMaker::Model',
        Properties: {
          ...design.model,
          ...(role && { ExecutionRoleArn: get('ExecutionRole', 'Arn') }),
          PrimaryContainer: { ...container, Image: { Ref: 'Image' } },
        },
      },
      EndpointConfig: {
        Type: 'AWS::SageMaker::EndpointConfig',
        Properties: {
          ...design.config,
          ProductionVariants: [{ ...variant, ModelName: get('Model', 'ModelName') }],
        },
      },
      ...(alarm && { Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: alarm } }),
      Endpoint: {
        Type: 'AWS::SageMaker::Endpoint',
        Properties: {
          EndpointName: settings.name,
          EndpointConfigName: get('EndpointConfig', 'EndpointConfigName'),
          DeploymentConfig: alarm ? withAlarm(rollout.config) : rollout.config,
          Tags: tags,
        },
      },
    },
    Outputs: { Endpoint: { Value: { Ref: 'Endpoint' } } },
  });
}

/** By reference, so that the alarm is made before the endpoint. */
function withAlarm(config: Input): Input {
  return { ...config, AutoRollbackConfiguration: { Alarms: [{ AlarmName: { Ref: 'Alarm' } }] } };
}

function first(variants: unknown): Input {
  const [variant] = variants as readonly Input[];
  if (!variant) throw new Error('a configuration has a variant');
  return variant;
}
