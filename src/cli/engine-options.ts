/** Engines of others, as they are configured or named on the command line. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { WeighlockError } from '../base/errors.ts';
import type { EngineTicket } from '../engines/engine.ts';
import type { Config } from './config.ts';

/** The largest public sets of rules have some ten megabytes. */
const RULES_BYTES_MAX = 32 << 20;

export function withEngines(command: Command): Command {
  return command
    .option('--clamd <address>', 'also ask ClamAV: the socket of clamd, or host:port')
    .addOption(
      new Option('--yara <file>', 'also look for YARA rules; may be given more than once').argParser(
        (value: string, before: readonly string[] = []) => [...before, value],
      ),
    );
}

/** Throws WL_CONFIG_INVALID for rules that cannot be read or do not compile: better now than in every thread. */
export async function checkedEngines(
  config: Pick<Config, 'clamd' | 'yara'>,
): Promise<readonly EngineTicket[]> {
  const tickets = engineTickets(config);
  const { openEngines } = await import('../engines/engine.ts');
  const rules = await openEngines(tickets.filter(({ kind }) => kind === 'yara'));
  for (const engine of rules) await engine.close();
  return tickets;
}

function engineTickets({ clamd, yara }: Pick<Config, 'clamd' | 'yara'>): readonly EngineTicket[] {
  const sources = yara.map((file) => ({ name: path.basename(file), text: textOf(file) }));
  return [
    ...(clamd === undefined ? [] : [{ kind: 'clamd', address: clamd } as const]),
    ...(sources.length === 0 ? [] : [{ kind: 'yara', sources } as const]),
  ];
}

function textOf(file: string): string {
  try {
    if (statSync(file).size <= RULES_BYTES_MAX) return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new WeighlockError('WL_CONFIG_INVALID', `cannot read the YARA rules of ${file}`, { cause });
  }
  throw new WeighlockError('WL_CONFIG_INVALID', `${file} is longer than ${RULES_BYTES_MAX} bytes`);
}
