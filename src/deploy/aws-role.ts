/** The role of one revision: made, or found as it must be. */
import {
  CreateRoleCommand,
  type CreateRoleCommandInput,
  GetRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
  type PutRolePolicyCommandInput,
} from '@aws-sdk/client-iam';
import { canonicalJson } from '../base/canonical-json.ts';
import { WeighlockError } from '../base/errors.ts';
import { awsConfig } from '../vault/s3-client.ts';
import type { PolicyDocument } from './aws.ts';
import { call, refusalOf } from './aws-call.ts';
import type { AwsReach } from './deploy.ts';

export interface RoleRequests {
  readonly create: Readonly<Record<string, unknown>>;
  readonly policy: Readonly<Record<string, unknown>>;
  readonly trust: PolicyDocument;
}

/** Throws WL_DEPLOY_EXISTS for a role of this name that others may assume, and WL_DEPLOY_DENIED. */
export async function ensureRole(
  reach: AwsReach,
  { create, policy, trust }: RoleRequests,
): Promise<'made' | 'was there'> {
  const client = new IAMClient(awsConfig(reach));
  try {
    const made = await createRole(client, create as unknown as CreateRoleCommandInput);
    if (made === 'was there') await requireTrust(client, String(create.RoleName), trust);
    const input = policy as unknown as PutRolePolicyCommandInput;
    await call('iam:PutRolePolicy', client.send(new PutRolePolicyCommand(input)));
    return made;
  } finally {
    client.destroy();
  }
}

async function createRole(client: IAMClient, input: CreateRoleCommandInput): Promise<'made' | 'was there'> {
  const answer = client.send(new CreateRoleCommand(input)).then(
    () => 'made' as const,
    (error) => {
      if (refusalOf(error)?.name.startsWith('EntityAlreadyExists')) return 'was there' as const;
      throw error;
    },
  );
  return call('iam:CreateRole', answer);
}

async function requireTrust(client: IAMClient, RoleName: string, trust: PolicyDocument): Promise<void> {
  const { Role } = await call('iam:GetRole', client.send(new GetRoleCommand({ RoleName })));
  if (
    canonicalText(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')) ===
    canonicalText(JSON.stringify(trust))
  )
    return;
  throw new WeighlockError(
    'WL_DEPLOY_EXISTS',
    `the role ${RoleName} is there, and trusts others than it should`,
    {
      hint: 'Delete the role, or name another with --role.',
    },
  );
}

function canonicalText(text: string): string {
  try {
    return canonicalJson(JSON.parse(text));
  } catch {
    return text;
  }
}
