/** A stand-in of Bedrock's import jobs on loopback, its requests held to the service model. Each look at a job is one step. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ServiceModel } from './service-model.ts';
import { ACCOUNT, REGION } from './subjects.ts';

interface Job {
  readonly input: Readonly<Record<string, unknown>>;
  readonly arn: string;
  stepsLeft: number;
  /** Set once it has ended: what ended stays so. */
  failure?: string | undefined;
}

export class BedrockStandIn {
  readonly endpoint: string;
  readonly jobs: Job[] = [];
  steps = 2;
  failure: string | undefined;
  readonly #server: http.Server;
  readonly #model = new ServiceModel('bedrock');

  private constructor(server: http.Server) {
    this.#server = server;
    this.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<BedrockStandIn> {
    const server = http.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const standIn = new BedrockStandIn(server);
    server.on('request', (request, response) => void standIn.#answer(request, response));
    return standIn;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { status, type, body } = this.#respond(request, Buffer.concat(chunks).toString('utf8'));
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(type && { 'x-amzn-errortype': type }),
    });
    response.end(JSON.stringify(body));
  }

  #respond({ method, url = '' }: http.IncomingMessage, text: string) {
    const refuse = (status: number, type: string, message: string) => ({ status, type, body: { message } });
    if (method === 'POST' && url === '/model-import-jobs') {
      const input = JSON.parse(text);
      const [problem] = this.#model.problems('CreateModelImportJob', input);
      if (problem !== undefined) return refuse(400, 'ValidationException', problem);
      const before = this.jobs.find((job) => job.input.clientRequestToken === input.clientRequestToken);
      if (!before && this.jobs.some((job) => job.input.jobName === input.jobName))
        return refuse(400, 'ValidationException', 'the name of the job is in use');
      const arn = `arn:aws:bedrock:${REGION}:${ACCOUNT}:model-import-job/${'j'.repeat(11)}${this.jobs.length}`;
      if (!before) this.jobs.push({ input, arn, stepsLeft: this.steps });
      return { status: 201, type: undefined, body: { jobArn: before?.arn ?? arn } };
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
      type: undefined,
      body: {
        jobArn: job.arn,
        status,
        ...(status === 'Completed' && { importedModelArn }),
        ...(status === 'Failed' && { failureMessage: job.failure }),
      },
    };
  }
}
