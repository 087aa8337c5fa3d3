/**
 * Comparing the two routes to production for one model: straight from the Hub, and from the vault.
 *
 * An *aspect* is what a choice is about: control, scanning, latency, … A *line* states one fact of an aspect for both
 * routes, which of them it *favours*, and its *evidence*: what was asked or measured, here and now. The *recommendation*
 * follows from lines by rules that are written down, and says what would change it.
 */
import type { Commit, ModelName } from '../base/name.ts';
import { ASPECTS, type Line, type Sides } from './aspect.ts';
import type { Coverage } from './coverage.ts';
import { controlLines, exposureLines, trustLines } from './lines-control.ts';
import { scanningLines } from './lines-scanning.ts';
import { latencyLines, updateLines } from './lines-speed.ts';
import { communityLines, convenienceLines, dependencyLines, internalLines } from './lines-upkeep.ts';
import type { Measurement } from './measure.ts';
import { type Recommendation, recommend } from './recommend.ts';

export interface Comparison {
  readonly model: ModelName;
  readonly commit: Commit;
  readonly madeAt: string;
  readonly vaultLocation: string;
  readonly hubEndpoint: string;
  /** All weights of the revision. */
  readonly weightsBytes: number;
  readonly files: number;
  readonly lines: readonly Line[];
  readonly measured: {
    readonly vault: Measurement | undefined;
    readonly hub: Measurement | undefined;
  };
  readonly coverage: {
    readonly ours: Coverage | undefined;
    readonly hub: Coverage;
  };
  /** Seconds to all weights at bandwidths of targets, by arithmetic. */
  readonly arithmetic: readonly {
    readonly bandwidth: string;
    /** An instance that has it. */
    readonly instance?: string;
    readonly seconds: number;
  }[];
  readonly recommendation: Recommendation;
}

/** Of instances that models run on, in bits a second. */
const BANDWIDTHS = [
  { bandwidth: '1 Gbit/s', bitsPerSecond: 1e9 },
  { bandwidth: '10 Gbit/s', instance: 'g5.2xlarge', bitsPerSecond: 10e9 },
  { bandwidth: '25 Gbit/s', instance: 'g6.12xlarge', bitsPerSecond: 25e9 },
  { bandwidth: '100 Gbit/s', instance: 'g6.48xlarge', bitsPerSecond: 100e9 },
] as const;

/** Pure: the same sides give the same comparison. */
export function compare(sides: Sides): Comparison {
  const { vault, hub } = sides;
  const lines = [
    ...controlLines(sides),
    ...scanningLines(sides),
    ...latencyLines(sides),
    ...internalLines(sides),
    ...updateLines(sides),
    ...convenienceLines(sides),
    ...communityLines(sides),
    ...dependencyLines(sides),
    ...trustLines(sides),
    ...exposureLines(sides),
  ].toSorted((a, b) => ASPECTS.indexOf(a.aspect) - ASPECTS.indexOf(b.aspect));
  const weightsBytes = hub.weights.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return {
    model: sides.model,
    commit: sides.commit,
    madeAt: sides.madeAt,
    vaultLocation: vault.location,
    hubEndpoint: hub.endpoint,
    weightsBytes,
    files: hub.files,
    lines,
    measured: { vault: 'absent' in vault ? undefined : vault.measured, hub: hub.measured },
    coverage: { ours: 'absent' in vault ? undefined : vault.coverage, hub: hub.coverage },
    arithmetic: BANDWIDTHS.map(({ bitsPerSecond, ...named }) => ({
      ...named,
      seconds: (weightsBytes * 8) / bitsPerSecond,
    })),
    recommendation: recommend(sides),
  };
}
