/** Bedrock as the command line lists it. */
import type { TargetEntry } from '../deploy.ts';

export const BEDROCK: TargetEntry = {
  name: 'bedrock',
  says: 'an import into Amazon Bedrock as a custom model, from the vault',
  options: [
    { flags: '--name <model>', says: 'name of the imported model (default: from the model’s name)' },
    { flags: '--region <region>', says: 'where it is imported (default: that of the vault)' },
    { flags: '--account <id>', says: 'the account (default: that of the credentials)' },
    { flags: '--role <arn>', says: 'a role that is there (default: one for exactly this revision)' },
    { flags: '--kms-key <arn>', says: 'a key that the imported model is encrypted with' },
    { flags: '--bucket-key <arn>', says: 'the KMS key that the vault’s bucket encrypts with' },
  ],
  open: async () => (await import('./bedrock.ts')).bedrock,
};
