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
import { decoded, type ReadPolicy, type ReadStatement, readPolicy } from './statement.ts';

/** Entries of a page: few enough for one page and its documents to be small. */
const PAGE = 100;
/** IAM's highest quotas are 5,000 roles, 5,000 users and a few thousand policies. */
const PAGES_MAX = 400;
/** Characters of all documents together: what this process may hold of them. */
const CHARS_MAX = 16 << 20;

export interface AccountPrincipal extends Caller {
  readonly statements: readonly ReadStatement[];
  readonly boundary: readonly ReadStatement[] | undefined;
  /** Who may take the role; empty for a user. */
  readonly trust: readonly ReadStatement[];
  /** Whether every policy of it was understood, and found. */
  readonly whole: boolean;
}

export interface Account {
  readonly count: number;
  /** Everybody, one after the other: their policies are read when their turn comes, and not kept. */
  principals(): Iterable<AccountPrincipal>;
}

type Page = GetAccountAuthorizationDetailsCommandOutput;

/** A principal as it is kept: documents as texts, which are a tenth of what is read from them. */
interface Kept {
  readonly arn: string;
  readonly type: Caller['type'];
  readonly trust: string | undefined;
  readonly inline: readonly string[];
  readonly attached: readonly string[];
  readonly groups: readonly string[];
  readonly boundary: string | undefined;
}

type Policies = Pick<Kept, 'inline' | 'attached'>;

/** What is in all pages. */
interface Gathered {
  readonly principals: Kept[];
  readonly groups: Map<string, Policies>;
  readonly managed: Map<string, string>;
  chars: number;
}

/** Everybody in the account, or the refusal. `other` where there is more than is read. */
export async function readAccount(
  iam: IAMClient,
  account: string,
): Promise<{ readonly kind: 'answer'; readonly answer: Account } | Refusal> {
  const gathered: Gathered = { principals: [], groups: new Map(), managed: new Map(), chars: 0 };
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
    if (marker === undefined) {
      const answer = { count: gathered.principals.length, principals: () => principals(gathered, account) };
      return { kind: 'answer', answer };
    }
  }
  return { kind: 'other', said: `the account has more than ${PAGES_MAX} pages of roles, users and policies` };
}

function gather(into: Gathered, page: Page): void {
  const keep = (text: string | undefined): string => {
    const kept = plain(text ?? '');
    into.chars += kept.length;
    return kept;
  };
  const policies = (
    inline: readonly PolicyDetail[] = [],
    attached: readonly AttachedPolicy[] = [],
  ): Policies => ({
    inline: inline.map(({ PolicyDocument: document }) => keep(document)),
    attached: attached.map(({ PolicyArn: arn }) => plain(arn ?? '')),
  });
  for (const role of page.RoleDetailList ?? [])
    into.principals.push({
      arn: plain(role.Arn ?? ''),
      type: 'AssumedRole',
      trust: keep(role.AssumeRolePolicyDocument),
      ...policies(role.RolePolicyList, role.AttachedManagedPolicies),
      groups: [],
      boundary: role.PermissionsBoundary?.PermissionsBoundaryArn,
    });
  for (const user of page.UserDetailList ?? [])
    into.principals.push({
      arn: plain(user.Arn ?? ''),
      type: 'User',
      trust: undefined,
      ...policies(user.UserPolicyList, user.AttachedManagedPolicies),
      groups: (user.GroupList ?? []).map(plain),
      boundary: user.PermissionsBoundary?.PermissionsBoundaryArn,
    });
  for (const group of page.GroupDetailList ?? [])
    into.groups.set(
      plain(group.GroupName ?? ''),
      policies(group.GroupPolicyList, group.AttachedManagedPolicies),
    );
  for (const policy of page.Policies ?? []) {
    const current = policy.PolicyVersionList?.find((version) => version.IsDefaultVersion);
    if (policy.Arn !== undefined && current?.Document !== undefined)
      into.managed.set(plain(policy.Arn), keep(current.Document));
  }
}

/** Without percent-encoding, and as a text of its own: a part of the answer's text would keep all of that alive. */
function plain(text: string): string {
  return Buffer.from(decoded(text)).toString();
}

function* principals(gathered: Gathered, account: string): Iterable<AccountPrincipal> {
  const { managed } = gathered;
  const byArn = (arn: string): ReadPolicy => {
    const document = managed.get(arn);
    return document === undefined ? NOT_FOUND : readPolicy(document);
  };
  const read = ({ inline, attached }: Policies) => [...inline.map(readPolicy), ...attached.map(byArn)];
  for (const kept of gathered.principals) {
    const groups = kept.groups.flatMap((name) => {
      const group = gathered.groups.get(name);
      return group === undefined ? [NOT_FOUND] : read(group);
    });
    const own = [...read(kept), ...groups];
    const trust = kept.trust === undefined ? undefined : readPolicy(kept.trust);
    const boundary = kept.boundary === undefined ? undefined : byArn(kept.boundary);
    yield {
      arn: kept.arn,
      account,
      type: kept.type,
      statements: own.flatMap(({ statements }) => statements),
      boundary: boundary?.statements,
      trust: trust?.statements ?? [],
      whole: [...own, ...(trust ? [trust] : []), ...(boundary ? [boundary] : [])].every(({ whole }) => whole),
    };
  }
}

const NOT_FOUND: ReadPolicy = { statements: [], whole: false };
