/** What runs where, as the statements that count say. */
import type { DeploymentBody } from '../attest/statement.ts';
import type { Sha256 } from '../base/digest.ts';
import type { Registry } from './registry.ts';

/** A deployment that counts: the statement's digest, its entry in the log, and what it says. */
export interface RecordedDeployment {
  readonly digest: Sha256;
  readonly logIndex: number;
  readonly body: DeploymentBody;
}

/** The deployments that count now, by target and place. Throws what makes the vault's state unbelievable. */
export async function deployments(
  registry: Registry,
  expired: 'refuse' | 'accept' = 'refuse',
): Promise<readonly RecordedDeployment[]> {
  const { state } = await registry.state(expired);
  const found: RecordedDeployment[] = [];
  for (const [key, { logIndex }] of Object.entries(state.deployments)) {
    const { body, digest } = await registry.statement('deployment', key as Sha256);
    found.push({ digest, logIndex, body });
  }
  const named = ({ body }: RecordedDeployment) => `${body.target} ${body.place}`;
  return found.sort((a, b) => (named(a) < named(b) ? -1 : 1));
}
