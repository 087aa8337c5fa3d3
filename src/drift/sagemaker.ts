/** Endpoints of SageMaker as workloads. */
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { WeighlockError } from '../base/errors.ts';
import { type RunningEndpoint, runningEndpoints } from '../posture/endpoints/sagemaker.ts';
import { refusalOf } from '../posture/store/answer.ts';
import { awsConfig } from '../vault/s3-client.ts';
import type { Found, Workload } from './workload.ts';

/**
 * The endpoints of one region, in the account that the credentials belong to. Throws WL_SOURCE_UNAVAILABLE or
 * WL_VAULT_DENIED where AWS cannot be asked at all.
 */
export async function lookInSageMaker(
  region: string,
  reach: (service: string) => Parameters<typeof awsConfig>[0],
): Promise<Found> {
  const sagemaker = new SageMakerClient(awsConfig(reach('sagemaker')));
  const sts = new STSClient(awsConfig(reach('sts')));
  try {
    const { Account: account = '', Arn: arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
    const placesFrom = `arn:${arn.split(':')[1] || 'aws'}:sagemaker:${region}:${account}:`;
    return await sagemakerWorkloads(sagemaker, placesFrom);
  } catch (error) {
    const refusal = refusalOf(error);
    if (error instanceof WeighlockError) throw error;
    const why = refusal?.said ?? (error instanceof Error ? error.message : String(error));
    throw new WeighlockError(
      refusal?.kind === 'denied' ? 'WL_VAULT_DENIED' : 'WL_SOURCE_UNAVAILABLE',
      `AWS in ${region} cannot be asked what runs there: ${why}`,
      { hint: 'Check credentials, region and network (`weighlock doctor`).', cause: error },
    );
  } finally {
    sagemaker.destroy();
    sts.destroy();
  }
}

export async function sagemakerWorkloads(client: SageMakerClient, placesFrom: string): Promise<Found> {
  const look = { targets: ['sagemaker'], placesFrom };
  const found = await runningEndpoints(client);
  if (found.kind === 'unknown') return { ...look, workloads: [], unread: [`SageMaker: ${found.said}`] };
  return { ...look, workloads: found.endpoints.map(workloadOf), unread: [] };
}

function workloadOf({ arn, variants, unread }: RunningEndpoint): Workload {
  return {
    target: 'sagemaker',
    place: arn,
    containers: variants.flatMap(({ containers }) =>
      containers.map(({ image, environment, uris }) => ({
        image,
        environment,
        referred: [],
        uris,
        args: [],
      })),
    ),
    isolated: variants.length === 0 ? undefined : variants.every(({ isolated }) => isolated),
    unread,
  };
}
