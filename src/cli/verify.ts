/** `weighlock verify`: a revision, a copy of one, or the whole vault. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { timestamp } from '../base/clock.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { parseCommit } from '../base/name.ts';
import { claimedVault, copyProofPath, readCopyProof, verifyCopy } from '../registry/copy-proof.ts';
import type { Verification } from '../registry/problem.ts';
import type { Registry } from '../registry/registry.ts';
import { type RevisionCheck, verifyRevision } from '../registry/verify-revision.ts';
import { verifyVault } from '../registry/verify-vault.ts';
import type { RevisionId } from '../vault/layout.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { watching } from './progress.ts';
import { parseTarget, type Target } from './target.ts';
import { labelled, painter } from './terminal.ts';
import type { Wire } from './wire.ts';

interface VerifyFlags {
  readonly expect?: string;
  readonly proof?: string;
  readonly quick?: boolean;
  readonly json?: boolean;
}

/** Problems that are printed; `--json` has them all. */
const PROBLEMS_SHOWN_MAX = 50;

export function verifyCommand(run: Run): Command {
  return new Command('verify')
    .description(
      'verify a published revision, a copy of one in a directory, or (without argument) the whole vault',
    )
    .argument('[what]', 'org/name[@commit|@channel], or a directory (/…, ./…, ../…)')
    .option('--expect <model@commit>', 'for a directory: which revision it must be')
    .option('--proof <file>', 'for a directory: its proof (default: <directory>.weighlock.json)')
    .option('--quick', 'check everything but the bytes of the files')
    .addHelpText(
      'after',
      '\nExit codes: 0 everything is as it must be · 1 something is not · 64 and up: see `weighlock --help`',
    )
    .action((what: string | undefined, flags: VerifyFlags) =>
      run({ ...flags }, (wire) => runVerify(wire, what, flags)),
    );
}

async function runVerify(wire: Wire, what: string | undefined, flags: VerifyFlags): Promise<Outcome> {
  const depth = flags.quick ? 'list' : 'bytes';
  const target = what === undefined ? undefined : parseTarget(what);
  if (!target) return verifyAll(wire, depth);
  if (target.kind === 'path') return verifyDirectory(wire, target.path, { ...flags, depth });
  return verifyModel(wire, target, { ...flags, depth });
}

async function verifyAll(wire: Wire, depth: RevisionCheck['depth']): Promise<Outcome> {
  const registry = await wire.registry();
  const verification = await watching(wire.terminal, (onStart) => verifyVault(registry, { depth, onStart }));
  return outcome(wire, `vault ${registry.vault.location}`, verification);
}

async function verifyModel(
  wire: Wire,
  target: Target & { readonly kind: 'model' },
  flags: VerifyFlags & { readonly depth: 'list' | 'bytes' },
): Promise<Outcome> {
  const { model, revision } = target;
  const { depth } = flags;
  const registry = await wire.registry();
  const { id, verification } = await watching(wire.terminal, (onStart) =>
    verifyRevision(registry, { model, revision }, { depth, onStart }),
  );
  if (verification.problems.length === 0 && depth === 'bytes') await remember(wire, registry, id);
  if (flags.expect) {
    const expected = parseExpected(flags.expect);
    if (expected.model !== id.model || expected.commit !== id.commit) {
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${target.model} stands for ${id.model}@${id.commit}, not for ${flags.expect}`,
      );
    }
  }
  return outcome(wire, `${id.model}@${id.commit}`, verification);
}

/** For `weighlock deploy`, which asks that every byte was verified not too long ago. */
async function remember(wire: Wire, registry: Registry, { model, commit }: RevisionId): Promise<void> {
  const { entry } = await registry.published(model, commit);
  const { vault } = registry.trust;
  wire.home.rememberVerified(vault, { record: entry.record, at: timestamp(wire.clock) });
}

async function verifyDirectory(
  wire: Wire,
  directory: string,
  flags: VerifyFlags & { readonly depth: 'list' | 'bytes' },
): Promise<Outcome> {
  if (!flags.expect) {
    throw new WeighlockError(
      'WL_USAGE',
      'a directory needs --expect org/name@commit: which revision it must be',
    );
  }
  const expect = parseExpected(flags.expect);
  if (!existsSync(directory)) throw new WeighlockError('WL_USAGE', `there is no directory ${directory}`);
  const proof = readProof(flags.proof ?? copyProofPath(directory));
  const vault = claimedVault(proof);
  if (!vault) throw new WeighlockError('WL_VAULT_CORRUPT', 'the proof file is malformed');
  const { depth } = flags;
  const trust = wire.trust(vault);
  const verification = await watching(wire.terminal, (onStart) =>
    verifyCopy({ directory, proof, trust, expect, depth, onStart }),
  );
  return outcome(wire, `${directory} as ${flags.expect}`, verification);
}

function readProof(file: string): string {
  try {
    return readCopyProof(file);
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw new WeighlockError('WL_USAGE', `cannot read the proof ${file}`, {
      cause: error,
      hint: '`weighlock pull` writes it beside the copy; name it with --proof.',
    });
  }
}

function parseExpected(text: string): {
  model: (Target & { kind: 'model' })['model'];
  commit: ReturnType<typeof parseCommit>;
} {
  const target = parseTarget(text);
  if (target.kind !== 'model' || target.revision === undefined) {
    throw new WeighlockError('WL_USAGE', `--expect takes org/name@commit, not "${text}"`);
  }
  return { model: target.model, commit: parseCommit(target.revision) };
}

function outcome(wire: Wire, name: string, verification: Verification): Outcome {
  const { problems, checked, unchecked } = verification;
  const paint = painter(wire.terminal);
  const good = problems.length === 0;
  const verdict = good ? paint('green', 'verified') : paint('red', 'failed');
  const shown = problems
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map(({ object, problem }) => labelled('', `${paint('bold', object)} ${paint('red', problem)}`));
  const more = problems.length - shown.length;
  return {
    exit: good ? EXIT.done : EXIT.refused,
    json: { name, verified: good, problems, checked, unchecked },
    text: [
      labelled(good ? 'verified' : 'failed', paint('bold', name)).replace(
        good ? 'verified' : 'failed',
        verdict,
      ),
      ...shown,
      ...(more > 0 ? [labelled('', `and ${more} more: --json lists them all`)] : []),
      labelled('checked', checked.join('; ') || 'nothing'),
      ...(unchecked.length > 0 ? [labelled('not', unchecked.join('; '))] : []),
    ].join(''),
  };
}
