/** Calls of AWS, and what its refusals mean to whoever deploys: which permission, which quota, which name. */
import type { STSClient } from '@aws-sdk/client-sts';
import { printable, WeighlockError } from '../base/errors.ts';
import type { AwsReach, Order } from './deploy.ts';

export interface Caller {
  readonly account: string;
  readonly arn: string;
}

/** Who the credentials are. Throws WL_DEPLOY_DENIED, WL_DEPLOY_UNAVAILABLE. */
export async function callerOf({ aws }: Pick<Order, 'aws'>, region: string): Promise<Caller> {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  return withClient(
    aws('sts', region),
    (config) => new STSClient(config),
    async (client: STSClient) => {
      const { Account, Arn } = await call(
        'sts:GetCallerIdentity',
        client.send(new GetCallerIdentityCommand({})),
      );
      return { account: Account ?? '', arn: Arn ?? '' };
    },
  );
}

type ClientConfig = Awaited<ReturnType<typeof configOf>>;

/** Runs with a client, and closes what it holds. */
export async function withClient<C extends { destroy(): void }, T>(
  reach: AwsReach,
  make: (config: ClientConfig) => C,
  work: (client: C) => Promise<T>,
): Promise<T> {
  const client = make(await configOf(reach));
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

/** Loaded only where AWS is really called: the SDK is large. */
export async function configOf(reach: AwsReach) {
  const { awsConfig } = await import('../vault/s3-client.ts');
  return awsConfig(reach);
}

/** The answer. Throws WL_DEPLOY_* for a refusal that has a meaning, and what is none as it is. */
export async function call<T>(action: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw meaningOf(action, error);
  }
}

/** What AWS said. */
export interface Refusal {
  readonly name: string;
  readonly message: string;
  readonly status: number;
}

/** A refusal by AWS; undefined for what is no answer. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined;
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status === undefined) return undefined;
  return { name: error.name, message: printable(error.message).slice(0, SAID_CHARS_MAX), status };
}

/** What of a refusal is repeated. */
const SAID_CHARS_MAX = 1000;

const DENIED = /^(AccessDenied\w*|UnauthorizedOperation|NotAuthorized\w*)$/;
const STRANGER =
  /^(UnrecognizedClientException|InvalidClientTokenId|InvalidSignatureException|SignatureDoesNotMatch|ExpiredToken\w*)$/;
const QUOTA = /^(ResourceLimitExceeded|LimitExceeded\w*|ServiceQuotaExceeded\w*)$/;

const BUSY = /^(Throttl\w*|TooManyRequests\w*|RequestLimitExceeded|ServiceUnavailable\w*)$/;

/** In words of IAM: "… is not authorized to perform: iam:PassRole on resource: …". */
const PERMISSION = /not authorized to perform:? ([a-z0-9-]{1,40}:[A-Za-z]{1,80})/;

function meaningOf(action: string, error: unknown): unknown {
  const refusal = refusalOf(error);
  if (!refusal) return error instanceof WeighlockError ? error : unreached(action, error);
  const { name, message, status } = refusal;
  const say = (code: ConstructorParameters<typeof WeighlockError>[0], what: string, hint?: string) =>
    new WeighlockError(code, `${what}: ${message}`, { cause: error, ...(hint && { hint }) });
  if (DENIED.test(name)) {
    const permission = PERMISSION.exec(message)?.[1] ?? action;
    return say(
      'WL_DEPLOY_DENIED',
      `the call ${action} was refused, for lack of the permission ${permission}`,
      `Give the deployer ${permission}: deployer-policy.json of --out has it, as narrow as it can be.`,
    );
  }
  if (STRANGER.test(name))
    return say(
      'WL_DEPLOY_DENIED',
      `AWS does not know these credentials (${action})`,
      'Log in again: `aws sts get-caller-identity` must answer.',
    );
  if (QUOTA.test(name))
    return say(
      'WL_DEPLOY_UNAVAILABLE',
      `a quota of the account is exceeded (${action})`,
      'Ask for more in the console of Service Quotas, or name another --instance or --region.',
    );
  if (/instance type/i.test(message) && /(region|availab|support)/i.test(message))
    return say(
      'WL_DEPLOY_UNAVAILABLE',
      `the region does not have this instance (${action})`,
      'Name another --instance or --region.',
    );
  if (status >= 500 || BUSY.test(name))
    return say(
      'WL_DEPLOY_UNAVAILABLE',
      `AWS kept failing ${action}, ${name}`,
      'Run the command again: what stands is found.',
    );
  return say('WL_DEPLOY_FAILED', `AWS refused ${action}, ${name}`);
}

/** No credentials, no connection: what went wrong is said, and which call it was. */
function unreached(action: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (/credential/i.test(`${error.name} ${error.message}`))
    return new WeighlockError('WL_DEPLOY_DENIED', `there are no credentials for ${action}`, {
      cause: error,
      hint: 'Log in: variables, profile, SSO or role, as for the AWS CLI. A plan alone needs none with --account.',
    });
  if (error.name === 'AbortError') return error;
  return new WeighlockError('WL_DEPLOY_UNAVAILABLE', `AWS did not answer ${action}: ${error.message}`, {
    cause: error,
  });
}
