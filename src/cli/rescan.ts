/** `weighlock rescan`: what is on record, judged by the rules of today, from the facts that are stored. */
import { Command } from 'commander';
import { type Recorded, type Rescanned, rescan } from '../admission/rescan.ts';
import { onRecord } from '../admission/vault-source.ts';
import { EXIT, printable, WeighlockError } from '../base/errors.ts';
import type { Facts } from '../formats/facts.ts';
import { inspect } from '../inspection/inspect.ts';
import type { Registry } from '../registry/registry.ts';
import { publishedFiles } from '../transfer/source.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { rulesOfToday } from './rules-of-today.ts';
import { parseModelTarget } from './target.ts';
import { labelled, paintedLabel, painter, plural, type Terminal } from './terminal.ts';
import type { Wire } from './wire.ts';

interface RescanFlags {
  readonly all?: boolean;
  readonly read?: boolean;
  readonly waivers?: string;
}

export function rescanCommand(run: Run): Command {
  return new Command('rescan')
    .description('judge what is on record by the rules of today, and say what that affects')
    .argument('[model]', 'org/name, or org/name@commit')
    .option('--all', 'everything on record')
    .option('--policy <file>', 'the policy to judge by (default: as for an admission)')
    .option('--waivers <file>', 'signed waivers, beside those that are on record')
    .option('--read', 'read the bytes in the vault again where facts are of earlier parsers')
    .addHelpText(
      'after',
      '\nNothing is changed. Exit codes: 0 nothing admitted speaks against the rules · 1 something would be refused · 2 something would be held',
    )
    .action((model: string | undefined, flags: RescanFlags) =>
      run({ ...flags }, (wire) => runRescan(wire, model, flags)),
    );
}

/** Revisions that differ and are told one by one; the JSON has them all. */
const TOLD_MAX = 100;

async function runRescan(wire: Wire, text: string | undefined, flags: RescanFlags): Promise<Outcome> {
  if ((text === undefined) !== (flags.all === true))
    throw new WeighlockError('WL_USAGE', 'name a model, or ask for everything with --all');
  const registry = await wire.registry();
  const only = text === undefined ? undefined : await onlyOf(registry, text);
  const options = {
    rules: await rulesOfToday(wire, registry, flags.waivers),
    only,
    ...(flags.read && { reread: (recorded: Recorded) => reread(wire, registry, recorded) }),
  };
  const seen = { all: 0, earlier: 0 };
  const differing: Rescanned[] = [];
  for await (const one of rescan(registry, options)) {
    seen.all += 1;
    if (one.facts === 'earlier') seen.earlier += 1;
    if (one.was !== one.now || (one.fresh.length > 0 && one.now !== 'admitted')) differing.push(one);
  }
  const worse = differing.filter(({ was }) => was === 'admitted');
  const exit = worse.some(({ now }) => now === 'refused')
    ? EXIT.refused
    : worse.some(({ now }) => now === 'held')
      ? EXIT.held
      : EXIT.done;
  return {
    exit,
    json: { looked: seen.all, earlierFacts: seen.earlier, differing: differing.map(jsonOf) },
    text: textOf(wire.terminal, differing, seen),
  };
}

async function onlyOf(registry: Registry, text: string) {
  const { model, revision } = parseModelTarget(text);
  if (revision === undefined) return { model };
  return { model, commit: (await registry.resolve(model, revision)).id.commit };
}

/** Every byte of the revision, read from the vault as its receipt names it, and held to the record. */
async function reread(
  wire: Wire,
  registry: Registry,
  { id, entry, record }: Recorded,
): Promise<ReadonlyMap<string, Facts>> {
  const receipt = await registry.receipt(id, entry.number, entry.receipt);
  const { files } = record.body.manifest;
  const subject = {
    name: `${id.model}@${id.commit}`,
    ticket: { kind: 'remote', source: publishedFiles(registry.vault, id, receipt), revision: id } as const,
    files: files.map((file) => ({ path: file.path, sizeBytes: file.sizeBytes, remote: onRecord(file) })),
    unreadable: [],
  };
  const { concurrency, memoryBytes } = wire.config;
  const inspection = await inspect(subject, { concurrency, memoryBytes });
  const known = new Map(files.map(({ path, sha256 }) => [path as string, sha256]));
  const facts = new Map<string, Facts>();
  for (const { path, sha256, facts: read, error } of inspection.files) {
    if (read && sha256 === known.get(path)) facts.set(path, read);
    else
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${path} of ${subject.name} is not what the record names${error ? `: ${error.message}` : ''}`,
      );
  }
  return facts;
}

function jsonOf(one: Rescanned) {
  return {
    ...one,
    deployments: one.deployments.map(({ digest, body }) => ({
      statement: digest,
      target: body.target,
      place: body.place,
    })),
  };
}

const STYLES = { admitted: 'green', held: 'yellow', refused: 'red' } as const;

function textOf(
  terminal: Terminal,
  differing: readonly Rescanned[],
  seen: { readonly all: number; readonly earlier: number },
): string {
  const paint = painter(terminal);
  const told = differing.slice(0, TOLD_MAX).map(({ id, was, now, rules, channels, deployments, fresh }) => {
    const lines = [
      `${id.model}@${id.commit.slice(0, 12)}, which is ${was}`,
      ...rules.map(({ rule, because }) => `by ${rule}: ${because}`),
      ...fresh.slice(0, 3).map(({ file, message }) => `${file}: ${message}`),
      ...(channels.length > 0 ? [`live as ${channels.join(', ')}`] : []),
      ...deployments.map(({ body }) => `deployed: ${body.target} at ${body.place}`),
    ];
    return paintedLabel(paint, STYLES[now], [now, lines.map(printable).join('\n')]);
  });
  const more =
    differing.length > TOLD_MAX
      ? labelled('', `and ${differing.length - TOLD_MAX} more: --json has all`)
      : '';
  const affected = differing.filter(({ was }) => was === 'admitted');
  const next =
    affected.length === 0
      ? ''
      : labelled(
          'next',
          'weighlock revoke <model>@<commit> --reason …, or weighlock channel rollback <model>',
        );
  const earlier =
    seen.earlier > 0 ? `, ${seen.earlier} from facts of earlier parsers (--read reads them anew)` : '';
  return (
    told.join('') +
    more +
    labelled(
      'rescanned',
      `${plural(seen.all, 'revision')}${earlier}: ${plural(differing.length, 'verdict')} would differ`,
    ) +
    next
  );
}
