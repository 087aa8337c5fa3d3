/** `weighlock compare`: both routes to production for one model, side by side, measured. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT, WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import type { Sides } from '../compare/aspect.ts';
import { type Comparison, compare } from '../compare/compare.ts';
import { hubSide } from '../compare/hub-side.ts';
import { markdownOf } from '../compare/markdown.ts';
import { pageOf } from '../compare/page.ts';
import { type VaultSide, vaultSide } from '../compare/vault-side.ts';
import type { Registry } from '../registry/registry.ts';
import { HubSource } from '../sources/hub.ts';
import { comparisonText } from './compare-text.ts';
import { recordedDrift } from './drift.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { postureSummary } from './posture-summary.ts';
import { parseModelTarget } from './target.ts';
import { labelled } from './terminal.ts';
import type { Wire } from './wire.ts';

interface CompareFlags {
  readonly sample: string;
  readonly markdown?: boolean;
  readonly html?: string;
}

/** Megabytes that are read of each route unless told otherwise. */
const SAMPLE_MB_DEFAULT = 1000;
const SAMPLE_MB_MAX = 10_000_000;

/** Reads at once, of each route: what a loader with parallel ranges does. */
const LANES = 8;

export function compareCommand(run: Run): Command {
  return new Command('compare')
    .description('compare both routes for a model, from the vault and from the Hub, by measuring them')
    .argument('<model>', 'org/name, org/name@commit or org/name@channel')
    .option('--sample <MB>', 'how much is read of each route to learn its speed', String(SAMPLE_MB_DEFAULT))
    .option('--html <file>', 'write the comparison as one page, with charts, to send on')
    .option('--markdown', 'print Markdown')
    .addHelpText(
      'after',
      '\nReads from both routes and writes nothing but the page. The commit compared is the one that the vault serves.',
    )
    .action((model: string, flags: CompareFlags) =>
      run({ ...flags }, (wire) => compareModel(wire, model, flags)),
    );
}

async function compareModel(wire: Wire, text: string, flags: CompareFlags): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  const sampleBytesMax = megabytes(flags.sample) * 1e6;
  const sides = await bothSides(wire, { model, revision }, sampleBytesMax);
  const comparison = compare(sides);
  if (flags.html !== undefined) writePage(flags.html, comparison);
  const written = flags.html === undefined ? '' : labelled('page', flags.html);
  return {
    exit: EXIT.done,
    json: comparison,
    text: flags.markdown ? markdownOf(comparison) : comparisonText(wire.terminal, comparison) + written,
  };
}

interface Wanted {
  readonly model: ModelName;
  readonly revision: string | undefined;
}

async function bothSides(wire: Wire, wanted: Wanted, sampleBytesMax: number): Promise<Sides> {
  const measuring = { sampleBytesMax, lanes: LANES };
  const tell = (sentence: string) => wire.terminal.live && wire.terminal.err(labelled('', sentence));
  tell(`measuring the vault, ${wire.config.vault}`);
  const vault = await vaultOf(wire, wanted, measuring);
  tell(`measuring the Hub, ${wire.config.hub.endpoint}`);
  const { commit, side } = await hubSide({
    open: () => new HubSource({ kind: 'hub', ...wire.config.hub }),
    model: wanted.model,
    commit: 'absent' in vault ? undefined : vault.id.commit,
    now: wire.clock.now(),
    only: 'absent' in vault ? undefined : new Set(vault.weights.map(({ path }) => path)),
    measuring,
  });
  return {
    model: wanted.model,
    commit,
    madeAt: new Date(wire.clock.now()).toISOString(),
    vault,
    hub: side,
  };
}

/** A vault that does not have the model is one side of a comparison; one that cannot be believed is an error. */
async function vaultOf(
  wire: Wire,
  { model, revision }: Wanted,
  measuring: { readonly sampleBytesMax: number; readonly lanes: number },
): Promise<Sides['vault']> {
  const location = wire.config.vault;
  try {
    const registry = await wire.registry();
    const { environment } = wire;
    return await vaultSide({
      registry,
      openVault: () => wire.vault(),
      model,
      revision,
      storeEndpoint: environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL,
      posture: await postureSummary(wire, registry),
      drift: await driftOf(wire, registry),
      measuring,
    });
  } catch (error) {
    const missing = error instanceof WeighlockError && ABSENT.has(error.code);
    if (!missing) throw error;
    return { absent: error.message, location };
  }
}

const ABSENT: ReadonlySet<string> = new Set(['WL_NOT_ADMITTED', 'WL_VAULT_FOREIGN', 'WL_REVOKED']);

/** The deployments on record against what runs in SageMaker; what cannot be asked is not known. */
async function driftOf(wire: Wire, registry: Registry): Promise<VaultSide['drift']> {
  try {
    const { rows, unread } = await recordedDrift(wire, registry);
    const [missed] = unread;
    if (missed !== undefined) return { unknown: missed };
    return {
      looked: rows.filter(({ standing }) => standing !== 'not looked at').length,
      drifted: rows
        .filter(({ standing }) => standing === 'drifted' || standing === 'stranger')
        .map(
          ({ target, place, differences }) =>
            `${target} at ${place}: ${differences[0]?.said ?? 'not on record'}`,
        ),
    };
  } catch (error) {
    return { unknown: error instanceof WeighlockError ? error.message : 'the platforms could not be asked' };
  }
}

function megabytes(text: string): number {
  const number = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= SAMPLE_MB_MAX) return number;
  throw new WeighlockError('WL_USAGE', `--sample takes megabytes, from 1 to ${SAMPLE_MB_MAX}, not "${text}"`);
}

function writePage(place: string, comparison: Comparison): void {
  try {
    writeFileSync(place, pageOf(comparison));
  } catch (cause) {
    throw new WeighlockError('WL_TARGET_UNAVAILABLE', `cannot write ${place}`, { cause });
  }
}
