/** `weighlock sweep`: holds a node's Hugging Face cache against the vault. */
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { cacheFolder } from '../lifecycle/hub-cache.ts';
import { type KnownDigests, type Sweep, type SweptFile, sweep } from '../lifecycle/sweep.ts';
import { codeOf } from '../vault/durable-file.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled, plural, table } from './terminal.ts';
import type { Wire } from './wire.ts';

interface SweepFlags {
  readonly remove?: boolean;
  readonly every?: string;
}

const EVERY_SECONDS_MIN = 10;
const EVERY_SECONDS_MAX = 86_400;

export function sweepCommand(run: Run): Command {
  return new Command('sweep')
    .description('find in a Hugging Face cache what is revoked, unknown to the vault, or changed')
    .argument('<hf cache>', '$HF_HUB_CACHE, $HF_HOME, or ~/.cache/huggingface/hub')
    .option('--remove', 'take it away, with the names that stand for it')
    .option('--every <seconds>', 'go on as a daemon; only what was written to is read again')
    .addHelpText('after', '\nExit codes: 0 nothing found, or all of it removed · 1 found')
    .action((folder: string, flags: SweepFlags) =>
      run({ ...flags }, (wire) => runSweep(wire, folder, flags)),
    );
}

async function runSweep(wire: Wire, named: string, flags: SweepFlags): Promise<Outcome> {
  const folder = cacheFolder(named);
  const everyMs = flags.every === undefined ? undefined : secondsOf(flags.every) * 1000;
  const known: KnownDigests = new Map();
  const stop = new AbortController();
  if (everyMs !== undefined)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  for (;;) {
    const swept = await once(wire, { folder, remove: flags.remove ?? false, known }).catch(
      (error: unknown) => {
        // A daemon outlives a vault that is away, or a cache that cannot be read, for a while; a single run says so.
        if (everyMs === undefined || !(error instanceof WeighlockError || codeOf(error))) throw error;
        const hint = error instanceof WeighlockError ? `\n${error.hint}` : '';
        wire.terminal.err(labelled('failed', `${(error as Error).message}${hint}`));
      },
    );
    if (swept && everyMs === undefined) return swept;
    if (swept) wire.terminal.err(swept.text);
    await pause(everyMs, undefined, { signal: stop.signal }).catch(() => {});
    if (stop.signal.aborted) return { exit: EXIT.done, json: { stopped: true }, text: '' };
  }
}

async function once(
  wire: Wire,
  options: { readonly folder: string; readonly remove: boolean; readonly known: KnownDigests },
): Promise<Outcome> {
  const registry = await wire.registry();
  try {
    return report(options.folder, await sweep(registry, options));
  } finally {
    await registry.vault.close();
  }
}

function report(folder: string, { files, passedOver }: Sweep): Outcome {
  const found = files.filter(isFound);
  const left = found.filter(({ removed }) => !removed);
  const admitted = files.filter(({ status }) => status === 'admitted').length;
  const rows = found.map(({ status, removed, model, commit, path, why }) => [
    removed ? `${status}, removed` : status,
    commit ? `${model}@${commit.slice(0, 12)}` : model,
    path,
    why,
  ]);
  const passed =
    passedOver.length > 0 ? `, ${plural(passedOver.length, 'folder')} passed over that hold no model` : '';
  return {
    exit: left.length > 0 ? EXIT.refused : EXIT.done,
    json: { folder, files, passedOver },
    text:
      (rows.length > 0 ? `${table(['STATUS', 'REVISION', 'FILE', 'WHY'], rows)}\n` : '') +
      labelled('swept', `${folder}: ${plural(admitted, 'admitted file')}, ${found.length} found${passed}`) +
      (left.length > 0 ? labelled('next', `weighlock sweep ${folder} --remove`) : ''),
  };
}

/** Bytes that no snapshot refers to count only where they were revoked. */
function isFound({ status, commit }: SweptFile): boolean {
  return status === 'revoked' || status === 'changed' || (commit !== undefined && status !== 'admitted');
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (seconds >= EVERY_SECONDS_MIN && seconds <= EVERY_SECONDS_MAX) return seconds;
  throw new WeighlockError(
    'WL_USAGE',
    `--every takes a number of seconds from ${EVERY_SECONDS_MIN} to ${EVERY_SECONDS_MAX}`,
  );
}
