/** `weighlock posture`: how the place of a vault stands, what an attacker gains by it, and what heals it. */
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { EXIT, printable, WeighlockError } from '../base/errors.ts';
import { HOLD_DAYS_DEFAULT } from '../posture/bucket/bucket-plan.ts';
import type { StepReport } from '../posture/bucket/steps.ts';
import type { PostureRow } from '../posture/posture.ts';
import { asff } from '../posture/reports/asff.ts';
import type { ReportHead } from '../posture/reports/points.ts';
import { postureSarif } from '../posture/reports/sarif.ts';
import type { Surroundings } from '../posture/surroundings.ts';
import type { Registry } from '../registry/registry.ts';
import { s3Place } from '../vault/s3-place.ts';
import type { VaultTicket } from '../vault/vault.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled, paintedLabel, painter, plural } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface PostureFlags {
  readonly vault?: string;
  readonly holdDays: string;
  readonly accept: readonly string[];
  readonly fix?: boolean;
  readonly yes?: boolean;
  readonly sarif?: boolean;
  readonly asff?: boolean;
  readonly json?: boolean;
}

export function postureCommand(run: Run): Command {
  return new Command('posture')
    .description('check how the place of a vault stands: bucket, keys, who may write, what runs; and fix it')
    .argument(
      '[place]',
      's3://bucket/prefix, a directory, or a name in weighlock.yaml (default: the vault in use)',
    )
    .option('--hold-days <days>', 'how long a held revision may wait', String(HOLD_DAYS_DEFAULT))
    .option(
      '--accept <arn>',
      'a principal, account or endpoint that is as it is on purpose; `*` for any characters; may be repeated',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option('--fix', 'print what heals it as CloudFormation, and apply it after a yes')
    .option('--yes', 'with --fix: apply without asking')
    .option('--sarif', 'print SARIF 2.1.0')
    .option('--asff', 'print findings of the AWS Security Finding Format')
    .addHelpText(
      'after',
      '\nExit codes: 0 everything that applies passed · 1 something failed · 2 nothing failed, and something is unknown',
    )
    .action((place: string | undefined, flags: PostureFlags) =>
      run({ ...flags, ...((flags.sarif || flags.asff) && { json: true }) }, (wire) =>
        posture(wire, place ?? wire.config.vault, flags),
      ),
    );
}

/** What is known of a place after a look. */
interface Seen {
  readonly place: string;
  readonly rows: readonly PostureRow[];
  readonly head: ReportHead;
  readonly template?: string;
  readonly steps?: readonly StepReport[];
  readonly where: { readonly partition: string; readonly account: string; readonly region: string };
}

async function posture(wire: Wire, name: string, flags: PostureFlags): Promise<Outcome> {
  if ([flags.sarif, flags.asff, flags.json].filter(Boolean).length > 1)
    throw new WeighlockError('WL_USAGE', '--json, --sarif and --asff are three documents: ask for one');
  if (!/^\d{1,3}$/.test(flags.holdDays))
    throw new WeighlockError('WL_USAGE', `--hold-days takes a number of days, not "${flags.holdDays}"`);
  const ticket = wire.config.ticket(name);
  const seen =
    ticket.kind === 's3'
      ? await ofBucket(wire, { name, ticket }, flags)
      : await ofDirectory(wire, ticket.path, flags);
  const { rows, head, steps, template } = seen;
  const exit = rows.some(({ status }) => status === 'failed')
    ? EXIT.refused
    : rows.some(({ status }) => status === 'unknown')
      ? EXIT.held
      : EXIT.done;
  if (flags.sarif) return { exit, json: postureSarif(rows, head), text: '' };
  if (flags.asff) return { exit, json: asff(rows, head, seen.where), text: '' };
  return {
    exit,
    json: { place: seen.place, rows, ...(steps && { steps }), ...(template !== undefined && { template }) },
    text: inWords(wire, seen),
  };
}

/** Anything that must not be mixed with a document, or cannot be seen in time, is not asked. */
async function agreed(wire: Wire, flags: PostureFlags, question: string): Promise<boolean> {
  if (flags.yes) return true;
  if (flags.json || flags.sarif || flags.asff || !wire.terminal.live || !process.stdin.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`  ${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}

async function ofDirectory(wire: Wire, place: string, flags: PostureFlags): Promise<Seen> {
  const [{ directoryPosture }, { fixDirectory }] = await Promise.all([
    import('../posture/posture.ts'),
    import('../posture/fix/fix-directory.ts'),
  ]);
  const rows = directoryPosture(place);
  const seen = (all: readonly PostureRow[], steps?: readonly StepReport[]): Seen => ({
    place,
    rows: all,
    head: { tool: TOOL, place, resource: place, at: new Date(wire.clock.now()).toISOString() },
    where: { partition: 'aws', account: '000000000000', region: 'local' },
    ...(steps && { steps }),
  });
  if (flags.asff)
    throw new WeighlockError(
      'WL_USAGE',
      'findings of AWS are about an account, and this vault is a directory',
    );
  if (!flags.fix) return seen(rows);
  const planned = fixDirectory(rows, 'dry run');
  if (planned.length === 0) return seen(rows);
  tell(wire, flags, planned.map(({ what }) => `${printable(what)}\n`).join(''));
  if (!(await agreed(wire, flags, 'Apply this?'))) return seen(rows, planned);
  const steps = fixDirectory(rows, 'apply');
  return seen(directoryPosture(place), steps);
}

async function ofBucket(
  wire: Wire,
  { name, ticket }: { readonly name: string; readonly ticket: VaultTicket & { kind: 's3' } },
  flags: PostureFlags,
): Promise<Seen> {
  // The clients of AWS take a while to load: no other command waits for them.
  const [{ withSurroundings }, { bucketPosture }, { bucketArn }] = await Promise.all([
    import('../posture/open-posture.ts'),
    import('../posture/posture.ts'),
    import('../posture/bucket/place.ts'),
  ]);
  const request = {
    holdDays: Number(flags.holdDays),
    registry: await records(wire, name),
    signingKeyArns: wire.home.keys.filter((key) => /^arn:[^:]*:kms:/.test(key)),
    accepted: flags.accept,
  };
  return withSurroundings(ticket.settings, request, async (around) => {
    const place = s3Place(ticket.settings);
    const seen = (rows: readonly PostureRow[]): Seen => ({
      place,
      rows,
      head: {
        tool: TOOL,
        place,
        resource: bucketArn(around.place),
        at: new Date(wire.clock.now()).toISOString(),
      },
      where: around.place,
    });
    const rows = await bucketPosture(around);
    return flags.fix ? { ...seen(rows), ...(await fixed(wire, flags, { around, rows })) } : seen(rows);
  });
}

/** Shows the remedy, applies it after a yes, and looks again. */
async function fixed(
  wire: Wire,
  flags: PostureFlags,
  { around, rows }: { readonly around: Surroundings; readonly rows: readonly PostureRow[] },
): Promise<Partial<Seen>> {
  const [{ failedChecks, fixBucket }, { fixTemplate }, { bucketPosture }] = await Promise.all([
    import('../posture/fix/fix.ts'),
    import('../posture/fix/fix-template.ts'),
    import('../posture/posture.ts'),
  ]);
  const failed = failedChecks(rows);
  if (failed.size === 0) return {};
  const template = await fixTemplate(rows, around);
  tell(wire, flags, template);
  const planned = await fixBucket(around, failed, 'dry run');
  if (planned.length === 0) return { template };
  if (!flags.yes) tell(wire, flags, `\n${stepsInWords(wire, planned, 'to do')}`);
  if (!(await agreed(wire, flags, 'Apply this?'))) return { template, steps: planned };
  const steps = await fixBucket(around, failed, 'apply');
  return { template, steps, rows: await bucketPosture(around) };
}

/** To people only: documents hold it as a field. */
function tell(wire: Wire, { json, sarif, asff: findings }: PostureFlags, text: string): void {
  if (!json && !sarif && !findings) wire.terminal.out(text);
}

/** The vault's records, for what endpoints serve; a bucket in which no vault was begun yet has none. */
async function records(wire: Wire, name: string): Promise<Registry | { readonly absent: string }> {
  try {
    return await wire.registry(name);
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    return { absent: `the vault’s records cannot be read here: ${error.message}` };
  }
}

const STYLES = { passed: 'green', failed: 'red', unknown: 'yellow', 'not applicable': 'dim' } as const;

function inWords(wire: Wire, { place, rows, steps }: Seen): string {
  const paint = painter(wire.terminal);
  const lines = rows.map((row) => {
    const ids = [...row.fsbp, ...row.cis.map((id) => `CIS ${id}`)];
    const text = [`${row.title}: ${row.found}${ids.length > 0 ? `  [${ids.join(', ')}]` : ''}`];
    if (row.status === 'failed') text.push(`${row.severity}: ${row.attack}`, `→ ${row.remedy}`);
    if (row.status === 'unknown') text.push(`asked by ${row.calls.join(', ')}`);
    const label = row.status === 'not applicable' ? 'n/a' : row.status;
    return paintedLabel(paint, STYLES[row.status], [label, text.map(printable).join('\n')]);
  });
  const count = (status: PostureRow['status']) => rows.filter((row) => row.status === status).length;
  const sound = count('failed') + count('unknown') === 0;
  const verdict = sound
    ? `${place}: everything that applies passed (${plural(count('passed'), 'check')})`
    : `${place}: ${count('failed')} failed, ${count('unknown')} unknown, ${count('passed')} passed`;
  const made = steps === undefined ? '' : stepsInWords(wire, steps, 'fix');
  return made + lines.join('') + paintedLabel(paint, sound ? 'green' : 'red', ['posture', verdict]);
}

function stepsInWords(wire: Wire, steps: readonly StepReport[], label: string): string {
  const paint = painter(wire.terminal);
  return steps
    .map(({ what, outcome }) =>
      outcome.kind === 'cannot'
        ? paintedLabel(paint, 'yellow', ['cannot', `${printable(what)}\n${printable(outcome.reason)}`])
        : labelled(label, printable(outcome.kind === 'stands' ? `${what} (it stands)` : what)),
    )
    .join('');
}
