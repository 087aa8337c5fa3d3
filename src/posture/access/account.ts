/** Who there is in an account, with every policy that speaks for or against them. */
import {
  type AttachedPolicy,
  GetAccountAuthorizationDetailsCommand,
  type GetAccountAuthorizationDetailsCommandOutput,
  type IAMClient,
  type PolicyDetail,
} from '@aws-sdk/client-iam';
import { asked, type Refusal } from '../store/answer.ts';
import type { Caller } from './decision.ts';
import { type ReadPolicy, type ReadStatement, readPolicy } from './statement.ts';

/** Entries of a page: few enough for one page and its documents to be small. */
const PAGE = 200;
/** IAM's highest quotas are 5,000 roles, 5,000 users and a few thousand policies. */
const PAGES_MAX = 200;
/** Characters of all documents together: what this process may hold of them. */
const CHARS_MAX = 16 << 20;

export interface AccountPrincipal extends Caller {
  readonly name: string;
  readonly statements: readonly ReadStatement[];
  readonly boundary: readonly ReadStatement[] | undefined;
  /** Who may take the role; empty for a user. */
  readonly trust: readonly ReadStatement[];
  /** Whether every policy of it was understood, and found. */
  readonly whole: boolean;
}

type Page = GetAccountAuthorizationDetailsCommandOutput;

/** What is in all pages. */
interface Gathered {
  readonly roles: NonNullable<Page['RoleDetailList']>;
  readonly users: NonNullable<Page['UserDetailList']>;
  readonly groups: NonNullable<Page['GroupDetailList']>;
  readonly managed: Map<string, string>;
  chars: number;
}

/** Everybody in the account, or the refusal. `other` where there is more than is read. */
export async function readAccount(
  iam: IAMClient,
  account: string,
): Promise<{ readonly kind: 'answer'; readonly answer: readonly AccountPrincipal[] } | Refusal> {
  const gathered: Gathered = { roles: [], users: [], groups: [], managed: new Map(), chars: 0 };
  let marker: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const result = await asked(
      iam.send(
        new GetAccountAuthorizationDetailsCommand({ MaxItems: PAGE, ...(marker && { Marker: marker }) }),
      ),
    );
    if (result.kind !== 'answer') return result;
    gather(gathered, result.answer);
    if (gathered.chars > CHARS_MAX)
      return { kind: 'other', said: `the account’s policies are longer than ${CHARS_MAX} characters` };
    marker = result.answer.IsTruncated ? result.answer.Marker : undefined;
    if (marker === undefined) return { kind: 'answer', answer: principals(gathered, account) };
  }
  return { kind: 'other', said: `the account has more than ${PAGES_MAX} pages of roles, users and policies` };
}

function gather(into: Gathered, page: Page): void {
  into.roles.push(...(page.RoleDetailList ?? []));
  into.users.push(...(page.UserDetailList ?? []));
  into.groups.push(...(page.GroupDetailList ?? []));
  for (const policy of page.Policies ?? []) {
    const current = policy.PolicyVersionList?.find((version) => version.IsDefaultVersion);
    if (policy.Arn === undefined || current?.Document === undefined) continue;
    into.managed.set(policy.Arn, current.Document);
    into.chars += current.Document.length;
  }
  const inline = [
    ...(page.RoleDetailList ?? []).map((role) => role.RolePolicyList),
    ...(page.UserDetailList ?? []).map((user) => user.UserPolicyList),
    ...(page.GroupDetailList ?? []).map((group) => group.GroupPolicyList),
  ];
  for (const list of inline)
    for (const policy of list ?? []) into.chars += policy.PolicyDocument?.length ?? 0;
}

function principals(gathered: Gathered, account: string): AccountPrincipal[] {
  const read = reader(gathered.managed);
  const groups = new Map(
    gathered.groups.map((group) => [
      group.GroupName ?? '',
      read(group.GroupPolicyList, group.AttachedManagedPolicies),
    ]),
  );
  const roles = gathered.roles.map((role): AccountPrincipal => {
    const own = read(role.RolePolicyList, role.AttachedManagedPolicies);
    const trust = readPolicy(role.AssumeRolePolicyDocument ?? '{}');
    const boundary = boundaryOf(role.PermissionsBoundary?.PermissionsBoundaryArn, read);
    return {
      arn: role.Arn ?? '',
      account,
      type: 'AssumedRole',
      name: role.RoleName ?? '',
      statements: own.statements,
      boundary: boundary?.statements,
      trust: trust.statements,
      whole: own.whole && trust.whole && (boundary?.whole ?? true),
    };
  });
  const users = gathered.users.map((user): AccountPrincipal => {
    const own = [
      read(user.UserPolicyList, user.AttachedManagedPolicies),
      ...(user.GroupList ?? []).map((name) => groups.get(name) ?? NOT_FOUND),
    ];
    const boundary = boundaryOf(user.PermissionsBoundary?.PermissionsBoundaryArn, read);
    return {
      arn: user.Arn ?? '',
      account,
      type: 'User',
      name: user.UserName ?? '',
      statements: own.flatMap(({ statements }) => statements),
      boundary: boundary?.statements,
      trust: [],
      whole: own.every(({ whole }) => whole) && (boundary?.whole ?? true),
    };
  });
  return [...roles, ...users];
}

const NOT_FOUND: ReadPolicy = { statements: [], whole: false };

type Reader = (
  inline: readonly PolicyDetail[] | undefined,
  attached: readonly AttachedPolicy[] | undefined,
) => ReadPolicy;

/** Reads inline and attached policies as one; a managed one is read once. */
function reader(managed: ReadonlyMap<string, string>): Reader {
  const known = new Map<string, ReadPolicy>();
  const byArn = (arn: string): ReadPolicy => {
    const found = known.get(arn);
    if (found) return found;
    const document = managed.get(arn);
    const policy = document === undefined ? NOT_FOUND : readPolicy(document);
    known.set(arn, policy);
    return policy;
  };
  return (inline, attached) => {
    const all = [
      ...(inline ?? []).map(({ PolicyDocument: document }) => readPolicy(document ?? '')),
      ...(attached ?? []).map(({ PolicyArn: arn }) => byArn(arn ?? '')),
    ];
    return {
      statements: all.flatMap(({ statements }) => statements),
      whole: all.every(({ whole }) => whole),
    };
  };
}

function boundaryOf(arn: string | undefined, read: Reader): ReadPolicy | undefined {
  return arn === undefined ? undefined : read([], [{ PolicyArn: arn }]);
}
