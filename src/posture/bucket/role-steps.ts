/** The steps that make the roles of a vault as planned. */
import {
  CreateRoleCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { asked } from '../store/answer.ts';
import type { RolePlan } from './bucket-plan.ts';
import { sameDocument } from './policy-document.ts';
import type { Step } from './steps.ts';

/** The name of the one inline policy of each role. */
const POLICY_NAME = 'weighlock';

export function roleStep(iam: IAMClient, plan: RolePlan): Step {
  const RoleName = plan.name;
  const PolicyName = POLICY_NAME;
  const AssumeRolePolicyDocument = JSON.stringify(plan.trust);
  return {
    id: `role-${plan.role}`,
    what: `role ${plan.name}`,
    look: async () => {
      const { Role: role } = await iam.send(new GetRoleCommand({ RoleName }));
      const policy = await asked(iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })));
      if (policy.kind !== 'answer') return 'otherwise';
      const same =
        sameDocument(decoded(role?.AssumeRolePolicyDocument), plan.trust) &&
        sameDocument(decoded(policy.answer.PolicyDocument), plan.policy);
      return same ? 'as planned' : 'otherwise';
    },
    apply: async () => {
      const there = await asked(iam.send(new GetRoleCommand({ RoleName })));
      await (there.kind === 'answer'
        ? iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: AssumeRolePolicyDocument }))
        : iam.send(
            new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, Description: plan.description }),
          ));
      await iam.send(
        new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: JSON.stringify(plan.policy) }),
      );
    },
  };
}

/** IAM gives documents back percent-encoded. */
function decoded(document: string | undefined): unknown {
  if (!document) return undefined;
  try {
    return JSON.parse(document.startsWith('{') ? document : decodeURIComponent(document));
  } catch {
    return undefined;
  }
}
