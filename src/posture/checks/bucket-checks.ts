/**
 * The settings of the bucket: those of `vault check` (bucket-settings.ts), read again without writing anything, and
 * what else is asked of a bucket's surroundings.
 */
import { DescribeTrailsCommand, GetEventSelectorsCommand } from '@aws-sdk/client-cloudtrail';
import {
  GetBucketAclCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { GetPublicAccessBlockCommand as GetAccountBlockCommand } from '@aws-sdk/client-s3-control';
import { isForeign, isWorld } from '../access/foreign.ts';
import { readPolicy } from '../access/statement.ts';
import { checkSettings } from '../bucket/bucket-settings.ts';
import { bucketArn, rootOf } from '../bucket/place.ts';
import { asked } from '../store/answer.ts';
import type { CheckRow } from '../store/check-row.ts';
import { Scratch } from '../store/scratch.ts';
import type { Surroundings } from '../surroundings.ts';
import { CATALOG } from './catalog.ts';
import {
  type Answers,
  allOf,
  type CheckId,
  failed,
  inapplicable,
  judged,
  type PostureAnswer,
  passed,
  unknown,
} from './check.ts';
import { deniedOrSaid, missingPermission } from './permission.ts';

export async function bucketAnswers(around: Surroundings): Promise<Answers> {
  const store = around.neighbours === undefined ? 'compatible' : 'aws';
  const { place, holdDays, bucketOwner } = around;
  const owner = bucketOwner === undefined ? {} : { bucketOwner };
  const scratch = new Scratch({ ...place, ...owner, open: () => around.s3 });
  const rows = await checkSettings(scratch, { ...place, ...owner, open: () => around.s3, store, holdDays });
  const answers: Answers = Object.fromEntries(rows.flatMap((row) => translated(row, store)));
  answers.versioning = await versioning(around);
  answers.acl = await acl(around);
  Object.assign(answers, await foreign(around, answers['not-public']));
  if (answers['public-access']?.status === 'failed') answers['public-access'] = await blockedAnyhow(around);
  if (answers['access-logs']?.status === 'failed') answers['access-logs'] = await recordedByTrail(around);
  return answers;
}

/** A row of `vault check` as an answer of the check by the same id. */
function translated(row: CheckRow, store: 'aws' | 'compatible'): [CheckId, PostureAnswer][] {
  if (!isCheck(row.id)) return [];
  const { status, found } = row;
  if (status === 'ok') return [[row.id, passed(found)]];
  if (status === 'unknown') return [[row.id, unknown(deniedOrSaid(CATALOG[row.id].permissions, found))]];
  // What a store of another maker has no setting for may be had there by other means, which are not seen here.
  if (store === 'compatible' && /^(the store does not know it|not supported)/.test(found))
    return [[row.id, inapplicable(found)]];
  return [[row.id, failed(found)]];
}

function isCheck(id: string): id is CheckId {
  return Object.hasOwn(CATALOG, id);
}

async function versioning({ s3, place }: Surroundings): Promise<PostureAnswer> {
  const result = await asked(s3.send(new GetBucketVersioningCommand({ Bucket: place.bucket })));
  if (result.kind === 'unsupported') return failed(`the store keeps none (${result.said})`);
  if (result.kind !== 'answer') return unknown(missingPermission(CATALOG.versioning.permissions, result));
  const { Status: status = 'never turned on' } = result.answer;
  return status === 'Enabled' ? passed('on') : failed(status === 'Suspended' ? 'suspended' : status);
}

/** The groups of ACLs that are everybody, and everybody with an account anywhere. */
const WORLD_GROUPS = /\/groups\/global\/(AllUsers|AuthenticatedUsers)$/;

async function acl({ s3, place }: Surroundings): Promise<PostureAnswer> {
  const result = await asked(s3.send(new GetBucketAclCommand({ Bucket: place.bucket })));
  if (result.kind === 'unsupported') return inapplicable(`the store has none (${result.said})`);
  if (result.kind !== 'answer') return unknown(missingPermission(CATALOG.acl.permissions, result));
  const world = (result.answer.Grants ?? []).filter(({ Grantee: grantee }) =>
    WORLD_GROUPS.test(grantee?.URI ?? ''),
  );
  const named = world.map(({ Grantee: grantee, Permission: may }) => ({
    resource: bucketArn(place),
    said: `${may} to ${grantee?.URI?.split('/').at(-1)}`,
  }));
  return judged(named, 'none');
}

/** What the policy gives to the world, and to other accounts. */
async function foreign(around: Surroundings, byStatus: PostureAnswer | undefined): Promise<Answers> {
  const { s3, place } = around;
  const ids: CheckId[] = [
    'policy-foreign',
    ...(byStatus?.status === 'passed' ? (['not-public'] as const) : []),
  ];
  const result = await asked(s3.send(new GetBucketPolicyCommand({ Bucket: place.bucket })));
  if (result.kind === 'absent') return { 'policy-foreign': passed('there is no policy') };
  if (result.kind !== 'answer')
    return allOf(ids, unknown(missingPermission(CATALOG['policy-foreign'].permissions, result)));
  const { statements, whole } = readPolicy(result.answer.Policy ?? '{}');
  if (!whole) return allOf(ids, unknown('the policy has statements that are not understood'));
  const resource = bucketArn(place);
  const allowed = statements.filter(({ effect }) => effect === 'Allow');
  const named = (sid: string) => (sid === '' ? 'a statement without a name' : sid);
  const world = allowed.filter(isWorld);
  const others = allowed.flatMap((statement) => {
    const who = isWorld(statement) ? undefined : isForeign(statement, around);
    return who === undefined ? [] : [{ resource, said: `${named(statement.sid)} gives to ${who}` }];
  });
  return {
    'policy-foreign': judged(others, 'nothing to other accounts'),
    ...(world.length > 0 && {
      'not-public': judged(
        world.map(({ sid }) => ({ resource, said: `${named(sid)} gives to the world` })),
        '',
      ),
    }),
  };
}

const BLOCKS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'] as const;

/** S3 applies the stricter of the bucket's and the account's own block, setting by setting. */
async function blockedAnyhow({ s3, place, neighbours }: Surroundings): Promise<PostureAnswer> {
  const { bucket, account } = place;
  const own = await asked(s3.send(new GetPublicAccessBlockCommand({ Bucket: bucket })));
  const ofBucket = own.kind === 'answer' ? own.answer.PublicAccessBlockConfiguration : undefined;
  const all =
    neighbours &&
    (await asked(neighbours.s3control.send(new GetAccountBlockCommand({ AccountId: account }))));
  if (all !== undefined && all.kind !== 'answer' && all.kind !== 'absent')
    return unknown(missingPermission(['s3:GetAccountPublicAccessBlock'], all));
  const ofAccount = all?.kind === 'answer' ? all.answer.PublicAccessBlockConfiguration : undefined;
  const off = BLOCKS.filter((name) => ofBucket?.[name] !== true && ofAccount?.[name] !== true);
  return off.length === 0
    ? passed('by the account’s own block')
    : failed(`off, for the bucket and for the account: ${off.join(', ')}`);
}

/** Trails that are looked at; an account has five a region. */
const TRAILS_MAX = 50;

/** Without access logs, a trail that records reads and writes of this bucket's objects does as well. */
async function recordedByTrail({ place, neighbours }: Surroundings): Promise<PostureAnswer> {
  if (neighbours === undefined) return inapplicable('this store has no access logs that are known here');
  const { cloudtrail } = neighbours;
  const found = await asked(cloudtrail.send(new DescribeTrailsCommand({})));
  if (found.kind !== 'answer')
    return unknown(`no access logs, and ${missingPermission(['cloudtrail:DescribeTrails'], found)}`);
  for (const { TrailARN: arn = '' } of (found.answer.trailList ?? []).slice(0, TRAILS_MAX)) {
    const selectors = await asked(cloudtrail.send(new GetEventSelectorsCommand({ TrailName: arn })));
    if (selectors.kind !== 'answer')
      return unknown(`no access logs, and ${missingPermission(['cloudtrail:GetEventSelectors'], selectors)}`);
    const { EventSelectors: plain = [] } = selectors.answer;
    const here = `${bucketArn(place)}/${rootOf(place)}`;
    const covers = plain.some(
      ({ ReadWriteType: which, DataResources: resources = [] }) =>
        which === 'All' &&
        resources.some(
          ({ Type: type, Values: values = [] }) =>
            type === 'AWS::S3::Object' &&
            values.some((value) => value === 'arn:aws:s3' || here.startsWith(value)),
        ),
    );
    if (covers) return passed(`no access logs, and data events by ${arn}`);
  }
  return failed(
    'no access logs, and no trail with simple selectors that record all data events of this bucket',
  );
}
