/** `weighlock state`: the signed state of the vault. */
import { Command } from 'commander';
import type { State } from '../attest/state.ts';
import { EXIT } from '../base/errors.ts';
import type { Run } from './main.ts';
import { labelled, plural } from './terminal.ts';

export function stateCommand(run: Run): Command {
  const command = new Command('state').description('the signed state of the vault');
  command
    .command('show')
    .description('show the state and until when it may be believed')
    .action((flags: Record<string, unknown>) =>
      run(flags, async (wire) => {
        const { state } = await (await wire.registry()).state();
        return { exit: EXIT.done, json: state, text: describe(state) };
      }),
    );
  command
    .command('refresh')
    .description(
      'sign a new state: takes in what was logged, and renews the time until when it may be believed',
    )
    .action((flags: Record<string, unknown>) =>
      run(flags, async (wire) => {
        const state = await (await wire.gate()).advance();
        return { exit: EXIT.done, json: state, text: describe(state) };
      }),
    );
  return command;
}

function describe(state: State): string {
  return (
    labelled('state', `${state.sequence} of vault ${state.vault}`) +
    labelled('log', `${plural(state.log.size, 'log entry', 'log entries')}`) +
    labelled('valid', `from ${state.issuedAt} until ${state.expiresAt}`)
  );
}
