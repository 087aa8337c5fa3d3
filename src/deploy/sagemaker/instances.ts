/**
 * Instances of SageMaker with GPUs, as facts: Amazon's tables of EC2's accelerated instances say how many GPUs with how
 * much memory, and how much local NVMe. Where the disk is local NVMe, SageMaker takes neither a key nor a size for it: the
 * disk is encrypted by the machine itself.
 */
import { WeighlockError } from '../../base/errors.ts';
import type { Subject } from '../deploy.ts';
import { type Accelerators, fits, GPU_SHARE, gigabytes, type Need, shareOf } from '../size.ts';

export interface Instance extends Accelerators {
  readonly type: string;
  readonly gpu: string;
  /** Local disk in bytes; 0 where the disk is a volume of its own, with a size and a key to be named. */
  readonly nvmeBytes: number;
  /** Whether the GPU computes in FP8 (from Ada and Hopper on). */
  readonly fp8: boolean;
}

type Row = readonly [type: string, gpus: number, nvmeGb: number];

function family(
  gpu: string,
  { memoryGb, fp8 }: { memoryGb: number; fp8: boolean },
  rows: readonly Row[],
): Instance[] {
  return rows.map(([type, gpus, nvmeGb]) => ({
    type: `ml.${type}`,
    gpu,
    gpus,
    gpuMemoryBytes: memoryGb * 1e9,
    nvmeBytes: nvmeGb * 1e9,
    fp8,
  }));
}

const G5 = family('A10G', { memoryGb: 24, fp8: false }, [
  ['g5.xlarge', 1, 250],
  ['g5.2xlarge', 1, 450],
  ['g5.4xlarge', 1, 600],
  ['g5.8xlarge', 1, 900],
  ['g5.16xlarge', 1, 1900],
  ['g5.12xlarge', 4, 3800],
  ['g5.24xlarge', 4, 3800],
  ['g5.48xlarge', 8, 7600],
]);

const G6 = family('L4', { memoryGb: 24, fp8: true }, [
  ['g6.xlarge', 1, 250],
  ['g6.2xlarge', 1, 450],
  ['g6.4xlarge', 1, 600],
  ['g6.8xlarge', 1, 900],
  ['g6.16xlarge', 1, 1880],
  ['g6.12xlarge', 4, 3760],
  ['g6.24xlarge', 4, 3760],
  ['g6.48xlarge', 8, 7520],
]);

const G6E = family('L40S', { memoryGb: 48, fp8: true }, [
  ['g6e.xlarge', 1, 250],
  ['g6e.2xlarge', 1, 450],
  ['g6e.4xlarge', 1, 600],
  ['g6e.8xlarge', 1, 900],
  ['g6e.16xlarge', 1, 1900],
  ['g6e.12xlarge', 4, 3800],
  ['g6e.24xlarge', 4, 3800],
  ['g6e.48xlarge', 8, 7600],
]);

const P3 = family('V100', { memoryGb: 16, fp8: false }, [
  ['p3.2xlarge', 1, 0],
  ['p3.8xlarge', 4, 0],
  ['p3.16xlarge', 8, 0],
]);

const P4D = family('A100', { memoryGb: 40, fp8: false }, [['p4d.24xlarge', 8, 8000]]);
const P4DE = family('A100', { memoryGb: 80, fp8: false }, [['p4de.24xlarge', 8, 8000]]);
const P5 = family('H100', { memoryGb: 80, fp8: true }, [
  ['p5.4xlarge', 1, 3840],
  ['p5.48xlarge', 8, 30_720],
]);
const P5E = family('H200', { memoryGb: 141, fp8: true }, [
  ['p5e.48xlarge', 8, 30_720],
  ['p5en.48xlarge', 8, 30_720],
]);
const P6 = family('B200', { memoryGb: 180, fp8: true }, [['p6-b200.48xlarge', 8, 30_720]]);

export const INSTANCES: readonly Instance[] = [G5, G6, G6E, P3, P4D, P4DE, P5, P5E, P6].flat();

/** In which order they are tried: from the smallest to the largest, one of each step that people can mostly get. */
const LADDER = [
  'ml.g6.2xlarge',
  'ml.g6e.2xlarge',
  'ml.g6.12xlarge',
  'ml.g6e.12xlarge',
  'ml.g6.48xlarge',
  'ml.g6e.48xlarge',
  'ml.p4de.24xlarge',
  'ml.p5.48xlarge',
  'ml.p5en.48xlarge',
  'ml.p6-b200.48xlarge',
].map(instanceOf);

export interface Choice {
  readonly instance: Instance;
  /** Why this one, for people. */
  readonly why: string;
}

/**
 * The instance that was named, if the model fits it, or the first of the ladder that it fits. Throws WL_USAGE for one that
 * is not known, and WL_DEPLOY_TOO_LARGE with the arithmetic.
 */
export function chooseInstance(subject: Subject, need: Need | undefined, named: string | undefined): Choice {
  if (named !== undefined) {
    const instance = instanceOf(named);
    const obstacle = obstacleOf(subject, need, instance);
    if (obstacle !== undefined) throw tooLarge(subject, obstacle);
    return { instance, why: need ? 'as named' : 'as named; whether the model fits could not be computed' };
  }
  if (!need)
    throw new WeighlockError(
      'WL_USAGE',
      `how much memory ${subject.model} needs cannot be computed: name --instance`,
    );
  const passed: string[] = [];
  for (const instance of LADDER) {
    const obstacle = obstacleOf(subject, need, instance);
    if (obstacle === undefined) {
      const smaller = passed.at(-1);
      return {
        instance,
        why: smaller === undefined ? 'the smallest that is offered' : `the smallest that fits: ${smaller}`,
      };
    }
    passed.push(obstacle);
  }
  throw tooLarge(subject, passed.at(-1) ?? 'no instance is known');
}

function instanceOf(type: string): Instance {
  const found = INSTANCES.find((instance) => instance.type === type);
  if (found) return found;
  throw new WeighlockError('WL_USAGE', `nothing is known of the instance "${type}"`, {
    hint: `Known are ${INSTANCES.map((instance) => instance.type).join(', ')}.`,
  });
}

/** Why the model cannot run on it, as a sentence; undefined where it can. */
function obstacleOf({ sizeBytes }: Subject, need: Need | undefined, instance: Instance): string | undefined {
  const { type, gpu, gpus, gpuMemoryBytes, nvmeBytes } = instance;
  if (need?.fp8 && !instance.fp8)
    return `the weights are FP8, which the ${gpu} of ${type} does not compute in`;
  if (need && !fits(need, instance)) {
    const { totalBytes, gpus: used } = shareOf(need, gpus);
    return `${type} would need ${gigabytes(totalBytes)} on ${used === 1 ? `its ${gpu}, which has` : `each of ${used} ${gpu}, which have`} ${gigabytes(gpuMemoryBytes * GPU_SHARE)} for it`;
  }
  if (nvmeBytes > 0 && sizeBytes > nvmeBytes * DISK_SHARE)
    return `${type} has ${gigabytes(nvmeBytes)} of disk for ${gigabytes(sizeBytes)} of files`;
  return undefined;
}

/** The disk also holds the image, and what the runtime compiles. */
const DISK_SHARE = 0.85;

function tooLarge({ model }: Subject, obstacle: string): WeighlockError {
  return new WeighlockError('WL_DEPLOY_TOO_LARGE', `${model} does not fit: ${obstacle}`);
}
