/** The keys: the one that the bucket encrypts with, and those by which the gate signs. */
import { DescribeKeyCommand, GetKeyPolicyCommand, GetKeyRotationStatusCommand } from '@aws-sdk/client-kms';
import { GetBucketEncryptionCommand } from '@aws-sdk/client-s3';
import { isForeign } from '../access/foreign.ts';
import { readPolicy } from '../access/statement.ts';
import { asked } from '../store/answer.ts';
import type { Surroundings } from '../surroundings.ts';
import { CATALOG, KEY_CHECKS } from './catalog.ts';
import {
  type Answers,
  allOf,
  inapplicable,
  judged,
  type PostureAnswer,
  passed,
  type Subject,
  undecided,
  unknown,
} from './check.ts';
import { missingPermission } from './permission.ts';

export async function keyAnswers(around: Surroundings): Promise<Answers> {
  if (around.neighbours === undefined)
    return allOf(KEY_CHECKS, inapplicable('this store has no KMS that is known here'));
  const found = await encryptionKey(around);
  if (found.kind === 'unknown') return allOf(KEY_CHECKS, unknown(found.said));
  const key = found.arn;
  const all = [...(key === undefined ? [] : [key]), ...around.signingKeyArns];
  const none = inapplicable('no KMS key of this account encrypts here');
  return {
    'key-state': all.length === 0 ? none : await state(around.neighbours.kms, all),
    'key-rotation': key === undefined ? none : await rotation(around.neighbours.kms, key),
    'key-policy': key === undefined ? none : await policy(around, key),
  };
}

type Kms = NonNullable<Surroundings['neighbours']>['kms'];

/** The key that the bucket's default names; without one, or with S3's own, there is none to be looked at. */
export async function encryptionKey({
  s3,
  place,
}: Pick<Surroundings, 's3' | 'place'>): Promise<
  | { readonly kind: 'key'; readonly arn: string | undefined }
  | { readonly kind: 'unknown'; readonly said: string }
> {
  const result = await asked(s3.send(new GetBucketEncryptionCommand({ Bucket: place.bucket })));
  if (result.kind === 'absent') return { kind: 'key', arn: undefined };
  if (result.kind !== 'answer')
    return { kind: 'unknown', said: missingPermission(CATALOG.encryption.permissions, result) };
  const rule = result.answer.ServerSideEncryptionConfiguration?.Rules?.[0];
  return { kind: 'key', arn: rule?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID };
}

async function state(kms: Kms, keys: readonly string[]): Promise<PostureAnswer> {
  const wrong: Subject[] = [];
  const open: Subject[] = [];
  for (const resource of keys) {
    const result = await asked(kms.send(new DescribeKeyCommand({ KeyId: resource })));
    if (result.kind === 'absent') wrong.push({ resource, said: 'there is no such key' });
    else if (result.kind !== 'answer')
      open.push({ resource, said: missingPermission(CATALOG['key-state'].permissions, result) });
    else if (result.answer.KeyMetadata?.KeyState !== 'Enabled') {
      const { KeyState: said = 'unknown', DeletionDate: date } = result.answer.KeyMetadata ?? {};
      wrong.push({ resource, said: date === undefined ? said : `${said}, gone on ${date.toISOString()}` });
    }
  }
  return wrong.length === 0 && open.length > 0
    ? undecided(open)
    : judged(wrong, `${keys.length === 1 ? 'it is' : `all ${keys.length} are`} enabled`);
}

async function rotation(kms: Kms, key: string): Promise<PostureAnswer> {
  const known = await asked(kms.send(new DescribeKeyCommand({ KeyId: key })));
  const {
    KeyManager: by,
    KeySpec: spec,
    Origin: origin,
  } = (known.kind === 'answer' ? known.answer.KeyMetadata : undefined) ?? {};
  if (by === 'AWS') return passed('by AWS, whose key it is');
  if (spec !== undefined && spec !== 'SYMMETRIC_DEFAULT') return inapplicable(`${spec} keys are not rotated`);
  if (origin === 'EXTERNAL') return inapplicable('its material is imported: whoever owns it rotates it');
  const result = await asked(kms.send(new GetKeyRotationStatusCommand({ KeyId: key })));
  if (result.kind !== 'answer')
    return known.kind === 'answer' && known.answer.KeyMetadata?.KeyState === 'PendingDeletion'
      ? inapplicable('the key is about to be deleted')
      : unknown(missingPermission(CATALOG['key-rotation'].permissions, result));
  return judged(result.answer.KeyRotationEnabled ? [] : [{ resource: key, said: 'off' }], 'each year');
}

async function policy(around: Surroundings, key: string): Promise<PostureAnswer> {
  const kms = around.neighbours?.kms;
  const result = await asked(
    kms?.send(new GetKeyPolicyCommand({ KeyId: key, PolicyName: 'default' })) ??
      Promise.reject(new Error('no KMS')),
  );
  if (result.kind !== 'answer') return unknown(missingPermission(CATALOG['key-policy'].permissions, result));
  const { statements, whole } = readPolicy(result.answer.Policy ?? '{}');
  if (!whole) return unknown('the policy of the key has statements that are not understood');
  const wrong = statements.flatMap((statement) => {
    const who = statement.effect === 'Allow' ? isForeign(statement, around) : undefined;
    return who === undefined
      ? []
      : [{ resource: key, said: `${statement.sid || 'a statement'} gives to ${who}` }];
  });
  return judged(wrong, 'to this account alone');
}
