/**
 * Rollout: how long SageMaker waits for a container, and how a new revision takes over from the one before. *Blue/green*
 * brings up a whole second fleet and moves traffic; *rolling* replaces a part of the fleet at a time, which spares a second
 * one of instances that are hard to get. Both go back by themselves where an alarm goes off or a container does not come up.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Subject } from '../deploy.ts';

export interface Times {
  /** Of the download from S3; undefined where the container downloads by itself. */
  readonly downloadSeconds: number | undefined;
  readonly startupSeconds: number;
  /** What the startup would take at the assumed rates, where SageMaker does not wait for so long. */
  readonly beyondSeconds: number | undefined;
}

/** Limits of ModelDataDownloadTimeoutInSeconds and ContainerStartupHealthCheckTimeoutInSeconds. */
const SECONDS_MAX = 3600;

/** Slower than what an instance really gets, so that a slow day does not fail the deployment. */
const S3_BYTES_PER_SECOND = 200e6;
const HUB_BYTES_PER_SECOND = 100e6;
const LOAD_BYTES_PER_SECOND = 400e6;
/** Starting Python, compiling kernels, capturing graphs. */
const START_SECONDS = 600;
const DOWNLOAD_SECONDS_MIN = 300;

export function timesOf({ sizeBytes, weights, origin }: Subject): Times {
  const load = START_SECONDS + Math.ceil(weights.bytes / LOAD_BYTES_PER_SECOND);
  if (origin.route === 'vault') {
    const download = Math.max(DOWNLOAD_SECONDS_MIN, Math.ceil(sizeBytes / S3_BYTES_PER_SECOND));
    return {
      downloadSeconds: Math.min(SECONDS_MAX, download),
      startupSeconds: Math.min(SECONDS_MAX, load),
      beyondSeconds: Math.max(download, load) > SECONDS_MAX ? Math.max(download, load) : undefined,
    };
  }
  const all = load + Math.ceil(sizeBytes / HUB_BYTES_PER_SECOND);
  return {
    downloadSeconds: undefined,
    startupSeconds: Math.min(SECONDS_MAX, all),
    beyondSeconds: all > SECONDS_MAX ? all : undefined,
  };
}

export interface Rollout {
  readonly config: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface RolloutSettings {
  readonly weightsBytes: number;
  readonly count: number;
  readonly asked: 'rolling' | 'blue-green' | undefined;
  readonly alarms: readonly string[];
  readonly times: Times;
}

/** From here on a second fleet is too much to ask for. */
const ROLLING_BYTES_MIN = 100e9;

/** Alarms are watched for so long before the next step. */
const BAKE_SECONDS = 300;
/** The fleet before is kept for so long, to go back to. */
const KEEP_SECONDS = 300;
/** Limits of MaximumExecutionTimeoutInSeconds. */
const EXECUTION_SECONDS_MAX = 28_800;

/** A rolling step takes 5 to 50 % of the instances (RollingUpdatePolicy): there must be two. Throws WL_USAGE. */
export function rolloutOf(settings: RolloutSettings): Rollout {
  const { weightsBytes, count, asked, alarms, times } = settings;
  if (asked === 'rolling' && count < 2)
    throw new WeighlockError(
      'WL_USAGE',
      'a rolling update replaces at most half of the instances at a time: it needs --count 2',
    );
  const rolling =
    asked === 'rolling' || (asked === undefined && weightsBytes >= ROLLING_BYTES_MIN && count >= 2);
  const steps = rolling ? Math.ceil(count / stepOf(count)) : 2;
  const each = (times.downloadSeconds ?? 0) + times.startupSeconds + BAKE_SECONDS;
  const limit = Math.min(EXECUTION_SECONDS_MAX, steps * each + KEEP_SECONDS);
  const watch = { AutoRollbackConfiguration: { Alarms: alarms.map((AlarmName) => ({ AlarmName })) } };
  const back = `back by itself if ${alarms.join(' or ')} goes off, or a container does not come up`;
  if (rolling) {
    const size = { Type: 'INSTANCE_COUNT', Value: stepOf(count) };
    const RollingUpdatePolicy = {
      MaximumBatchSize: size,
      WaitIntervalInSeconds: BAKE_SECONDS,
      MaximumExecutionTimeoutInSeconds: limit,
      RollbackMaximumBatchSize: size,
    };
    return {
      config: { RollingUpdatePolicy, ...watch },
      text: `rolling, ${size.Value} of ${count} at a time; ${back}`,
    };
  }
  const canary = count >= 2;
  const BlueGreenUpdatePolicy = {
    TrafficRoutingConfiguration: canary
      ? {
          Type: 'CANARY',
          CanarySize: { Type: 'INSTANCE_COUNT', Value: 1 },
          WaitIntervalInSeconds: BAKE_SECONDS,
        }
      : { Type: 'ALL_AT_ONCE', WaitIntervalInSeconds: BAKE_SECONDS },
    TerminationWaitInSeconds: KEEP_SECONDS,
    MaximumExecutionTimeoutInSeconds: limit,
  };
  const way = canary ? `blue/green, 1 of ${count} instances first` : 'blue/green, all at once';
  return { config: { BlueGreenUpdatePolicy, ...watch }, text: `${way}; ${back}` };
}

/** A fifth of the fleet, at least one, never more than half. */
function stepOf(count: number): number {
  return Math.max(1, Math.floor(count / 5));
}
