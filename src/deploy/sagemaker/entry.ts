/** SageMaker as the command line lists it. */
import type { TargetEntry } from '../deploy.ts';

export const SAGEMAKER: TargetEntry = {
  name: 'sagemaker',
  says: 'an endpoint of Amazon SageMaker AI, as API requests and as CloudFormation',
  options: [
    { flags: '--name <endpoint>', says: 'name of the endpoint (default: from the model’s name)' },
    { flags: '--container <kind>', says: 'lmi (DJL with vLLM), vllm (AWS’s vLLM) or tgi (default: lmi)' },
    { flags: '--image <uri>', says: 'the container image in ECR, by digest: …/repo@sha256:…' },
    { flags: '--instance <type>', says: 'for example ml.g6.12xlarge (default: the smallest that fits)' },
    { flags: '--count <instances>', says: 'instances at the beginning (default: 1)' },
    { flags: '--region <region>', says: 'where the endpoint is (default: that of the vault)' },
    { flags: '--account <id>', says: 'the account (default: that of the credentials)' },
    {
      flags: '--role <arn>',
      says: 'an execution role that is there (default: one for exactly this revision)',
    },
    { flags: '--subnet <id>', says: 'a subnet of the VPC; may be repeated', repeated: true },
    { flags: '--security-group <id>', says: 'a security group of the VPC; may be repeated', repeated: true },
    {
      flags: '--kms-key <arn>',
      says: 'a key for the volume, where the instance has one that is not its own',
    },
    { flags: '--bucket-key <arn>', says: 'the KMS key that the vault’s bucket encrypts with' },
    {
      flags: '--alarm <name>',
      says: 'a CloudWatch alarm that rolls an update back; may be repeated',
      repeated: true,
    },
    { flags: '--update <way>', says: 'rolling or blue-green (default: rolling from 100 GB of weights on)' },
    { flags: '--token-secret <arn>', says: 'from the Hub: a secret of Secrets Manager that holds the token' },
  ],
  open: async () => (await import('./sagemaker.ts')).sageMaker,
};
