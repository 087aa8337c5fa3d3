/** The key that a vault's bucket encrypts with: one that is given is looked at, one of the bucket's own is made. */
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { asked } from '../store/answer.ts';
import type { BucketPlan } from './bucket-plan.ts';
import type { StepOutcome, StepReport } from './steps.ts';

export interface KeyOutcome {
  readonly report: StepReport;
  /** The key to encrypt with; undefined where there is none, or none yet. */
  readonly arn?: string;
}

export async function ensureKey(
  kms: KMSClient | undefined,
  key: BucketPlan['key'],
  mode: 'apply' | 'dry run',
): Promise<KeyOutcome> {
  const name = key.kind === 'given' ? key.arn : key.alias;
  const outcome = (outcome: StepOutcome, arn?: string): KeyOutcome => ({
    report: { id: 'key', what: `encryption key ${name}`, outcome, essential: false },
    ...(arn !== undefined && { arn }),
  });
  if (kms === undefined)
    return outcome({ kind: 'cannot', reason: 'this store has no KMS that is known here' });
  const found = await asked(kms.send(new DescribeKeyCommand({ KeyId: name })));
  if (found.kind === 'answer') {
    const { Arn: arn, KeyState: state } = found.answer.KeyMetadata ?? {};
    if (state !== 'Enabled')
      return outcome({ kind: 'cannot', reason: `the key is ${state}: enable it, or name another` });
    return outcome(key.kind === 'given' ? { kind: 'stands' } : await rotated(kms, arn, mode), arn);
  }
  if (found.kind !== 'absent' || key.kind === 'given') return outcome({ kind: 'cannot', reason: found.said });
  if (mode === 'dry run') return outcome({ kind: 'made' });
  return make(kms, key, outcome);
}

/** Keys are rotated by KMS each year; what was encrypted before stays readable. */
async function rotated(
  kms: KMSClient,
  KeyId: string | undefined,
  mode: 'apply' | 'dry run',
): Promise<StepOutcome> {
  const status = await asked(kms.send(new GetKeyRotationStatusCommand({ KeyId })));
  if (status.kind !== 'answer' || status.answer.KeyRotationEnabled) return { kind: 'stands' };
  if (mode === 'dry run') return { kind: 'changed' };
  const turned = await asked(kms.send(new EnableKeyRotationCommand({ KeyId })));
  return turned.kind === 'answer' ? { kind: 'changed' } : { kind: 'cannot', reason: turned.said };
}

async function make(
  kms: KMSClient,
  key: BucketPlan['key'] & { kind: 'new' },
  outcome: (outcome: StepOutcome, arn?: string) => KeyOutcome,
): Promise<KeyOutcome> {
  const made = await asked(
    kms.send(
      new CreateKeyCommand({
        Description: 'Encrypts the objects of a Weighlock vault',
        Policy: JSON.stringify(key.policy),
      }),
    ),
  );
  if (made.kind !== 'answer') return outcome({ kind: 'cannot', reason: made.said });
  const { KeyId, Arn: arn } = made.answer.KeyMetadata ?? {};
  const named = await asked(kms.send(new CreateAliasCommand({ AliasName: key.alias, TargetKeyId: KeyId })));
  if (named.kind !== 'answer') {
    // Without its alias the next run would not find it, and make another.
    return outcome({ kind: 'cannot', reason: `${arn} was made and could not be named: ${named.said}` });
  }
  await asked(kms.send(new EnableKeyRotationCommand({ KeyId })));
  return outcome({ kind: 'made' }, arn);
}
