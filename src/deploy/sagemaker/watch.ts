/** Watching an endpoint until it is up or not, and reading why it is not. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ErrorCode } from '../../base/errors.ts';
import { printable } from '../../base/errors.ts';
import type { Conduct } from '../deploy.ts';
import type { Clients } from './clients.ts';
import type { Design } from './design.ts';

export type Outcome =
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly status: string; readonly reason: Reason }
  | { readonly kind: 'unfinished'; readonly status: string; readonly why: string };

export interface Reason {
  readonly code: ErrorCode;
  readonly what: string;
  readonly said: string;
  readonly hint: string;
}

/** Not at its end: it goes on by itself. */
const UNDER_WAY: ReadonlySet<string> = new Set(['Creating', 'Updating', 'SystemUpdating', 'RollingBack']);

/** A sentence is told at each change, and after so long without one. */
const TELL_MS = 60_000;

/** Asks until the endpoint is at an end, the limit is over, or somebody stops it. */
export async function watch(
  clients: Clients,
  { endpoint }: Design,
  { conduct, limitSeconds }: { readonly conduct: Conduct; readonly limitSeconds: number },
): Promise<Outcome> {
  const begin = performance.now();
  let told = { status: '', at: 0 };
  for (;;) {
    const now = await clients.describeEndpoint(endpoint.EndpointName);
    const status = now?.EndpointStatus ?? 'gone';
    if (!UNDER_WAY.has(status)) {
      const up = status === 'InService' && now?.EndpointConfigName === endpoint.EndpointConfigName;
      return up ? { kind: 'up' } : { kind: 'down', status, reason: reasonOf(now?.FailureReason) };
    }
    const sinceMs = performance.now() - begin;
    if (status !== told.status || sinceMs - told.at >= TELL_MS) {
      conduct.tell(`${endpoint.EndpointName} is ${status}, after ${Math.round(sinceMs / 1000)} s`);
      told = { status, at: sinceMs };
    }
    if (sinceMs > limitSeconds * 1000)
      return {
        kind: 'unfinished',
        status,
        why: `watched for ${limitSeconds} s, which is longer than it should take`,
      };
    await pause(conduct.pollMs, undefined, { signal: conduct.signal }).catch(() => undefined);
    if (conduct.signal.aborted) return { kind: 'unfinished', status, why: 'watching was stopped' };
  }
}

/** By the words that SageMaker uses; whatever they are, they are repeated. */
const REASONS: readonly (readonly [RegExp, Omit<Reason, 'said'>])[] = [
  [
    /image|\becr\b|repository/i,
    {
      code: 'WL_DEPLOY_FAILED',
      what: 'the image could not be pulled',
      hint: 'Check that the digest is in the repository, and that the role may pull from it (execution-role-policy.json).',
    },
  ],
  [
    /capacity/i,
    {
      code: 'WL_DEPLOY_UNAVAILABLE',
      what: 'there are no instances to be had now',
      hint: 'Try again later, or name another --instance or --region.',
    },
  ],
  [
    /limit|quota/i,
    {
      code: 'WL_DEPLOY_UNAVAILABLE',
      what: 'a quota of the account is exceeded',
      hint: 'Ask for more in the console of Service Quotas, or name another --instance.',
    },
  ],
  [
    /alarm/i,
    {
      code: 'WL_DEPLOY_FAILED',
      what: 'an alarm went off',
      hint: 'Look at what the new revision answered before it was rolled back.',
    },
  ],
  [
    /model data|\bs3\b|download/i,
    {
      code: 'WL_DEPLOY_FAILED',
      what: 'the files could not be downloaded',
      hint: 'Check that the role may read the prefix and use the key of the bucket (--bucket-key).',
    },
  ],
  [
    /health check|ping|container/i,
    {
      code: 'WL_DEPLOY_FAILED',
      what: 'the container failed its health check',
      hint: 'Mostly memory or an architecture that the container does not know: lower --context, or name a newer image.',
    },
  ],
];

function reasonOf(said: string | undefined): Reason {
  const text = printable(said ?? 'no reason was given').slice(0, 1024);
  const [, known] = REASONS.find(([words]) => words.test(text)) ?? [];
  return {
    ...(known ?? {
      code: 'WL_DEPLOY_FAILED',
      what: 'for a reason of its own',
      hint: 'Correct what the reason names, then run the command again.',
    }),
    said: text,
  };
}
