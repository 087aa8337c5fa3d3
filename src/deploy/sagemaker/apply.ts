/**
 * Applying a design: role, model, configuration, alarm, then the endpoint, created or updated, and watched until it answers.
 * What was made for a deployment that did not come up is taken away again; what ran before still runs.
 */
import { WeighlockError } from '../../base/errors.ts';
import { call, callerOf } from '../aws-call.ts';
import type { Applied, Conduct, Order } from '../deploy.ts';
import { Clients } from './clients.ts';
import type { Design } from './design.ts';
import { makeAlarm, makeConfig, makeModel, makeRole } from './make.ts';
import { type Outcome, watch } from './watch.ts';

/** Errors: WL_DEPLOY_DENIED, WL_DEPLOY_UNAVAILABLE, WL_DEPLOY_EXISTS, WL_DEPLOY_FAILED. */
export async function applyDesign(design: Design, order: Order, conduct: Conduct): Promise<Applied> {
  const { account, region } = design.settings.place;
  const caller = await callerOf(order, region);
  if (caller.account !== account)
    throw new WeighlockError(
      'WL_USAGE',
      `the plan is for account ${account}, and the credentials are of ${caller.account}`,
    );
  const clients = new Clients(order, region);
  try {
    const applied = await new Application({ design, clients, conduct }).run();
    return { ...applied, by: caller.arn };
  } finally {
    clients.close();
  }
}

/** The endpoint before anything is done. */
interface Before {
  readonly configName: string;
}

interface Undo {
  readonly what: string;
  readonly run: () => Promise<unknown>;
}

class Application {
  readonly #design: Design;
  readonly #clients: Clients;
  readonly #conduct: Conduct;
  readonly #undo: Undo[] = [];

  constructor({ design, clients, conduct }: { design: Design; clients: Clients; conduct: Conduct }) {
    this.#design = design;
    this.#clients = clients;
    this.#conduct = conduct;
  }

  async run(): Promise<Applied> {
    const before = await this.#look();
    const { config, endpoint } = this.#design;
    if (before?.configName === config.EndpointConfigName)
      return this.#applied(`${endpoint.EndpointName} is as planned already`);
    try {
      await this.#prepare();
      await this.#begin(before);
    } catch (error) {
      throw await this.#undone(error);
    }
    const limitSeconds = before ? this.#updateSeconds() : this.#creationSeconds();
    const outcome = await this.#watch(limitSeconds);
    return this.#conclude(outcome, before);
  }

  /** What is begun goes on by itself, also where nobody can look at it any more. */
  async #watch(limitSeconds: number): Promise<Outcome> {
    try {
      return await watch(this.#clients, this.#design, { conduct: this.#conduct, limitSeconds });
    } catch (error) {
      if (!(error instanceof WeighlockError)) throw error;
      const { EndpointName } = this.#design.endpoint;
      throw new WeighlockError(error.code, `${EndpointName} goes on by itself, unwatched: ${error.message}`, {
        hint: 'Once it is InService, run the command again: it then only records.',
        cause: error,
      });
    }
  }

  /** Throws WL_DEPLOY_EXISTS for an endpoint of somebody else, or one that cannot be updated now. */
  async #look(): Promise<Before | undefined> {
    const { EndpointName } = this.#design.endpoint;
    const there = await this.#clients.describeEndpoint(EndpointName);
    if (!there) return undefined;
    const tags = await this.#clients.tagsOf(there.EndpointArn ?? '');
    const origin = this.#design.subject.origin;
    const ours = tags.get('weighlock:vault') ?? tags.get('weighlock:hub');
    const same =
      origin.route !== 'vault' ||
      !tags.has('weighlock:vault') ||
      tags.get('weighlock:vault') === origin.vault;
    if (ours === undefined || !same)
      throw new WeighlockError(
        'WL_DEPLOY_EXISTS',
        `the name ${EndpointName} is in use by an endpoint that this vault did not deploy`,
      );
    if (there.EndpointStatus === 'InService') return { configName: there.EndpointConfigName ?? '' };
    throw new WeighlockError(
      'WL_DEPLOY_EXISTS',
      `the endpoint ${EndpointName} is ${there.EndpointStatus}, and cannot be updated now`,
      {
        hint:
          there.EndpointStatus === 'Failed'
            ? 'It never came up: delete it, then run the command again.'
            : 'Wait until it is InService, then run the command again.',
      },
    );
  }

  async #prepare(): Promise<void> {
    const { tell } = this.#conduct;
    const madeRole = await makeRole(this.#clients, this.#design);
    if (madeRole === 'made') tell(`role ${this.#design.role?.name} made`);
    const { ModelName } = this.#design.model;
    const { EndpointConfigName } = this.#design.config;
    if ((await makeModel(this.#clients, this.#design, this.#conduct)) === 'made')
      this.#undo.unshift({ what: 'model', run: () => this.#clients.deleteModel(ModelName) });
    if ((await makeConfig(this.#clients, this.#design)) === 'made')
      this.#undo.unshift({
        what: 'configuration',
        run: () => this.#clients.deleteConfig(EndpointConfigName),
      });
    await makeAlarm(this.#clients, this.#design);
    tell(`model ${ModelName} and configuration ${EndpointConfigName} stand`);
  }

  async #begin(before: Before | undefined): Promise<void> {
    const { endpoint, update } = this.#design;
    if (before) {
      await call('sagemaker:UpdateEndpoint', this.#clients.updateEndpoint(update));
      this.#conduct.tell(`update of ${endpoint.EndpointName} begun: ${this.#design.rollout.text}`);
      return;
    }
    await call('sagemaker:CreateEndpoint', this.#clients.createEndpoint(endpoint));
    this.#undo.unshift({ what: 'endpoint', run: () => this.#clients.deleteEndpoint(endpoint.EndpointName) });
    this.#conduct.tell(`creation of ${endpoint.EndpointName} begun`);
  }

  async #conclude(outcome: Outcome, before: Before | undefined): Promise<Applied> {
    const { EndpointName } = this.#design.endpoint;
    switch (outcome.kind) {
      case 'up':
        return this.#applied(`${EndpointName} is in service${before ? `, before ${before.configName}` : ''}`);
      case 'unfinished':
        throw new WeighlockError(
          'WL_DEPLOY_FAILED',
          `${EndpointName} is still ${outcome.status}: ${outcome.why}; it goes on by itself`,
          {
            hint: 'Once it is InService, run the command again: it then only records.',
          },
        );
      case 'down': {
        const { reason, status } = outcome;
        const undone = await this.#takeAway();
        const now = nowText({ status, before, undone });
        throw new WeighlockError(
          reason.code,
          `${EndpointName} did not come up, ${reason.what}: ${reason.said}; ${now}`,
          {
            hint: `${reason.hint} Its log is in CloudWatch, /aws/sagemaker/Endpoints/${EndpointName}.`,
          },
        );
      }
    }
  }

  #applied(text: string): Applied {
    const { endpointArn } = this.#design;
    return { lines: [{ label: 'applied', text }], deployment: { place: endpointArn } };
  }

  async #undone(error: unknown): Promise<unknown> {
    const undone = await this.#takeAway();
    if (!(error instanceof WeighlockError) || undone === '') return error;
    return new WeighlockError(error.code, `${error.message}; ${undone}`, { hint: error.hint, cause: error });
  }

  /** What was made by this run, the last first. Says what is gone, and what stayed. */
  async #takeAway(): Promise<string> {
    const gone: string[] = [];
    const stayed: string[] = [];
    for (const { what, run } of this.#undo) {
      try {
        await run();
        gone.push(what);
      } catch {
        stayed.push(what);
      }
    }
    return [
      ...(gone.length > 0 ? [`${gone.join(', ')} of this run deleted again`] : []),
      ...(stayed.length > 0 ? [`${stayed.join(', ')} of this run could not be deleted`] : []),
    ].join('; ');
  }

  #creationSeconds(): number {
    const { downloadSeconds = 0, startupSeconds } = this.#design.times;
    return PROVISIONING_SECONDS + downloadSeconds + startupSeconds;
  }

  #updateSeconds(): number {
    return UPDATE_SECONDS_MAX + PROVISIONING_SECONDS;
  }
}

/** What it takes to get an instance and its image, at the most; without capacity SageMaker gives up by itself. */
const PROVISIONING_SECONDS = 3600;
/** The longest MaximumExecutionTimeoutInSeconds. */
const UPDATE_SECONDS_MAX = 28_800;

function nowText({
  status,
  before,
  undone,
}: {
  readonly status: string;
  readonly before: Before | undefined;
  readonly undone: string;
}): string {
  if (!before) return undone;
  const now =
    status === 'InService'
      ? `it was rolled back, and ${before.configName} answers as before`
      : `it is ${status}: going back failed too, and nothing may answer`;
  return undone === '' ? now : `${now}; ${undone}`;
}
