/**
 * SageMaker: an endpoint of Amazon SageMaker AI. From the vault the container is isolated from every network, and SageMaker
 * brings it the files of one prefix; from the Hub the container downloads by itself, which isolation would forbid.
 */
import { WeighlockError } from '../../base/errors.ts';
import { accountOf, json, regionOf, requireBucket } from '../aws.ts';
import { callerOf } from '../aws-call.ts';
import { withBucketKey } from '../bucket-key.ts';
import type { Order, Plan, PlanLine, Target } from '../deploy.ts';
import { hubPromises } from '../hub-promises.ts';
import { sizeLines } from '../size.ts';
import { templateOf } from './cloudformation.ts';
import { type Design, designOf, requestsFile, requestsOf } from './design.ts';
import { readSettings, type Settings } from './settings.ts';

export const sageMaker: Target = {
  async plan(order) {
    const { subject, flags, environment } = order;
    if (subject.origin.route === 'vault') requireAmazon(order);
    const region = regionOf(flags, subject, environment);
    const account = accountOf(flags, subject) ?? (await callerOf(order, region)).account;
    const keyed = await withBucketKey(order);
    return planOf(keyed, readSettings(keyed, account));
  },
};

/** The bucket must be one that SageMaker can read: of Amazon, or of whatever stands in for all of AWS here. */
function requireAmazon({ subject, aws, flags, environment }: Order): void {
  const { endpoint } = requireBucket(subject, 'SageMaker');
  if (endpoint === undefined || /\.amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname)) return;
  if (aws('sagemaker', regionOf(flags, subject, environment)).endpoint !== undefined) return;
  throw new WeighlockError(
    'WL_DEPLOY_REFUSED',
    `SageMaker reads from Amazon S3 alone, and the vault is at ${endpoint}`,
    { hint: 'Bring the revision into a vault in Amazon S3 with `weighlock copy`, and deploy from there.' },
  );
}

export function planOf(order: Order, settings: Settings): Plan {
  const design = designOf(order, settings);
  const { subject } = design;
  const requests = requestsOf(design);
  return {
    target: 'sagemaker',
    subject,
    lines: linesOf(design),
    requests,
    files: [
      { path: 'template.json', text: templateOf(design) },
      { path: 'requests.json', text: requestsFile(requests) },
      ...(design.role ? [{ path: 'execution-role-trust.json', text: json(design.role.trust) }] : []),
      { path: 'execution-role-policy.json', text: json(design.execution) },
      { path: 'deployer-policy.json', text: json(design.deployer) },
    ],
    notGuaranteed: promisesOf(design),
    missing: missingOf(design),
    deployment: {
      target: 'sagemaker',
      place: design.endpointArn,
      image: { name: settings.image.uri, digest: settings.image.digest ?? null },
      environment: { ...design.environment },
      isolated: design.isolated,
      instance: { type: design.choice.instance.type, count: settings.count },
      url: invocationUrl(settings),
      resources: [
        design.endpointArn,
        design.roleArn,
        design.model.ModelName,
        design.config.EndpointConfigName,
      ],
    },
    apply: async (conduct) => (await import('./apply.ts')).applyDesign(design, order, conduct),
  };
}

function invocationUrl({ place, name }: Settings): string {
  const domain = place.partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  return `https://runtime.sagemaker.${place.region}.${domain}/endpoints/${name}/invocations`;
}

function linesOf(design: Design): PlanLine[] {
  const { subject, settings, need, choice, times, rollout, isolated, role, roleArn } = design;
  const { instance } = choice;
  const { place, count, vpc, container, image } = settings;
  const download = times.downloadSeconds ? `${times.downloadSeconds} s for the download, ` : '';
  return [
    { label: 'endpoint', text: `${settings.name} in ${place.region}, account ${place.account}` },
    ...sizeLines(subject, need, instance),
    {
      label: 'instance',
      text: `${count} × ${instance.type}, ${instance.gpus} × ${instance.gpu}; ${choice.why}`,
    },
    { label: 'container', text: `${container}, ${image.missing ? 'image to be named' : image.uri}` },
    {
      label: 'network',
      text: `${isolated ? 'isolated: the container reaches nothing' : 'open: the container must reach the Hub'}; ${vpc ? `in the VPC of ${vpc.Subnets.join(', ')}` : 'no VPC is named (--subnet, --security-group)'}`,
    },
    { label: 'disk', text: diskText(design) },
    {
      label: 'role',
      text: role
        ? `${roleArn}, made for exactly this revision`
        : `${roleArn}, which is there: compare execution-role-policy.json`,
    },
    { label: 'waits', text: `${download}${times.startupSeconds} s for the start` },
    { label: 'updates', text: rollout.text },
  ];
}

function diskText({ choice, settings }: Design): string {
  if (choice.instance.nvmeBytes > 0)
    return `local NVMe, encrypted by the machine${settings.volumeKey ? ': SageMaker takes no key for it, --kms-key is left out' : ''}`;
  return settings.volumeKey
    ? `a volume, encrypted with ${settings.volumeKey}`
    : 'a volume with the key of AWS (--kms-key names your own)';
}

function missingOf({ settings, subject }: Design): string[] {
  const { image, tokenSecret } = settings;
  const gated = subject.origin.route === 'hub' && subject.origin.gated && tokenSecret === undefined;
  return [
    ...(image.missing === undefined ? [] : [image.missing]),
    ...(gated ? ['the token: the model is gated, name a secret that holds one with --token-secret'] : []),
  ];
}

function promisesOf({ subject, settings, times, choice }: Design): string[] {
  const slow = times.beyondSeconds;
  return [
    ...hubPromises(subject),
    ...(settings.tokenSecret && subject.origin.route === 'hub'
      ? ['whoever may describe the model in SageMaker reads the token in its environment']
      : []),
    ...(slow === undefined
      ? []
      : [
          `the start may take ${slow} s at the rates that are assumed, and SageMaker waits for 3600 s at the most`,
        ]),
    ...(subject.weights.exact
      ? []
      : ['the size of the weights is that of their files, not of their tensors']),
    ...(choice.why.includes('could not be computed')
      ? ['whether the model fits the instance is not known']
      : []),
  ];
}
