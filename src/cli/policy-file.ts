/** Policy files, and which one is in force. Apart from the wiring, because the expressions of policies take long to load. */
import { readFileSync } from 'node:fs';
import { WeighlockError } from '../base/errors.ts';
import { type Policy, readPolicy } from '../policy/policy.ts';
import type { Config } from './config.ts';

/** The one that ships. */
const DEFAULT_POLICY = new URL('../../policies/default.yaml', import.meta.url);

export function policyInForce({ policy }: Pick<Config, 'policy'>): Policy {
  return policy === undefined ? readPolicyFile(DEFAULT_POLICY, 'default') : readPolicyFile(policy, policy);
}

export function readPolicyFile(file: string | URL, name: string): Policy {
  try {
    return readPolicy(readFileSync(file, 'utf8'), name);
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw new WeighlockError('WL_POLICY_INVALID', `cannot read the policy ${name}`, { cause: error });
  }
}
