/**
 * How a bucket is configured, read where that is permitted. On AWS each absence costs safety. A store of another maker
 * may have other means of its own for what is a setting of the bucket on AWS: that is only good to know there. What
 * its writers can do to what was admitted costs safety everywhere.
 */
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLoggingCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetPublicAccessBlockCommand,
  type LifecycleRule,
} from '@aws-sdk/client-s3';
import { LOG_PREFIX, MODELS_PREFIX, REGISTRY_PREFIX, STAGING_PREFIX } from '../../vault/layout.ts';
import { REVOKED_TAG } from '../../vault/s3-place.ts';
import { asked } from '../store/answer.ts';
import {
  type Answer,
  type CheckRow,
  failed,
  missing,
  ok,
  type Question,
  row,
  tried,
  unknown,
} from '../store/check-row.ts';
import type { StoreUnderCheck } from '../store/check-store.ts';
import type { Scratch } from '../store/scratch.ts';
import { expiryDays } from './bucket-plan.ts';
import { type Place, rootOf } from './place.ts';
import type { PolicyDocument } from './policy-document.ts';
import { denies, exactly, type FlatCondition } from './policy-reading.ts';

const INIT = 'weighlock vault init sets it, where the store knows it.';

export async function checkSettings(scratch: Scratch, store: StoreUnderCheck): Promise<CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const { question, test } of SETTINGS) {
    const weight = store.store === 'aws' ? question.weight : 'advice';
    rows.push(row({ remedy: INIT, ...question, weight }, await tried(() => test(scratch, store), missing)));
  }
  rows.push(...(await checkPolicy(scratch, store)));
  return rows;
}

type Setting = {
  readonly question: Omit<Question, 'remedy'> & { readonly remedy?: string };
  readonly test: (scratch: Scratch, store: StoreUnderCheck) => Promise<Answer>;
};

const SETTINGS: readonly Setting[] = [
  {
    question: {
      id: 'public-access',
      what: 'public access is blocked',
      weight: 'safety',
      costs: 'One wrong policy or ACL makes the models readable, or writable, by the world.',
      controls: ['S3.8', 'S3.2', 'S3.3'],
    },
    test: publicAccess,
  },
  {
    question: {
      id: 'not-public',
      what: 'the bucket’s policy gives nothing to the world',
      weight: 'safety',
      costs: 'The models are readable, or writable, by the world.',
      controls: ['S3.2', 'S3.3'],
    },
    test: notPublic,
  },
  {
    question: {
      id: 'ownership',
      what: 'the bucket’s owner owns every object (no ACLs)',
      weight: 'safety',
      costs: 'An ACL can give away what policies keep closed.',
      controls: ['S3.12'],
    },
    test: ownership,
  },
  {
    question: {
      id: 'encryption',
      what: 'objects are encrypted with a KMS key, by bucket key',
      weight: 'safety',
      costs:
        'Reading needs no permission on a key: taking that away cannot stop a leak, and CloudTrail shows no use of it.',
      controls: ['S3.17'],
    },
    test: encryption,
  },
  {
    question: {
      id: 'access-logs',
      what: 'accesses are logged',
      weight: 'safety',
      costs: 'After an incident nobody can say who read or wrote what.',
      controls: ['S3.9'],
    },
    test: logging,
  },
  {
    question: {
      id: 'lifecycle-uploads',
      what: 'pending uploads are aborted, and not before a hold ends',
      weight: 'safety',
      costs:
        'Too early: what a person is to approve is fetched again. Never: dead uploads are paid for without end.',
      controls: ['S3.10', 'S3.13'],
    },
    test: (scratch, store) => lifecycle(scratch, (rules) => uploadsAborted(rules, store)),
  },
  {
    question: {
      id: 'lifecycle-staging',
      what: 'what is not decided expires, and not before a hold ends',
      weight: 'advice',
      costs: 'What admissions that died left in staging/ stays until weighlock gc.',
      controls: ['S3.13'],
    },
    test: (scratch, store) => lifecycle(scratch, (rules) => stagingExpires(rules, store)),
  },
  {
    question: {
      id: 'lifecycle-admitted',
      what: 'what is admitted, and the log, never expires',
      weight: 'safety',
      costs: 'The store deletes admitted models, records or the log by itself.',
      remedy: 'Remove or narrow the rule that is named.',
    },
    test: (scratch, store) => lifecycle(scratch, (rules) => admittedStays(rules, store)),
  },
  {
    question: {
      id: 'events',
      what: 'creations and removals are announced',
      weight: 'advice',
      costs: 'A write beside Weighlock is noticed at the next verification, not at once.',
      remedy: 'Turn on EventBridge for the bucket, if something is to listen.',
      controls: ['S3.11'],
    },
    test: events,
  },
];

async function publicAccess(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.client.send(new GetPublicAccessBlockCommand(scratch.bucket())));
  if (result.kind !== 'answer') return absence(result);
  const block = result.answer.PublicAccessBlockConfiguration ?? {};
  const all = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const;
  const off = all.filter((name) => block[name] !== true);
  return off.length === 0 ? ok('all four') : missing(`off: ${off.join(', ')}`);
}

async function notPublic(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.client.send(new GetBucketPolicyStatusCommand(scratch.bucket())));
  if (result.kind === 'absent') return ok('there is no policy');
  if (result.kind !== 'answer') return absence(result);
  return result.answer.PolicyStatus?.IsPublic ? failed('it is public') : ok('not public');
}

async function ownership(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.client.send(new GetBucketOwnershipControlsCommand(scratch.bucket())));
  if (result.kind !== 'answer') return absence(result);
  const rule = result.answer.OwnershipControls?.Rules?.[0]?.ObjectOwnership ?? 'none';
  return rule === 'BucketOwnerEnforced' ? ok(rule) : missing(rule);
}

async function encryption(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.client.send(new GetBucketEncryptionCommand(scratch.bucket())));
  if (result.kind !== 'answer') return absence(result);
  const rule = result.answer.ServerSideEncryptionConfiguration?.Rules?.[0];
  const { SSEAlgorithm: algorithm = 'none', KMSMasterKeyID: key } =
    rule?.ApplyServerSideEncryptionByDefault ?? {};
  if (!algorithm.startsWith('aws:kms')) return missing(algorithm);
  return rule?.BucketKeyEnabled
    ? ok(`${algorithm}, ${key ?? 'the key of S3'}`)
    : missing('KMS, without a bucket key');
}

async function logging(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.client.send(new GetBucketLoggingCommand(scratch.bucket())));
  if (result.kind !== 'answer') return absence(result);
  const target = result.answer.LoggingEnabled?.TargetBucket;
  return target ? ok(`to ${target}`) : missing('off');
}

async function events(scratch: Scratch): Promise<Answer> {
  const command = new GetBucketNotificationConfigurationCommand(scratch.bucket());
  const result = await asked(scratch.client.send(command));
  if (result.kind !== 'answer') return absence(result);
  const { EventBridgeConfiguration, TopicConfigurations, QueueConfigurations, LambdaFunctionConfigurations } =
    result.answer;
  const some = [TopicConfigurations, QueueConfigurations, LambdaFunctionConfigurations].some(
    (list) => list?.length,
  );
  return EventBridgeConfiguration || some ? ok('on') : missing('off');
}

async function lifecycle(
  scratch: Scratch,
  judge: (rules: readonly LifecycleRule[]) => Answer,
): Promise<Answer> {
  const command = new GetBucketLifecycleConfigurationCommand(scratch.bucket());
  const result = await asked(scratch.client.send(command));
  if (result.kind !== 'answer' && result.kind !== 'absent') return absence(result);
  const rules = result.kind === 'answer' ? (result.answer.Rules ?? []) : [];
  return judge(rules.filter((rule) => rule.Status === 'Enabled'));
}

type HeldPlace = Place & { readonly holdDays: number };

function uploadsAborted(rules: readonly LifecycleRule[], store: HeldPlace): Answer {
  const days = rules
    .filter(
      (rule) => prefixOf(rule) !== undefined && overlap(prefixOf(rule) ?? '', rootOf(store) + MODELS_PREFIX),
    )
    .flatMap((rule) => rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? []);
  const least = Math.min(...days);
  if (days.length === 0) return missing('no rule aborts uploads');
  if (least < store.holdDays) return missing(`after ${least} days, and a hold may last ${store.holdDays}`);
  return ok(`after ${least} days`);
}

function stagingExpires(rules: readonly LifecycleRule[], store: HeldPlace): Answer {
  const days = rules
    .filter((rule) => overlap(prefixOf(rule) ?? '', rootOf(store) + STAGING_PREFIX))
    .flatMap((rule) => rule.Expiration?.Days ?? []);
  const least = Math.min(...days);
  if (days.length === 0) return missing('no rule');
  if (least < store.holdDays)
    return missing(`after ${least} days; ${expiryDays(store.holdDays)} outlast a hold`);
  return ok(`after ${least} days`);
}

function admittedStays(rules: readonly LifecycleRule[], store: HeldPlace): Answer {
  const kept = [MODELS_PREFIX, REGISTRY_PREFIX, LOG_PREFIX].map((prefix) => rootOf(store) + prefix);
  const rule = rules.find(
    (rule) =>
      (rule.Expiration?.Days !== undefined ||
        rule.Expiration?.Date !== undefined ||
        rule.NoncurrentVersionExpiration !== undefined) &&
      kept.some((prefix) => overlap(prefixOf(rule) ?? '', prefix)),
  );
  return rule ? failed(`the rule ${rule.ID ?? 'without a name'} expires it`) : ok('no rule expires it');
}

/** Whether a rule by itself does what none may: expires what was admitted, or uploads and staging before a hold ends. */
export function offends(rule: LifecycleRule, store: HeldPlace): boolean {
  const early = (answer: Answer) => answer.status === 'missing' && answer.found.startsWith('after');
  return (
    admittedStays([rule], store).status === 'failed' ||
    early(uploadsAborted([rule], store)) ||
    early(stagingExpires([rule], store))
  );
}

/** Where a rule applies; a rule by tag or size alone may apply anywhere. */
function prefixOf(rule: LifecycleRule): string | undefined {
  return rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Prefix;
}

function overlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

const POLICY: readonly {
  readonly question: Omit<Question, 'remedy' | 'weight'>;
  readonly holds: (policy: PolicyDocument, arn: (key: string) => string) => boolean;
}[] = [
  {
    question: {
      id: 'policy-tls',
      what: 'the policy refuses requests without TLS',
      costs: 'Whoever is on the way reads weights and changes answers.',
      controls: ['S3.5'],
    },
    holds: (policy, arn) =>
      denies(policy, {
        action: 's3:GetObject',
        resource: arn(`${MODELS_PREFIX}a/b/c/d`),
        when: exactly({ 'Bool aws:securetransport': 'false' }),
      }),
  },
  {
    question: {
      id: 'policy-writes',
      what: 'the policy refuses writes without a condition',
      costs: 'Whoever may write can overwrite what was admitted; verification finds it, nothing prevents it.',
    },
    holds: (policy, arn) =>
      [`${MODELS_PREFIX}a/b/c/d`, `${REGISTRY_PREFIX}vault`, `${LOG_PREFIX}tile/0/000`].every((key) =>
        denies(policy, {
          action: 's3:PutObject',
          resource: arn(key),
          when: (condition) =>
            condition.get('Null s3:if-none-match')?.[0] === 'true' &&
            [...condition.keys()].every((name) =>
              ['Null s3:if-none-match', 'Null s3:if-match', 'Bool s3:objectcreationoperation'].includes(name),
            ),
        }),
      ),
  },
  {
    question: {
      id: 'policy-deletes',
      what: 'the policy leaves deletes to one role',
      costs: 'Whoever may delete can make models, records or the log disappear.',
    },
    holds: (policy, arn) =>
      ['s3:DeleteObject', 's3:DeleteObjectVersion'].every((action) =>
        [`${MODELS_PREFIX}a/b/c/d`, `${REGISTRY_PREFIX}state`, `${LOG_PREFIX}checkpoint`].every((key) =>
          denies(policy, {
            action,
            resource: arn(key),
            when: forAllButOne,
          }),
        ),
      ),
  },
  {
    question: {
      id: 'policy-revoked',
      what: 'the policy refuses reads of what is tagged as revoked',
      costs: 'A revoked model is still read by whoever reads the bucket directly.',
    },
    holds: (policy, arn) =>
      ['s3:GetObject', 's3:GetObjectVersion'].every((action) =>
        denies(policy, {
          action,
          resource: arn(`${MODELS_PREFIX}a/b/c/d`),
          when: exactly({ [`StringEquals s3:existingobjecttag/${REVOKED_TAG.key}`]: REVOKED_TAG.value }),
        }),
      ),
  },
  {
    question: {
      id: 'policy-tags',
      what: 'the policy leaves tags to one role',
      costs: 'Whoever may tag takes the mark of a revocation away, and what was revoked is read again.',
    },
    holds: (policy, arn) =>
      TAGGING.every((action) =>
        denies(policy, { action, resource: arn(`${MODELS_PREFIX}a/b/c/d`), when: forAllButOne }),
      ),
  },
];

const TAGGING = [
  's3:PutObjectTagging',
  's3:PutObjectVersionTagging',
  's3:DeleteObjectTagging',
  's3:DeleteObjectVersionTagging',
];

/** No condition, or one that lets principals off by their ARN. */
function forAllButOne(condition: FlatCondition): boolean {
  return (
    condition.size === 0 ||
    (condition.size === 1 && [...condition.keys()].every((name) => /not.* aws:principalarn$/i.test(name)))
  );
}

async function checkPolicy(scratch: Scratch, store: StoreUnderCheck): Promise<CheckRow[]> {
  const result = await asked(scratch.client.send(new GetBucketPolicyCommand(scratch.bucket())));
  const policy =
    result.kind === 'answer' && result.answer.Policy
      ? (JSON.parse(result.answer.Policy) as PolicyDocument)
      : undefined;
  const arn = (key: string) => `arn:aws:s3:::${store.bucket}/${rootOf(store)}${key}`;
  return POLICY.map(({ question, holds }) => {
    // Elsewhere the address tells whether TLS is used.
    const weight = store.store === 'aws' || question.id !== 'policy-tls' ? 'safety' : 'advice';
    const rowOf = (answer: Answer) => row({ ...question, weight, remedy: INIT }, answer);
    if (policy !== undefined) return rowOf(holds(policy, arn) ? ok('it does') : missing('it does not'));
    if (result.kind === 'answer' || result.kind === 'absent') return rowOf(missing('there is no policy'));
    return rowOf(absence(result));
  });
}

/** What it means that a setting could not be read. */
function absence(refusal: { readonly kind: string; readonly said: string }): Answer {
  switch (refusal.kind) {
    case 'absent':
      return missing('never set');
    case 'unsupported':
    case 'invalid':
      return missing(`the store does not know it (${refusal.said})`);
    default:
      return unknown(refusal.said);
  }
}
