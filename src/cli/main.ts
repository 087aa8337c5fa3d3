/**
 * The command line: reads arguments, runs one command, prints what it returns.
 *
 * Exit codes: 0 done, 1 refused or verification failed, 2 held or inconclusive, 64 usage, 65 source bytes wrong,
 * 69 source or vault unavailable, 70 our own fault, 77 not permitted, 78 configuration.
 */
import { Command, CommanderError, type OutputConfiguration } from 'commander';
import { ERRORS, type ErrorCode, EXIT, printable, WeighlockError } from '../base/errors.ts';
import { codeOf } from '../vault/durable-file.ts';
import { COMMANDS, type CommandEntry } from './commands.ts';
import type { Outcome } from './outcome.ts';
import { painter, systemTerminal, type Terminal } from './terminal.ts';
import { type Surroundings, TOOL, Wire } from './wire.ts';

/** What a command gets to run with. */
export type Run = (options: Record<string, unknown>, work: (wire: Wire) => Promise<Outcome>) => Promise<void>;

export async function main(args: readonly string[]): Promise<void> {
  const terminal = systemTerminal(process.env);
  const surroundings: Surroundings = { directory: process.cwd(), environment: process.env, terminal };
  process.on('uncaughtException', (error) => {
    process.exit(report(error, terminal, args));
  });
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      // Whoever read has gone (`weighlock list | head`): there is nobody left to tell.
      process.exit(codeOf(error) === 'EPIPE' ? (process.exitCode ?? EXIT.done) : EXIT.internal);
    });
  }
  process.exitCode = await runCommand(args, surroundings);
}

/** Runs one command line; returns its exit code. */
export async function runCommand(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings;
  let exit: number = EXIT.done;
  const run: Run = async (options, work) => {
    const outcome = await work(new Wire(surroundings, options));
    terminal.out(options.json ? `${JSON.stringify(outcome.json, null, 2)}\n` : outcome.text);
    exit = outcome.exit;
  };
  try {
    await (await build(run, terminal, args)).parseAsync([...args], { from: 'user' });
    return exit;
  } catch (error) {
    return report(error, terminal, args);
  }
}

async function build(run: Run, terminal: Terminal, args: readonly string[]): Promise<Command> {
  const output: OutputConfiguration = {
    writeOut: (text) => terminal.out(text),
    // Commander's own words for mistakes are left out: `report` says them; help for a missing command is not.
    writeErr: (text) => (text.startsWith('error:') ? undefined : terminal.err(text)),
  };
  const program = new Command('weighlock')
    .description(
      'Brings open-weight models into your own vault: verified, scanned, decided by policy, signed, logged.',
    )
    .version(TOOL.version)
    .configureOutput(output)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', EXIT_HELP)
    .exitOverride()
    .showSuggestionAfterError();
  for (const { group, load } of wanted(args))
    program.addCommand(withShared((await load())(run), output).helpGroup(group));
  return program;
}

/** The command that is named, or all where help is wanted or a mistake is to be explained. */
function wanted(args: readonly string[]): readonly CommandEntry[] {
  const one = COMMANDS.get(args[0] ?? '');
  return one ? [one] : [...COMMANDS.values()];
}

/** Options that every command takes, and errors that surface here. */
function withShared(command: Command, output: OutputConfiguration): Command {
  command.exitOverride().configureOutput(output);
  for (const sub of command.commands) withShared(sub, output);
  if (command.commands.length > 0) return command;
  command.option('--json', 'print one JSON document');
  if (command.name() === 'demo') return command;
  return command
    .option('--vault <place>', 'the vault (default: WEIGHLOCK_VAULT, weighlock.yaml, ./weighlock-data)')
    .option('--trust <file>', 'the trust file (default: the one pinned on this machine)');
}

const EXIT_HELP = `
Exit codes: 0 done, admitted, clean · 1 refused or verification failed · 2 held or inconclusive
            64 usage · 65 source bytes wrong · 69 source or vault unavailable · 70 our fault
            77 not permitted · 78 configuration

Start with: weighlock demo`;

/** Prints an error the way that helps: what happened, its code, what to do next. Returns the exit code. */
function report(error: unknown, terminal: Terminal, args: readonly string[]): number {
  const paint = painter(terminal);
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    if (error.code === 'commander.help') return EXIT.usage;
    return report(usageError(error), terminal, args);
  }
  const json = (code: ErrorCode, message: string, hint: string) => {
    if (args.includes('--json'))
      terminal.out(`${JSON.stringify({ error: { code, message, hint } }, null, 2)}\n`);
  };
  if (error instanceof WeighlockError) {
    json(error.code, error.message, error.hint);
    terminal.err(
      `${paint('red', 'error')} ${error.message}\n      ${paint('dim', error.code)}  ${error.hint}\n`,
    );
    return error.exit;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { remedy } = ERRORS.WL_INTERNAL;
  json('WL_INTERNAL', printable(error instanceof Error ? error.message : detail), remedy);
  terminal.err(
    `${paint('red', 'error')} this is a fault of Weighlock:\n${printableLines(detail)}\n      ${paint('dim', 'WL_INTERNAL')}  ${remedy}\n`,
  );
  return EXIT.internal;
}

function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function usageError(error: CommanderError): WeighlockError {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new WeighlockError('WL_USAGE', message, {
    hint: 'See `weighlock --help` or `weighlock <command> --help`.',
  });
}
