/** The record of deployments: statements that say what was put where, and what is not there any more. */
import type { DeploymentBody, DeploymentEndBody } from '../attest/statement.ts';
import type { Sha256 } from '../base/digest.ts';
import { printable, WeighlockError } from '../base/errors.ts';
import { deployments } from '../registry/deployments.ts';
import type { Gate } from '../registry/gate.ts';
import type { Applied, Origin, Plan } from './deploy.ts';

/** Deployments that count at once: each is in the state, which every gateway reads. */
const DEPLOYMENTS_MAX = 10_000;

export interface Recorded {
  readonly statement: Sha256;
  readonly logIndex: number;
}

/** To be asked before anything is made: what could not be recorded is not to run. Throws WL_USAGE. */
export async function requireRoom(gate: Gate): Promise<void> {
  const { state } = await gate.state('accept');
  const count = Object.keys(state.deployments).length;
  if (count < DEPLOYMENTS_MAX) return;
  throw new WeighlockError(
    'WL_USAGE',
    `there are ${count} deployments on record, and no more are kept at once`,
    {
      hint: 'End those that are gone with `weighlock deploy end`.',
    },
  );
}

/** Logs what the plan says, and what applying it made known. Afterwards it counts for its place. */
export async function recordDeployment(
  gate: Gate,
  plan: Plan,
  made: {
    readonly applied?: Applied | undefined;
    readonly by: string;
    readonly tool: DeploymentBody['tool'];
  },
): Promise<Recorded> {
  const { subject, notGuaranteed } = plan;
  const draft = { ...plan.deployment, ...made.applied?.deployment };
  const { index, signed } = await gate.declare<DeploymentBody>({
    type: 'weighlock.deployment/v1',
    ...draft,
    model: subject.model,
    commit: subject.commit,
    origin: originOf(subject.origin),
    by: printable(made.applied?.by ?? made.by),
    notGuaranteed: [...notGuaranteed],
    tool: made.tool,
  });
  return { statement: signed.digest, logIndex: index };
}

/** Ends what counts for the place. Throws WL_USAGE if nothing does. */
export async function endDeployment(
  gate: Gate,
  { target, place, reason, tool }: Pick<DeploymentEndBody, 'target' | 'place' | 'reason' | 'tool'>,
): Promise<Recorded> {
  const there = await deployments(gate, 'accept');
  const found = there.find(({ body }) => body.target === target && body.place === place);
  if (!found)
    throw new WeighlockError('WL_USAGE', `no deployment is on record for ${target} at ${place}`, {
      hint: '`weighlock deploy list` shows them.',
    });
  const { index, signed } = await gate.declare<DeploymentEndBody>({
    type: 'weighlock.deployment-end/v1',
    target,
    place,
    deployment: found.digest,
    ...(reason !== undefined && { reason }),
    tool,
  });
  return { statement: signed.digest, logIndex: index };
}

function originOf(origin: Origin): DeploymentBody['origin'] {
  if (origin.route === 'vault') {
    const { record, manifest, uri, verifiedAt } = origin;
    return { route: 'vault', record, manifest, uri, verifiedAt };
  }
  const { endpoint, repoId, publisher, scan } = origin;
  return {
    route: 'hub',
    endpoint,
    ...(repoId !== undefined && { repoId }),
    ...(publisher && {
      publisher: {
        name: publisher.name,
        kind: publisher.kind,
        ...(publisher.verified !== undefined && { verified: publisher.verified }),
      },
    }),
    scan,
  };
}
