/** The contract's files served by the Hub stand-in, and a HubSource whose waits take no time. */
import type { TestContext } from 'node:test';
import { parseModelName } from '../../src/base/name.ts';
import {
  type HubStandIn,
  type HubStandInOptions,
  startHubStandIn,
} from '../../src/hub-stand-in/hub-stand-in.ts';
import { filesOf, type StandInModel } from '../../src/hub-stand-in/model.ts';
import { CONTRACT_FILES } from '../../src/sources/contract.ts';
import { HubSource } from '../../src/sources/hub.ts';
import type { HubLimits } from '../../src/sources/hub-limits.ts';
import type { WaitingClock } from '../../src/sources/patience.ts';

export const MODEL = parseModelName('acme/model');

export const CONTRACT_MODEL: StandInModel = { id: MODEL, commits: [{ files: filesOf(CONTRACT_FILES) }] };

export interface RecordingClock extends WaitingClock {
  readonly slept: number[];
}

/** Waits end at once and are remembered. */
export function recordingClock(now: () => number = Date.now): RecordingClock {
  const slept: number[] = [];
  return {
    slept,
    now,
    random: () => 1,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted();
      slept.push(milliseconds);
    },
  };
}

export interface Served {
  readonly hub: HubStandIn;
  readonly source: HubSource;
  readonly clock: RecordingClock;
}

export interface ServeOptions extends Partial<HubStandInOptions> {
  readonly token?: string;
  readonly limits?: Partial<HubLimits>;
  readonly clock?: RecordingClock;
}

/** Starts the stand-in and a source that reads from it; both end with the test. */
export async function serve(t: TestContext, options: ServeOptions = {}): Promise<Served> {
  const { token, limits = {}, clock = recordingClock(), ...hubOptions } = options;
  const hub = await startHubStandIn({ models: [CONTRACT_MODEL], ...hubOptions });
  t.after(() => hub.close());
  const ticket = {
    kind: 'hub',
    endpoint: hub.endpoint,
    hosts: [hub.cdnHost],
    ...(token ? { token } : {}),
  } as const;
  const source = new HubSource(ticket, { limits, clock });
  t.after(() => source.close());
  return { hub, source, clock };
}
