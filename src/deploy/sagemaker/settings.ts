/** What a SageMaker deployment is asked to be: options read and held to what SageMaker takes. */
import { WeighlockError } from '../../base/errors.ts';
import { type AwsPlace, accountOf, partitionOf, regionOf, resourceName } from '../aws.ts';
import type { Order } from '../deploy.ts';
import { text, texts } from '../flags.ts';
import { type ContainerKind, containerKind, IMAGE_REPOSITORIES } from './container.ts';

export interface Settings {
  readonly place: AwsPlace;
  /** Lower case: in ARNs, and so in policies, SageMaker writes names in lower case. */
  readonly name: string;
  readonly container: ContainerKind;
  readonly image: Image;
  readonly instanceType: string | undefined;
  readonly count: number;
  /** An execution role that is there; undefined: one is made for exactly this revision. */
  readonly roleArn: string | undefined;
  readonly vpc:
    | { readonly Subnets: readonly string[]; readonly SecurityGroupIds: readonly string[] }
    | undefined;
  readonly volumeKey: string | undefined;
  readonly bucketKey: string | undefined;
  readonly alarms: readonly string[];
  readonly update: 'rolling' | 'blue-green' | undefined;
  /** ARN of the secret that holds the Hub's token. */
  readonly tokenSecret: string | undefined;
}

export interface Image {
  readonly uri: string;
  /** ARN of the repository, for the role that pulls from it. */
  readonly repositoryArn: string;
  readonly digest: string | undefined;
  /** What is missing of it, as a sentence. */
  readonly missing: string | undefined;
}

/** Longest name of an endpoint: names of models and configurations add an end of 18 characters to it. */
const NAME_LENGTH_MAX = 45;
const COUNT_MAX = 100;

/** Throws WL_USAGE for what cannot be meant. `account` where no option says it: asked of AWS by the caller. */
export function readSettings({ flags, subject, environment }: Order, account: string): Settings {
  const region = regionOf(flags, subject, environment);
  const place = { partition: partitionOf(region), region, account: accountOf(flags, subject) ?? account };
  const container = containerKind(text(flags, 'container'));
  return {
    place,
    name: nameOf(text(flags, 'name'), subject.model),
    container,
    image: imageOf(text(flags, 'image'), place, container),
    instanceType: text(flags, 'instance'),
    count: countOf(text(flags, 'count')),
    roleArn: arn('--role', text(flags, 'role'), /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/),
    vpc: vpcOf(texts(flags, 'subnet'), texts(flags, 'securityGroup')),
    volumeKey: keyArn('--kms-key', text(flags, 'kmsKey')),
    bucketKey: keyArn('--bucket-key', text(flags, 'bucketKey')),
    alarms: alarmsOf(texts(flags, 'alarm')),
    update: updateOf(text(flags, 'update')),
    tokenSecret: arn(
      '--token-secret',
      text(flags, 'tokenSecret'),
      /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+$/,
    ),
  };
}

function nameOf(named: string | undefined, model: string): string {
  const name = named ?? resourceName(model, { lengthMax: NAME_LENGTH_MAX }).toLowerCase();
  if (name.length <= NAME_LENGTH_MAX && /^[a-z0-9](-*[a-z0-9]){0,62}$/.test(name)) return name;
  throw new WeighlockError(
    'WL_USAGE',
    `"${name}" cannot be the name of an endpoint: at most ${NAME_LENGTH_MAX} lower-case letters, digits and hyphens between them`,
  );
}

const ECR_IMAGE =
  /^(\d{12})\.dkr\.ecr\.([a-z0-9-]{1,30})\.amazonaws\.com(?:\.cn)?\/([a-z0-9][a-z0-9._/-]{0,199})(?::[\w][\w.-]{0,127})?(?:@(sha256:[0-9a-f]{64}))?$/;

/** Longest image that CreateModel takes. */
const IMAGE_CHARS_MAX = 255;

function imageOf(uri: string | undefined, place: AwsPlace, kind: ContainerKind): Image {
  const { partition, region, account } = place;
  if (uri === undefined) {
    const repository = IMAGE_REPOSITORIES[kind];
    const named = `${account}.dkr.ecr.${region}.amazonaws.com/${repository}`;
    return {
      uri: `${named}@sha256:${'0'.repeat(64)}`,
      repositoryArn: `arn:${partition}:ecr:${region}:${account}:repository/${repository}`,
      digest: undefined,
      missing: `the image: name it by digest, --image <registry>/${repository}@sha256:…`,
    };
  }
  const [, owner, at, repository, digest] = ECR_IMAGE.exec(uri) ?? [];
  if (owner === undefined || uri.length > IMAGE_CHARS_MAX)
    throw new WeighlockError(
      'WL_USAGE',
      `"${uri}" is no image in ECR, and SageMaker pulls from no other registry`,
    );
  if (at !== region)
    throw new WeighlockError(
      'WL_USAGE',
      `the image is in ${at}, and SageMaker in ${region} pulls only from ${region}`,
    );
  return {
    uri,
    repositoryArn: `arn:${partition}:ecr:${region}:${owner}:repository/${repository}`,
    digest,
    missing:
      digest === undefined
        ? 'the digest of the image: whoever may push can move a tag; name it as …@sha256:…'
        : undefined,
  };
}

function countOf(typed: string | undefined): number {
  const count = /^\d{1,3}$/.test(typed ?? '1') ? Number(typed ?? '1') : 0;
  if (count >= 1 && count <= COUNT_MAX) return count;
  throw new WeighlockError('WL_USAGE', `--count takes a whole number from 1 to ${COUNT_MAX}, not "${typed}"`);
}

/** Limits of VpcConfig. */
const SUBNETS_MAX = 16;
const GROUPS_MAX = 5;

function vpcOf(subnets: readonly string[], groups: readonly string[]): Settings['vpc'] {
  if (subnets.length === 0 && groups.length === 0) return undefined;
  const good =
    subnets.every((id) => /^subnet-[0-9a-f]{8,17}$/.test(id)) &&
    groups.every((id) => /^sg-[0-9a-f]{8,17}$/.test(id));
  const counted =
    subnets.length >= 1 && subnets.length <= SUBNETS_MAX && groups.length >= 1 && groups.length <= GROUPS_MAX;
  if (good && counted) return { Subnets: subnets, SecurityGroupIds: groups };
  throw new WeighlockError(
    'WL_USAGE',
    `a VPC is named by 1 to ${SUBNETS_MAX} --subnet subnet-… and 1 to ${GROUPS_MAX} --security-group sg-…`,
  );
}

const ALARMS_MAX = 10;

function alarmsOf(names: readonly string[]): readonly string[] {
  if (names.length <= ALARMS_MAX && names.every((name) => /^[\u0020-\u007e]{1,255}$/.test(name)))
    return names;
  throw new WeighlockError('WL_USAGE', `--alarm takes the names of at most ${ALARMS_MAX} alarms`);
}

function updateOf(typed: string | undefined): Settings['update'] {
  if (typed === undefined || typed === 'rolling' || typed === 'blue-green') return typed;
  throw new WeighlockError('WL_USAGE', `--update takes rolling or blue-green, not "${typed}"`);
}

function keyArn(option: string, typed: string | undefined): string | undefined {
  return arn(option, typed, /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/);
}

function arn(option: string, typed: string | undefined, form: RegExp): string | undefined {
  if (typed === undefined || form.test(typed)) return typed;
  throw new WeighlockError('WL_USAGE', `${option} takes an ARN, and "${typed}" is none of its kind`);
}
