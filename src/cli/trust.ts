/** `weighlock trust`: the trust file of a vault. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { isGateKey } from '../attest/key.ts';
import { ACCOUNTS_MAX, FORMER_KEYS_MAX, openTrust, signTrust, type Trust } from '../attest/trust.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { readPolicyFile } from './policy-file.ts';
import { labelled } from './terminal.ts';
import { openTrustFile, type Wire } from './wire.ts';

export function trustCommand(run: Run): Command {
  const command = new Command('trust').description(
    'the trust file: the keys, approvers and policies that verifiers accept',
  );
  command
    .command('show')
    .description('show the trust file that is in force for the vault')
    .action((flags: Record<string, unknown>) =>
      run(flags, async (wire) => describe(wire, (await wire.registry()).trust)),
    );
  command
    .command('pin')
    .description(
      'pin a trust file on this machine; a later version must be signed by a key of the one before',
    )
    .argument('<file>', 'the trust file, from whoever runs the vault')
    .action((file: string, flags: Record<string, unknown>) => run(flags, async (wire) => pin(wire, file)));
  command
    .command('accept-policy')
    .description('sign a next version that names the policies whose decisions count')
    .argument('<files...>', 'policy files; the list replaces the one before')
    .action((files: string[], flags: Record<string, unknown>) =>
      run(flags, (wire) =>
        next(wire, (trust) => ({
          ...trust,
          policies: files.map((file) => readPolicyFile(file, file).sha256),
        })),
      ),
    );
  command
    .command('add-gate')
    .description('sign a next version that also names another gate key, valid from the next log entry on')
    .argument('<public.pem>', 'the new key’s public half (`weighlock key --pem` prints it)')
    .action((file: string, flags: Record<string, unknown>) =>
      run(flags, (wire) =>
        next(wire, (trust, size) => ({
          ...trust,
          gates: [...trust.gates, { publicKey: readPem(file), from: size }],
        })),
      ),
    );
  command
    .command('add-approver')
    .description('sign a next version that also names a person who may sign waivers and approvals')
    .argument('<name>', 'the person, for example ada@example.org')
    .argument('<public.pem>', 'the person’s public key (`weighlock key --new <file>` makes a pair)')
    .option(
      '--account <name>',
      'another name under which the person asks for admissions, and so approves none of them; several may be given',
      (account: string, before: readonly string[]) => [...before, account],
      [],
    )
    .action((name: string, file: string, flags: { readonly account: readonly string[] }) =>
      run({ ...flags }, (wire) =>
        next(wire, (trust, size) =>
          withApprover(trust, { name, publicKey: readPem(file), accounts: flags.account, size }),
        ),
      ),
    );
  return command;
}

interface NewApprover {
  readonly name: string;
  readonly publicKey: string;
  readonly accounts: readonly string[];
  /** Size of the log: records below it keep the approvals of the key before. */
  readonly size: number;
}

/** A name stands for one key: whoever has a new one takes the place of the old. */
function withApprover(trust: Trust, { name, publicKey, accounts, size }: NewApprover): Trust {
  if (accounts.length > ACCOUNTS_MAX)
    throw new WeighlockError('WL_USAGE', `a person has at most ${ACCOUNTS_MAX} accounts`);
  for (const one of [name, ...accounts])
    if (!/^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,99}$/u.test(one))
      throw new WeighlockError(
        'WL_USAGE',
        `"${one}" is no name for a person: letters, digits and ._@+- will do`,
      );
  const before = trust.approvers.find((approver) => approver.name === name);
  const others = trust.approvers.filter((approver) => approver.name !== name);
  // A new key alone leaves a person's accounts as they were.
  const known = accounts.length > 0 ? [...accounts] : before?.accounts;
  const replaced =
    before && before.publicKey !== publicKey ? [{ publicKey: before.publicKey, until: size }] : [];
  const former = [...(before?.former ?? []), ...replaced].slice(-FORMER_KEYS_MAX);
  const added = {
    name,
    publicKey,
    ...(known && { accounts: known }),
    ...(former.length > 0 && { former }),
  };
  return { ...trust, approvers: [...others, added] };
}

function pin(wire: Wire, file: string): Outcome {
  const trust = openTrustFile(file);
  const before = wire.home.pinned(trust.vault);
  if (before) openTrustFile(file, before);
  wire.home.pin(trust.vault, readFileSync(file, 'utf8'));
  return describe(wire, trust);
}

/** A next version, signed by this machine's gate key and pinned here. */
async function next(wire: Wire, change: (trust: Trust, logSize: number) => Trust): Promise<Outcome> {
  const gate = await wire.gate();
  const changed = { ...change(gate.trust, await gate.logSize()), version: gate.trust.version + 1 };
  const text = await signTrust(changed, gate.signer);
  openTrust(text, gate.trust);
  wire.home.pin(changed.vault, text);
  return describe(wire, changed);
}

function describe(wire: Wire, trust: Trust): Outcome {
  const file = wire.config.trust ?? wire.home.trustFile(trust.vault);
  const span = (key: { from: number; until?: number | undefined }) =>
    `from log entry ${key.from}${key.until === undefined ? '' : ` until ${key.until}`}`;
  return {
    exit: EXIT.done,
    json: { file, trust },
    text: [
      labelled('trust', `version ${trust.version} for vault ${trust.vault}\n${file}`),
      labelled(
        'gates',
        trust.gates
          .map((gate) => `${gate.publicKey.split('\n')[1]?.slice(0, 44)}…  ${span(gate)}`)
          .join('\n'),
      ),
      labelled('logs', trust.logs.map((log) => `${log.key}  ${span(log)}`).join('\n')),
      labelled('approvers', trust.approvers.map((approver) => approver.name).join(', ') || 'none'),
      labelled(
        'policies',
        trust.policies === 'any' ? 'any that a gate signed for' : trust.policies.join('\n'),
      ),
      labelled('', 'Give this file to whoever verifies, over a channel that you trust.'),
    ].join(''),
  };
}

function readPem(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError('WL_USAGE', `cannot read ${file}`, { cause: error });
  }
  if (isGateKey(pem)) return pem;
  throw new WeighlockError('WL_USAGE', `${file} is not the public half of a gate key`, {
    hint: 'Print it with `weighlock key --pem` on the machine of the new gate; never send the private half.',
  });
}
