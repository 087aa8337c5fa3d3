/** `weighlock copy`: a published revision from one vault into another, or into a directory vault for an air gap. */
import { Command } from 'commander';
import { admit } from '../admission/admit.ts';
import { VaultSource } from '../admission/vault-source.ts';
import { WeighlockError } from '../base/errors.ts';
import { AdmissionView, admissionOutcome } from './admission-view.ts';
import { admissionOptions, localName } from './admit.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import type { Wire } from './wire.ts';

interface CopyFlags {
  readonly from?: string;
  readonly to: string;
  readonly json?: boolean;
}

export function copyCommand(run: Run): Command {
  return new Command('copy')
    .description(
      'copy a published revision into another vault, or onto a disk: verified, and judged there anew',
    )
    .argument('<model>', 'org/name, with @commit or @channel (default: the production channel)')
    .option('--from <vault>', 'a name of weighlock.yaml, s3://…, or a folder (default: the vault in use)')
    .requiredOption('--to <vault>', 'likewise; an empty folder or prefix becomes a new vault with your keys')
    .option('--policy <file>', 'the policy of the target (default: WEIGHLOCK_POLICY, weighlock.yaml, …)')
    .option('--concurrency <n>', 'files under way at once (default: 4)')
    .option('--memory <size>', 'bytes that may wait in memory, for example 256MB')
    .addHelpText(
      'after',
      '\nThe record of the origin goes along as evidence; the target decides by its own policy and signs by its own key.' +
        '\nTo carry a vault over an air gap: copy into a folder, carry the folder and the trust file, copy from it there.' +
        '\n\nExit codes: 0 admitted · 1 refused · 2 held · 64 and up: see `weighlock --help`',
    )
    .action((model: string, flags: CopyFlags) => run({ ...flags }, (wire) => copy(wire, model, flags)));
}

async function copy(wire: Wire, text: string, flags: CopyFlags): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  const origin = await wire.registry(flags.from ?? wire.config.vault);
  const source = await VaultSource.open(origin, model, revision);
  const view = new AdmissionView(wire.terminal, flags.json === true);
  try {
    if ((await source.resolve()).kind === 'directory') localName(wire, model);
    const gate = await wire.gate(flags.to);
    if (gate.trust.vault === origin.trust.vault)
      throw new WeighlockError('WL_USAGE', `${flags.to} and ${origin.vault.location} are the same vault`);
    const selection = { include: [], exclude: [] };
    const admission = await admit(gate, { model, revision, selection }, admissionOptions(wire, source, view));
    return admissionOutcome(wire.terminal, { location: gate.vault.location, named: flags.to }, admission);
  } finally {
    view.end();
    await source.close();
  }
}
