/** A stand-in of Bedrock's import jobs on loopback, its requests held to the service model. Each look at a job is one step. */
import type http from 'node:http';
import { type JsonAnswer, JsonStandIn } from './json-stand-in.ts';
import { ServiceModel } from './service-model.ts';
import { ACCOUNT, REGION } from './subjects.ts';

interface Job {
  readonly input: Readonly<Record<string, unknown>>;
  readonly arn: string;
  stepsLeft: number;
  /** Set once it has ended: what ended stays so. */
  failure?: string | undefined;
}

export class BedrockStandIn extends JsonStandIn {
  readonly jobs: Job[] = [];
  steps = 2;
  failure: string | undefined;
  readonly #model = new ServiceModel('bedrock');

  static start(): Promise<BedrockStandIn> {
    return new BedrockStandIn().listen();
  }

  protected override respond({ method, url = '' }: http.IncomingMessage, text: string): JsonAnswer {
    const headers = { 'content-type': 'application/json' };
    const refuse = (status: number, type: string, message: string) => ({
      status,
      headers: { ...headers, 'x-amzn-errortype': type },
      body: { message },
    });
    if (method === 'POST' && url === '/model-import-jobs') {
      const input = JSON.parse(text);
      const [problem] = this.#model.problems('CreateModelImportJob', input);
      if (problem !== undefined) return refuse(400, 'ValidationException', problem);
      const before = this.jobs.find((job) => job.input.clientRequestToken === input.clientRequestToken);
      if (!before && this.jobs.some((job) => job.input.jobName === input.jobName))
        return refuse(400, 'ValidationException', 'the name of the job is in use');
      const arn = `arn:aws:bedrock:${REGION}:${ACCOUNT}:model-import-job/${'j'.repeat(11)}${this.jobs.length}`;
      if (!before) this.jobs.push({ input, arn, stepsLeft: this.steps });
      return { status: 201, headers, body: { jobArn: before?.arn ?? arn } };
    }
    const wanted = decodeURIComponent(/^\/model-import-jobs\/(.+)$/.exec(url)?.[1] ?? '');
    const job = this.jobs.find(({ arn }) => arn === wanted);
    if (method !== 'GET' || !job) return refuse(404, 'ResourceNotFoundException', 'no such job');
    job.stepsLeft = Math.max(0, job.stepsLeft - 1);
    if (job.stepsLeft === 0) job.failure ??= this.failure;
    const done = job.failure === undefined ? 'Completed' : 'Failed';
    const status = job.stepsLeft > 0 ? 'InProgress' : done;
    const importedModelArn = `arn:aws:bedrock:${REGION}:${ACCOUNT}:imported-model/${'m'.repeat(12)}`;
    return {
      status: 200,
      headers,
      body: {
        jobArn: job.arn,
        status,
        ...(status === 'Completed' && { importedModelArn }),
        ...(status === 'Failed' && { failureMessage: job.failure }),
      },
    };
  }
}
