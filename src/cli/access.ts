/** `weighlock access`: who may read through a gateway. */
import { Command } from 'commander';
import type { Grant } from '../attest/state.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { endAccess, grantAccess, grants } from '../lifecycle/access.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled, table } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface GrantFlags {
  readonly model?: readonly string[];
  readonly role?: string;
  readonly days?: string;
}

/** How long a grant lasts unless told otherwise. */
const DEFAULT_DAYS = 90;
const DAYS_MAX = 3650;
const DAY_MS = 86_400_000;

export function accessCommand(run: Run): Command {
  const command = new Command('access').description('who may read through a gateway, and which models');
  command
    .command('grant')
    .description('make a token; it is shown once, and only its digest is kept')
    .argument('<name>', 'for whom: a team, a service, a machine')
    .option('--model <pattern>', 'org/name, org/*, org/prefix-* or *; may be repeated (default: *)', append)
    .option('--role <role>', 'reader (files too) or auditor (lists and metadata only)', 'reader')
    .option('--days <n>', `how long it lasts; "forever" for no end (default: ${DEFAULT_DAYS})`)
    .action((name: string, flags: GrantFlags) => run({ ...flags }, (wire) => grant(wire, name, flags)));
  command
    .command('list')
    .description('show the grants in force')
    .action((flags: Record<string, unknown>) => run(flags, list));
  command
    .command('revoke')
    .description('end a grant: gateways refuse its token within 5 seconds')
    .argument('<name>', 'as `weighlock access list` shows it')
    .option('--reason <text>', 'why, for the statement')
    .action((name: string, flags: { reason?: string }) =>
      run({ ...flags }, async (wire) => {
        const { reason } = flags;
        const logIndex = await endAccess(await wire.gate(), { name, reason, tool: TOOL });
        return {
          exit: EXIT.done,
          json: { name, logIndex },
          text: labelled(
            'ended',
            `${name}, log entry ${logIndex}; gateways refuse its token within 5 seconds`,
          ),
        };
      }),
    );
  return command;
}

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

async function grant(wire: Wire, name: string, flags: GrantFlags): Promise<Outcome> {
  const role = roleOf(flags.role ?? 'reader');
  const models = flags.model?.length ? [...flags.model] : ['*'];
  const expiresAt = expiryOf(flags.days ?? String(DEFAULT_DAYS), wire.clock.now());
  const { token, logIndex } = await grantAccess(await wire.gate(), {
    name,
    role,
    models,
    ...(expiresAt && { expiresAt }),
    tool: TOOL,
  });
  const until = expiresAt ? `until ${expiresAt}` : 'without an end';
  return {
    exit: EXIT.done,
    json: { name, role, models, expiresAt, logIndex, token },
    text:
      labelled('granted', `${name}: ${role} of ${models.join(', ')}, ${until}, log entry ${logIndex}`) +
      labelled('token', `${token}\nshown this once; set it as HF_TOKEN where clients run`),
  };
}

async function list(wire: Wire): Promise<Outcome> {
  const inForce = await grants(await wire.registry());
  const rows = inForce.map(({ name, role, models, grantedAt, expiresAt }: Grant) => [
    name,
    role,
    models.join(' '),
    grantedAt,
    expiresAt ?? 'never',
  ]);
  return {
    exit: EXIT.done,
    json: inForce.map(({ token, ...rest }) => ({ ...rest, tokenSha256: token })),
    text:
      rows.length > 0
        ? table(['NAME', 'ROLE', 'MODELS', 'GRANTED', 'EXPIRES'], rows)
        : 'Nobody has a token yet. Make one with: weighlock access grant <name>\n',
  };
}

function roleOf(text: string): 'reader' | 'auditor' {
  if (text === 'reader' || text === 'auditor') return text;
  throw new WeighlockError('WL_USAGE', `"${text}" is not a role; there are reader and auditor`);
}

function expiryOf(days: string, now: number): string | undefined {
  if (days === 'forever') return undefined;
  const number = /^\d{1,4}$/.test(days) ? Number(days) : 0;
  if (number < 1 || number > DAYS_MAX)
    throw new WeighlockError('WL_USAGE', `--days takes a number from 1 to ${DAYS_MAX}, or "forever"`);
  return new Date(now + number * DAY_MS).toISOString();
}
