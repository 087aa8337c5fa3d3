/** The command line against a Hub stand-in, in a folder of its own that ends with the test. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { runCommand } from '../../src/cli/main.ts';
import { type HubStandIn, startHubStandIn } from '../../src/hub-stand-in/hub-stand-in.ts';
import type { StandInModel } from '../../src/hub-stand-in/model.ts';
import { capture } from './capture.ts';

export interface Ended {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** What `admit --json` prints, as far as these tests look at it. */
export interface AdmitOutput {
  readonly commit: string;
  readonly verdict: string;
  readonly outcome: string;
  readonly fetched: number;
  readonly rules: readonly { readonly rule: string; readonly outcome: string; readonly because: string }[];
  readonly findings: readonly { readonly rule: string; readonly verdict: string; readonly file: string }[];
  readonly files: readonly { readonly path: string; readonly sizeBytes: number; readonly sha256: string }[];
  readonly excluded: readonly { readonly path: string; readonly by: string }[];
  readonly coverage: readonly {
    readonly path: string;
    readonly format: string;
    readonly verdict: string;
    readonly gaps: readonly unknown[];
  }[];
}

export interface CommandLine {
  readonly folder: string;
  readonly hub: HubStandIn;
  /** Runs one command line to its end. */
  run(...args: readonly string[]): Promise<Ended>;
  /** `admit --json`; fails the test where the exit code is another. */
  admit(exit: number, ...args: readonly string[]): Promise<AdmitOutput>;
  /** Requests for the bytes of a model's files since the last call: what was fetched, whoever sent it. */
  fetches(): number;
}

/** Serves the models, and gives the test a vault, keys and a Hub of its own. */
export async function commandLine(
  t: TestContext,
  models: readonly StandInModel[],
  variables: NodeJS.ProcessEnv = {},
): Promise<CommandLine> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-story-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const hub = await startHubStandIn({ models });
  t.after(() => hub.close());
  const environment = {
    ...variables,
    WEIGHLOCK_HOME: path.join(folder, 'home'),
    WEIGHLOCK_HUB_ENDPOINT: hub.endpoint,
    WEIGHLOCK_HUB_HOSTS: hub.cdnHost,
  };
  const run = async (...args: readonly string[]): Promise<Ended> => {
    const { terminal, out, err } = capture();
    const exit = await runCommand(args, { directory: folder, environment, terminal });
    return { exit, out: out(), err: err() };
  };
  let seen = 0;
  return {
    folder,
    hub,
    run,
    admit: async (exit, ...args) => {
      const ended = await run('admit', ...args, '--json');
      assert.equal(ended.exit, exit, ended.err || ended.out);
      return JSON.parse(ended.out);
    },
    fetches: () => {
      const all = hub.requests.filter(
        ({ server, path: asked }) => server === 'cdn' || asked.includes('/resolve'),
      );
      const since = all.length - seen;
      seen = all.length;
      return since;
    },
  };
}
