/** `weighlock doctor`: what is configured, reachable and writable, and what to do about the rest. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { isArn } from '../attest/kms-arn.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { parseModelName } from '../base/name.ts';
import { egressChecks } from './doctor-egress.ts';
import type { Run } from './main.ts';
import { policyInForce } from './policy-file.ts';
import { labelled, painter, plural } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

/** One line of what the doctor found. */
export interface Check {
  readonly what: string;
  readonly result: 'ok' | 'note' | 'failed';
  readonly detail: string;
  readonly remedy?: string;
  /** The exit code if this is the first failure. */
  readonly exit?: number;
}

interface DoctorFlags {
  readonly offline?: boolean;
  readonly egress?: boolean;
  readonly hosts?: string;
}

/** How long before its end an ageing state is worth a note. */
const STATE_AGEING_MS = 7 * 86_400_000;

export function doctorCommand(run: Run): Command {
  return new Command('doctor')
    .description('check what is configured, reachable and writable, and say what to do about the rest')
    .option('--offline', 'do not contact the Hub')
    .option('--egress', 'check only, on a node, that clients cannot go past the gateway')
    .option('--hosts <list>', 'with --egress: hosts that must be out of reach (default: the Hub’s)')
    .action((flags: DoctorFlags) =>
      run({ ...flags }, async (wire) => {
        const checks = flags.egress
          ? await egressChecks(wire.environment, flags.hosts?.split(',').filter(Boolean))
          : await machineChecks(wire, flags);
        const paint = painter(wire.terminal);
        const styles = { ok: 'green', note: 'yellow', failed: 'red' } as const;
        const text = checks.map((check) => {
          const lines = check.remedy
            ? `${check.what}: ${check.detail}\n→ ${check.remedy}`
            : `${check.what}: ${check.detail}`;
          return labelled(check.result, lines).replace(
            check.result,
            paint(styles[check.result], check.result),
          );
        });
        const failed = checks.find((check) => check.result === 'failed');
        return {
          exit: failed ? (failed.exit ?? EXIT.configuration) : EXIT.done,
          json: checks,
          text: text.join(''),
        };
      }),
    );
}

/** What the commands of this machine need. */
async function machineChecks(wire: Wire, flags: DoctorFlags): Promise<Check[]> {
  const checks = [
    program(),
    configuration(wire),
    policy(wire),
    ...keys(wire),
    ...(await kmsKeys(wire, flags)),
    ...writable(wire),
    await vault(wire),
  ];
  if (!flags.offline) checks.push(await hub(wire));
  return checks;
}

function program(): Check {
  return {
    what: 'program',
    result: 'ok',
    detail: `weighlock ${TOOL.version} on Node ${process.versions.node}`,
  };
}

function configuration({ config }: Wire): Check {
  return {
    what: 'configuration',
    result: 'ok',
    detail: config.file ?? 'no weighlock.yaml here: defaults and variables',
  };
}

function policy(wire: Wire): Check {
  return attempt('policy', () => {
    const { name, rules, sha256 } = policyInForce(wire.config);
    return `${name}, ${rules.length} rules, sha256 ${sha256.slice(0, 12)}…`;
  });
}

function keys(wire: Wire): Check[] {
  if (!wire.home.hasKeys()) {
    return [
      {
        what: 'keys',
        result: 'note',
        detail: 'none yet',
        remedy: 'The first `weighlock admit` makes them, or `weighlock key --create`.',
      },
    ];
  }
  return wire.home.keyFiles.map((file): Check => {
    const open = (statSync(file).mode & 0o077) !== 0;
    if (!open) return { what: 'key', result: 'ok', detail: file };
    return {
      what: 'key',
      result: 'failed',
      detail: `${file} can be read by others`,
      remedy: `chmod 600 ${file}`,
      exit: EXIT.configuration,
    };
  });
}

/** Keys that are in AWS KMS, which says whether they can sign here. */
async function kmsKeys(wire: Wire, { offline }: { readonly offline?: boolean }): Promise<Check[]> {
  const arns = wire.home.keys.filter(isArn);
  const [first] = arns;
  if (first === undefined) return [];
  if (offline) return arns.map((arn) => ({ what: 'key', result: 'note', detail: `${arn}, not asked` }));
  try {
    await wire.home.signers();
    return arns.map((arn) => ({ what: 'key', result: 'ok', detail: arn }));
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    return [{ what: 'key', result: 'failed', detail: error.message, remedy: error.hint, exit: error.exit }];
  }
}

/** The nearest folder that exists is where the vault will be made. */
function writable(wire: Wire): Check[] {
  const ticket = wire.config.ticket(wire.config.vault);
  if (ticket.kind !== 'directory') return [];
  let folder = ticket.path;
  while (!existsSync(folder)) folder = path.dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return [{ what: 'vault folder', result: 'ok', detail: `${folder} is writable` }];
  } catch {
    return [
      {
        what: 'vault folder',
        result: 'failed',
        detail: `${folder} is not writable`,
        remedy: 'Change its permissions, or name another with --vault.',
        exit: EXIT.unavailable,
      },
    ];
  }
}

async function vault(wire: Wire): Promise<Check> {
  const place = await wire.vault();
  if (place.ticket.kind === 'directory' && !existsSync(place.ticket.path)) {
    return {
      what: 'vault',
      result: 'note',
      detail: `none yet at ${place.location}`,
      remedy: 'The first `weighlock admit` makes it.',
    };
  }
  try {
    const registry = await wire.registry();
    const { state } = await registry.state();
    const left = Date.parse(state.expiresAt) - wire.clock.now();
    const detail = `${registry.trust.vault} at ${place.location}, state ${state.sequence}, ${plural(state.log.size, 'log entry', 'log entries')}, valid until ${state.expiresAt}`;
    if (left > STATE_AGEING_MS) return { what: 'vault', result: 'ok', detail };
    return { what: 'vault', result: 'note', detail, remedy: 'Renew it with `weighlock state refresh`.' };
  } catch (error) {
    return failed('vault', error);
  }
}

/** A model that has been on the Hub since its beginnings. */
const KNOWN_MODEL = 'openai-community/gpt2';

async function hub(wire: Wire): Promise<Check> {
  const { endpoint, token, proxy } = wire.config.hub;
  const source = wire.hub();
  const how = `${endpoint}${proxy ? ' through the proxy' : ''}, ${token ? 'with HF_TOKEN' : 'without a token'}`;
  try {
    await source.resolve(parseModelName(KNOWN_MODEL), undefined);
    return { what: 'source', result: 'ok', detail: `${how}: reachable` };
  } catch (error) {
    // An answer is an answer: a mirror need not have this model.
    if (error instanceof WeighlockError && error.code === 'WL_MODEL_NOT_FOUND') {
      return { what: 'source', result: 'ok', detail: `${how}: reachable` };
    }
    return failed('source', error);
  } finally {
    await source.close();
  }
}

function attempt(what: string, look: () => string): Check {
  try {
    return { what, result: 'ok', detail: look() };
  } catch (error) {
    return failed(what, error);
  }
}

function failed(what: string, error: unknown): Check {
  if (!(error instanceof WeighlockError)) throw error;
  return { what, result: 'failed', detail: error.message, remedy: error.hint, exit: error.exit };
}
