/** `weighlock vault`: makes the bucket of a vault as it should be, and checks what a store can be trusted with. */
import { Command } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { HOLD_DAYS_DEFAULT, isService, type PlanRequest } from '../posture/bucket/bucket-plan.ts';
import { cloudFormation } from '../posture/bucket/cloudformation.ts';
import { ROLE_NAMES, type RoleName } from '../posture/bucket/place.ts';
import type { StepReport } from '../posture/bucket/steps.ts';
import { checkDirectory } from '../posture/store/check-directory.ts';
import { type CheckRow, verdictOf } from '../posture/store/check-row.ts';
import { type S3Settings, s3Place } from '../vault/s3-place.ts';
import type { VaultTicket } from '../vault/vault.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled, paintedLabel, painter, plural, type Style } from './terminal.ts';
import type { Wire } from './wire.ts';

export function vaultCommand(run: Run): Command {
  const command = new Command('vault').description(
    'make the bucket of a vault as it should be, and check what a store can be trusted with',
  );
  command
    .command('init')
    .description('make a bucket, its key, its policy and its roles, or complete what is there')
    .argument('<place>', 's3://bucket or s3://bucket/prefix, or its name in weighlock.yaml')
    .option('--region <region>', 'where the bucket is, or is to be')
    .option('--endpoint <url>', 'another store than AWS’s')
    .option('--kms-key <arn>', 'the key that objects are encrypted with (default: a new one)')
    .option('--sign-key <arn>', 'a KMS key by which the gate signs; may be repeated', collect, [])
    .option('--hold-days <days>', 'how long a held revision may wait', String(HOLD_DAYS_DEFAULT))
    .option('--log-bucket <name>', 'a bucket that takes access logs (default: a new one)')
    .option(
      '--principal <[role=]arn>',
      'who may take the roles, or one of gateway, worker, gate, remover; may be repeated',
      collect,
      [],
    )
    .option('--cloudformation', 'print a CloudFormation template, and make nothing')
    .option('--dry-run', 'say what would be made, and make nothing')
    .addHelpText(
      'after',
      '\nExit codes: 0 all is as planned · 1 it cannot be a vault · 2 something could not be made',
    )
    .action((place: string, flags: InitFlags) => run({ ...flags }, (wire) => init(wire, place, flags)));
  command
    .command('check')
    .description(
      'race writers to prove that a store keeps its conditions; say what it cannot do, and what that costs',
    )
    .argument(
      '[place]',
      's3://bucket/prefix, a directory, or a name in weighlock.yaml (default: the vault in use)',
    )
    .option('--region <region>', 'where the bucket is')
    .option('--endpoint <url>', 'another store than AWS’s')
    .option('--hold-days <days>', 'how long a held revision may wait', String(HOLD_DAYS_DEFAULT))
    .addHelpText(
      'after',
      '\nExit codes: 0 all is there · 1 a condition is not enforced: never use this store · 2 something missing costs safety',
    )
    .action((place: string | undefined, flags: CheckFlags) =>
      run({ ...flags }, (wire) => check(wire, place ?? wire.config.vault, flags)),
    );
  return command;
}

/** The clients of AWS take a while to load: no other command waits for them. */
function openStore(): Promise<typeof import('../posture/store/open-store.ts')> {
  return import('../posture/store/open-store.ts');
}

interface CheckFlags {
  readonly region?: string;
  readonly endpoint?: string;
  readonly holdDays: string;
}

interface InitFlags extends CheckFlags {
  readonly kmsKey?: string;
  readonly signKey: readonly string[];
  readonly logBucket?: string;
  readonly principal: readonly string[];
  readonly cloudformation?: boolean;
  readonly dryRun?: boolean;
}

async function init(wire: Wire, place: string, flags: InitFlags): Promise<Outcome> {
  const ticket = ticketOf(wire, place, flags);
  if (ticket.kind !== 's3') {
    throw new WeighlockError('WL_USAGE', `"${place}" is no bucket: a directory needs no making`, {
      hint: 'Write s3://bucket or s3://bucket/prefix.',
    });
  }
  const { settings } = ticket;
  const encryptionKey = flags.kmsKey ?? settings.kmsKey;
  const request = {
    bucket: settings.bucket,
    prefix: settings.prefix,
    holdDays: daysOf(flags.holdDays),
    signingKeyArns: flags.signKey.map((arn) => keyArn(arn, '--sign-key')),
    principals: principalsOf(flags.principal),
    ...(encryptionKey !== undefined && { encryptionKeyArn: keyArn(encryptionKey, '--kms-key') }),
    ...(flags.logBucket !== undefined && { logBucket: flags.logBucket }),
  } satisfies Partial<PlanRequest>;
  if (flags.cloudformation) {
    const template = cloudFormation(request);
    return { exit: EXIT.done, json: { template }, text: template };
  }
  const mode = flags.dryRun ? 'dry run' : 'apply';
  const { initBucket } = await openStore();
  const { steps, conditions } = await initBucket(settings, request, mode);
  const verdict = verdictOf(conditions);
  const unusable =
    steps.some(({ essential, outcome }) => essential && outcome.kind === 'cannot') || verdict === 'never use';
  const partly = steps.some(({ outcome }) => outcome.kind === 'cannot') || verdict !== 'sound';
  return {
    exit: unusable ? EXIT.refused : partly ? EXIT.held : EXIT.done,
    json: { place: s3Place(settings), mode, steps, conditions },
    text:
      stepsInWords(wire, steps, mode) + rowsInWords(wire, conditions) + initNext(settings, mode, unusable),
  };
}

async function check(wire: Wire, name: string, flags: CheckFlags): Promise<Outcome> {
  const ticket = ticketOf(wire, name, flags);
  const rows =
    ticket.kind === 's3'
      ? await (await openStore()).checkBucket(ticket.settings, daysOf(flags.holdDays))
      : await checkDirectory(ticket.path);
  const place = ticket.kind === 's3' ? s3Place(ticket.settings) : ticket.path;
  const verdict = verdictOf(rows);
  const { exit, words, style } = VERDICTS[verdict];
  const lacking = rows.filter((row) => row.status !== 'ok' && row.weight !== 'advice').length;
  const text = [
    rowsInWords(wire, rows),
    paintedLabel(painter(wire.terminal), style, ['verdict', `${verdict}: ${words(place, lacking)}`]),
  ];
  return { exit, json: { place, verdict, rows }, text: text.join('') };
}

const VERDICTS: Readonly<
  Record<
    ReturnType<typeof verdictOf>,
    {
      readonly exit: number;
      readonly style: Style;
      readonly words: (place: string, lacking: number) => string;
    }
  >
> = {
  sound: {
    exit: EXIT.done,
    style: 'green',
    words: (place) => `${place} can be a vault`,
  },
  'costs safety': {
    exit: EXIT.held,
    style: 'yellow',
    words: (place, lacking) =>
      `${place} keeps its conditions; ${plural(lacking, 'thing')} missing or unknown above ${lacking === 1 ? 'costs' : 'cost'} safety`,
  },
  'never use': {
    exit: EXIT.refused,
    style: 'red',
    words: (place) => `${place} does not keep the conditions that a vault rests on`,
  },
};

const STATUS_STYLES = { ok: 'green', missing: 'yellow', unknown: 'yellow', failed: 'red' } as const;

function rowsInWords(wire: Wire, rows: readonly CheckRow[]): string {
  const paint = painter(wire.terminal);
  return rows
    .map((row) => {
      const ids = row.controls.length > 0 ? `  [${row.controls.join(', ')}]` : '';
      const lines = [`${row.what}: ${row.found}${ids}`];
      if (row.status !== 'ok') lines.push(row.costs, `→ ${row.remedy}`);
      const label = row.status !== 'ok' && row.weight === 'advice' ? 'note' : row.status;
      const style = label === 'note' ? 'dim' : STATUS_STYLES[row.status];
      return paintedLabel(paint, style, [label, lines.join('\n')]);
    })
    .join('');
}

const OUTCOME_STYLES = { stands: 'dim', made: 'green', changed: 'green', cannot: 'yellow' } as const;

function stepsInWords(wire: Wire, steps: readonly StepReport[], mode: 'apply' | 'dry run'): string {
  const paint = painter(wire.terminal);
  return steps
    .map(({ what, outcome }) => {
      const would = mode === 'dry run' && (outcome.kind === 'made' || outcome.kind === 'changed');
      const label = would ? (outcome.kind === 'made' ? 'to make' : 'to change') : outcome.kind;
      const text = outcome.kind === 'cannot' ? `${what}\n${outcome.reason}` : what;
      return paintedLabel(paint, OUTCOME_STYLES[outcome.kind], [label, text]);
    })
    .join('');
}

function initNext(settings: S3Settings, mode: 'apply' | 'dry run', unusable: boolean): string {
  const place = s3Place(settings);
  if (mode === 'dry run') return labelled('', 'Nothing was made.');
  if (unusable) return labelled('', `${place} cannot be a vault as it stands.`);
  return labelled('next', `weighlock vault check ${place}\nweighlock admit <model> --vault ${place}`);
}

/** The place by name, folder or s3://; options count more than the configuration. */
function ticketOf(wire: Wire, place: string, { region, endpoint }: CheckFlags): VaultTicket {
  const ticket = wire.config.ticket(place);
  if (ticket.kind !== 's3') return ticket;
  const settings: S3Settings = {
    ...ticket.settings,
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint, pathStyle: true }),
  };
  return { kind: 's3', settings };
}

function daysOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new WeighlockError('WL_USAGE', `--hold-days takes a number of days, not "${text}"`);
}

function keyArn(text: string, option: string): string {
  if (/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/.test(text)) return text;
  throw new WeighlockError('WL_USAGE', `${option} takes the ARN of a KMS key, not "${text}"`, {
    hint: 'An alias can be moved to another key; `aws kms describe-key --key-id <alias>` prints the ARN.',
  });
}

/** `[role=]principal`; without a role it may take any of them but the remover, which is asked for by name. */
function principalsOf(texts: readonly string[]): Record<RoleName, string[]> {
  const principals: Record<RoleName, string[]> = { gateway: [], worker: [], gate: [], remover: [] };
  for (const text of texts) {
    const [, role, principal = ''] = /^(?:([a-z]+)=)?(.*)$/.exec(text) ?? [];
    const known = ROLE_NAMES.find((name) => name === role);
    if ((role !== undefined && known === undefined) || !isPrincipal(principal)) {
      throw new WeighlockError('WL_USAGE', `--principal takes [role=]arn or [role=]service, not "${text}"`, {
        hint: `Roles are ${ROLE_NAMES.join(', ')}; for example gate=arn:aws:iam::111122223333:role/ci.`,
      });
    }
    for (const name of known ? [known] : ROLE_NAMES)
      if (known || name !== 'remover') principals[name].push(principal);
  }
  return principals;
}

function isPrincipal(text: string): boolean {
  return isService(text) || /^arn:aws[a-z-]*:(iam|sts)::\d{12}:[^\s*]+$/.test(text) || /^\d{12}$/.test(text);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
