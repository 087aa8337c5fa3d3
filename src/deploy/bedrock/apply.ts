/** Applying an import: the role, the job, and watching it to its end. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  BedrockClient,
  CreateModelImportJobCommand,
  type CreateModelImportJobCommandInput,
  GetModelImportJobCommand,
  type GetModelImportJobCommandOutput,
} from '@aws-sdk/client-bedrock';
import { printable, WeighlockError } from '../../base/errors.ts';
import { awsConfig } from '../../vault/s3-client.ts';
import { call, callerOf } from '../aws-call.ts';
import { ensureRole } from '../aws-role.ts';
import type { Applied, Conduct, Order } from '../deploy.ts';
import { type Import, requestsOf } from './import.ts';

/** An import of 200 GB takes an hour or two. */
const WATCHED_SECONDS_MAX = 4 * 3600;

/** Errors: WL_DEPLOY_DENIED, WL_DEPLOY_UNAVAILABLE, WL_DEPLOY_EXISTS, WL_DEPLOY_FAILED. */
export async function applyImport(made: Import, order: Order, conduct: Conduct): Promise<Applied> {
  const { region, account } = made.place;
  const caller = await callerOf(order, region);
  if (caller.account !== account)
    throw new WeighlockError(
      'WL_USAGE',
      `the plan is for account ${account}, and the credentials are of ${caller.account}`,
    );
  if (made.role) {
    const [create, policy] = requestsOf(made);
    if (!create || !policy) throw new Error('a role is made by two calls');
    await ensureRole(order.aws('iam', region), {
      create: create.input,
      policy: policy.input,
      trust: made.role.trust,
    });
  }
  const client = new BedrockClient(awsConfig(order.aws('bedrock', region)));
  try {
    const jobArn = await begin(client, made.job);
    conduct.tell(`import ${jobArn} begun`);
    const importedModelArn = await watched(client, jobArn, conduct);
    return {
      lines: [{ label: 'applied', text: `imported as ${importedModelArn}` }],
      deployment: {
        place: importedModelArn,
        resources: [importedModelArn, made.roleArn, jobArn],
      },
      by: caller.arn,
    };
  } finally {
    client.destroy();
  }
}

/** The job of this import. One that failed in an earlier run has used up its name and token. */
async function begin(client: BedrockClient, job: Import['job']): Promise<string> {
  const jobArn = await create(client, job);
  if ((await look(client, jobArn)).status !== 'Failed') return jobArn;
  const again = randomBytes(4).toString('hex');
  const jobName = `${job.jobName.slice(0, 54)}-${again}`;
  return create(client, { ...job, jobName, clientRequestToken: `${job.clientRequestToken}-${again}` });
}

async function create(client: BedrockClient, job: Import['job']): Promise<string> {
  const input = job as unknown as CreateModelImportJobCommandInput;
  const answer = client.send(new CreateModelImportJobCommand(input));
  return (await call('bedrock:CreateModelImportJob', answer)).jobArn ?? job.jobName;
}

function look(client: BedrockClient, jobIdentifier: string): Promise<GetModelImportJobCommandOutput> {
  return call('bedrock:GetModelImportJob', client.send(new GetModelImportJobCommand({ jobIdentifier })));
}

/** The ARN of the imported model. */
async function watched(
  client: BedrockClient,
  jobIdentifier: string,
  { pollMs, signal, tell }: Conduct,
): Promise<string> {
  const begin = performance.now();
  for (;;) {
    const job = await look(client, jobIdentifier);
    if (job.status === 'Completed' && job.importedModelArn) return job.importedModelArn;
    if (job.status === 'Failed')
      throw new WeighlockError(
        'WL_DEPLOY_FAILED',
        `the import failed: ${printable(job.failureMessage ?? 'no reason was given')}; nothing was left behind in Bedrock`,
        {
          hint: 'Correct what the reason names, then run the command again.',
        },
      );
    const seconds = Math.round((performance.now() - begin) / 1000);
    if (seconds > WATCHED_SECONDS_MAX || signal.aborted)
      throw new WeighlockError(
        'WL_DEPLOY_FAILED',
        `the import is still ${job.status} after ${seconds} s; it goes on by itself`,
        {
          hint: 'Run the command again: it finds the same job.',
        },
      );
    tell(`the import is ${job.status}, after ${seconds} s`);
    await pause(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
