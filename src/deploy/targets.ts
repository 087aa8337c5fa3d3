/** The targets, in the order of the help. Each lists its options here, and loads its code when it is asked for. */
import type { TargetEntry } from './deploy.ts';
import { LOCAL } from './local/entry.ts';

export const TARGETS: readonly TargetEntry[] = [LOCAL];
