/**
 * `weighlock deploy local --apply`: stays, follows what the vault says, and records each change. It is the gateway's rule
 * at the other end: what the vault does not stand for any more is not served.
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EXIT, WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName } from '../base/name.ts';
import { own } from '../base/own.ts';
import type { Plan } from '../deploy/deploy.ts';
import { Backend } from '../deploy/local/backend.ts';
import { Front } from '../deploy/local/front.ts';
import type { Here } from '../deploy/local/local.ts';
import { type Change, Rollout, type Wanted } from '../deploy/local/rollout.ts';
import { endDeployment, recordDeployment } from '../deploy/record.ts';
import { pull } from '../lifecycle/pull.ts';
import { copyProofPath, readCopyProof, verifyCopy } from '../registry/copy-proof.ts';
import type { Gate } from '../registry/gate.ts';
import { Follower } from './follower.ts';
import type { Outcome } from './outcome.ts';
import { labelled } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

export interface LocalRun {
  readonly gate: Gate;
  readonly model: ModelName;
  /** As it was asked for: a channel is followed, a commit is not. */
  readonly revision: string | undefined;
  readonly here: Here;
  /** A plan of another revision, made by the same options. */
  readonly planOf: (commit: Commit) => Promise<Plan>;
}

/** Runs until it is told to stop, or until what it was asked for may not run and nothing can take its place. */
export async function runHere(wire: Wire, run: LocalRun): Promise<Outcome> {
  const { gate, here } = run;
  const front = await Front.listen(here.host, here.port).catch((cause: Error) => {
    throw new WeighlockError(
      'WL_CONFIG_INVALID',
      `cannot listen at ${here.host}:${here.port}: ${cause.message}`,
      {
        hint: 'Choose another with --host and --port; --port 0 takes a free one.',
        cause,
      },
    );
  });
  const { promise: over, resolve: end } = Promise.withResolvers<{ readonly error: unknown } | undefined>();
  const place = `${os.hostname()}:${new URL(front.url).port}`;
  const rollout = new Rollout({
    front,
    drainMs: here.drainMs,
    start: (commit, signal) => startServer(wire, run, { commit, signal }),
    onChange: async (change) => {
      wire.terminal.err(changeText(change, front.url));
      if (change.kind === 'failed' && rollout.serving === undefined) end({ error: change.error });
      await note(wire, run, { change, place, url: front.url });
    },
  });
  const look = async (error?: unknown) => {
    const wanted = error === undefined ? await wantedOf(run) : nothing(error);
    // Out of reach: what was said last holds, until its time is over.
    if (!wanted) return;
    await rollout.want(wanted);
    // A commit that was asked for by name has no successor.
    if (wanted.commit === undefined && /^[0-9a-f]{40}$/.test(run.revision ?? ''))
      end({ error: error ?? new WeighlockError('WL_REVOKED', wanted.why) });
  };
  const fail = (error: unknown) => end({ error });
  const follower = await Follower.start(wire, gate, { look, fail });
  const stop = () => end(undefined);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);
  const failure = await over;
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
  await follower.close();
  await rollout.end();
  await front.end();
  if (failure) throw failure.error;
  return { exit: EXIT.done, json: { stopped: true }, text: '' };
}

/** What the vault says is to run, and what may go on meanwhile; undefined where it cannot be asked. */
async function wantedOf({ gate, model, revision }: LocalRun): Promise<Wanted | undefined> {
  try {
    const index = await gate.model(model);
    const mayGoOn = (commit: Commit) => {
      const entry = index && own(index.revisions, commit);
      return entry !== undefined && !entry.revoked && !entry.removed && entry.receipt !== undefined;
    };
    try {
      const { id } = await gate.published(model, revision);
      return { commit: id.commit, why: '', mayGoOn };
    } catch (error) {
      if (!(error instanceof WeighlockError) || error.code === 'WL_VAULT_UNAVAILABLE') throw error;
      return { commit: undefined, why: error.message, mayGoOn };
    }
  } catch (error) {
    if (error instanceof WeighlockError && error.code === 'WL_VAULT_UNAVAILABLE') return undefined;
    return nothing(error);
  }
}

/** What cannot be believed stands for nothing. */
function nothing(error: unknown): Wanted {
  if (!(error instanceof WeighlockError)) throw error;
  return { commit: undefined, why: error.message, mayGoOn: () => false };
}

/** A server of a copy whose every byte was held to the record just now. */
async function startServer(
  wire: Wire,
  { gate, model, planOf }: LocalRun,
  { commit, signal }: { readonly commit: Commit; readonly signal: AbortSignal },
): Promise<Backend> {
  const { here } = await planOf(commit);
  if (!here) throw new WeighlockError('WL_USAGE', 'this target does not run on this machine');
  const folder = path.resolve(here.copies, ...model.split('/'), commit);
  if (existsSync(folder)) await requireUnchanged(wire, gate, { folder, model, commit });
  else await pull(gate, { ...wire.config, model, revision: commit, directory: folder });
  signal.throwIfAborted();
  const { command, filling, environment, startMs } = here;
  return Backend.start({ command, filling: { ...filling, folder }, environment, startMs, signal });
}

/** A copy that an earlier run made is hashed again: anybody may have written into it since. */
async function requireUnchanged(
  wire: Wire,
  gate: Gate,
  { folder, model, commit }: { readonly folder: string; readonly model: ModelName; readonly commit: Commit },
): Promise<void> {
  const file = copyProofPath(folder);
  const proof = existsSync(file) ? readCopyProof(file) : '';
  const trust = wire.trust(gate.trust.vault);
  const { problems } = await verifyCopy({
    directory: folder,
    proof,
    trust,
    expect: { model, commit },
    depth: 'bytes',
  });
  const [first] = problems;
  if (first)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${path.join(folder, first.object)} ${first.problem}`, {
      hint: `Find out who writes there, and remove ${folder}: it is copied again.`,
    });
}

/** Records the change. What cannot be recorded runs on, and is said. */
async function note(
  wire: Wire,
  { gate, planOf }: LocalRun,
  { change, place, url }: { readonly change: Change; readonly place: string; readonly url: string },
): Promise<void> {
  const by = `${os.userInfo().username}@${os.hostname()}`;
  try {
    if (change.kind === 'serving') {
      const plan = await planOf(change.commit);
      const deployment = { place, url, resources: [`process ${change.pid}`] };
      const made = await recordDeployment(gate, plan, { applied: { lines: [], deployment }, by, tool: TOOL });
      wire.terminal.err(labelled('recorded', `log entry ${made.logIndex}`));
    } else if (change.kind === 'stopped')
      await endDeployment(gate, { target: 'local', place, reason: change.why.slice(0, 1000), tool: TOOL });
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    wire.terminal.err(labelled('record', `not recorded: ${error.message}`));
  }
}

function changeText(change: Change, url: string): string {
  const name = change.commit.slice(0, 12);
  switch (change.kind) {
    case 'serving': {
      const before = change.before ? `, before ${change.before.slice(0, 12)}` : '';
      return labelled('serving', `${name} at ${url}${before}`);
    }
    case 'stopped':
      return labelled('stopped', `${name}: ${change.why}`);
    case 'failed':
      return labelled('failed', `${name}: ${change.error.message}`);
  }
}
