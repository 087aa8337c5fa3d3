/** The targets, in the order of the help. Each lists its options here, and loads its code when it is asked for. */
import { BEDROCK } from './bedrock/entry.ts';
import { COMPOSE } from './compose/entry.ts';
import type { TargetEntry } from './deploy.ts';
import { KSERVE, VLLM } from './kubernetes/entry.ts';
import { LOCAL } from './local/entry.ts';
import { SAGEMAKER } from './sagemaker/entry.ts';

export const TARGETS: readonly TargetEntry[] = [SAGEMAKER, VLLM, KSERVE, BEDROCK, COMPOSE, LOCAL];
