/** What a comparison is made of: aspects, lines, and the two sides that they are read from. */
import type { Commit, ModelName } from '../base/name.ts';
import type { HubSide } from './hub-side.ts';
import type { VaultSide } from './vault-side.ts';

export const ASPECTS = [
  'control and isolation',
  'scanning',
  'remediation',
  'latency',
  'internal measures',
  'updates',
  'convenience',
  'community',
  'integrated features',
  'external dependency',
  'trust',
  'data exposure',
] as const;

export type Aspect = (typeof ASPECTS)[number];

export type RouteName = 'vault' | 'hub';

export interface Line {
  readonly aspect: Aspect;
  /** What the line is about, in a few words. */
  readonly what: string;
  readonly vault: string;
  readonly hub: string;
  readonly favours: RouteName | 'neither';
  /** How both values were found out. */
  readonly evidence: string;
}

/** Both sides of a model as they are at this moment. */
export interface Sides {
  readonly model: ModelName;
  /** The commit that is compared: the one that the vault serves, or the Hub's newest. */
  readonly commit: Commit;
  /** ISO 8601. */
  readonly madeAt: string;
  /** Undefined where the vault has no published revision of the model; `why` says so. */
  readonly vault: VaultSide | { readonly absent: string; readonly location: string };
  readonly hub: HubSide;
}
