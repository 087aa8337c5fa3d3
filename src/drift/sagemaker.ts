/** Endpoints of SageMaker as workloads. */
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { type RunningEndpoint, runningEndpoints } from '../posture/endpoints/sagemaker.ts';
import type { Found, Workload } from './workload.ts';

/** `from` is what the ARNs of this account and region begin with. */
export async function sagemakerWorkloads(client: SageMakerClient, from: string): Promise<Found> {
  const look = { targets: ['sagemaker'], placesFrom: from };
  const found = await runningEndpoints(client);
  if (found.kind === 'unknown') return { ...look, workloads: [], unread: [`SageMaker: ${found.said}`] };
  return { ...look, workloads: found.endpoints.map(workloadOf), unread: [] };
}

function workloadOf({ arn, variants, unread }: RunningEndpoint): Workload {
  return {
    target: 'sagemaker',
    place: arn,
    containers: variants.flatMap(({ containers }) =>
      containers.map(({ image, environment, uris }) => ({ image, environment, uris, args: [] })),
    ),
    isolated: variants.length === 0 ? undefined : variants.every(({ isolated }) => isolated),
    unread,
  };
}
