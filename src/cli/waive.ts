/** `weighlock waive`: a person takes one kind of finding on one file upon himself, signed and for a time. */
import { existsSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import {
  encodeWaivers,
  openWaivers,
  signWaiver,
  WAIVER_DAYS_MAX,
  type WaiverBody,
} from '../attest/waiver.ts';
import { parseSha256, type Sha256 } from '../base/digest.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { readLocal } from '../inspection/read-local.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled } from './terminal.ts';
import { peoplesTrust, textOf } from './waivers.ts';
import type { Wire } from './wire.ts';

interface WaiveFlags {
  readonly rule?: string;
  readonly global?: string;
  readonly reason: string;
  readonly days: string;
  readonly key: string;
  readonly out: string;
}

const DEFAULT_DAYS = 90;
const DAY_MS = 86_400_000;

export function waiveCommand(run: Run): Command {
  return new Command('waive')
    .description('sign a waiver: one kind of finding on one file, for a reason and a time')
    .argument('<file>', 'the file itself, or its sha256')
    .option('--rule <rule>', 'the rule of the findings, for example archive/torchscript')
    .option('--global <name>', 'or the global that they are about, for example mylib.Net')
    .requiredOption('--reason <text>', 'why this may pass')
    .requiredOption(
      '--key <file>',
      'your private key; the trust file must name you (`weighlock trust add-approver`)',
    )
    .option('--days <n>', `how long it holds, at most ${WAIVER_DAYS_MAX}`, String(DEFAULT_DAYS))
    .option('--out <file>', 'the file of waivers that it is added to', 'waivers.json')
    .addHelpText(
      'after',
      `
Then:    weighlock scan … --waivers waivers.json
         weighlock admit … --waivers waivers.json    the waiver becomes evidence of the record`,
    )
    .action((file: string, flags: WaiveFlags) => run({ ...flags }, (wire) => waive(wire, file, flags)));
}

async function waive(wire: Wire, file: string, flags: WaiveFlags): Promise<Outcome> {
  const trust = await peoplesTrust(wire);
  const signer = wire.home.personalKey(flags.key);
  const person = trust.approvers.find(({ publicKey }) => publicKey === signer.publicKey);
  if (!person)
    throw new WeighlockError('WL_WAIVER_INVALID', `the trust file names nobody with the key ${flags.key}`, {
      hint: 'Add the public half with `weighlock trust add-approver <name> <public.pem>` on the gate, and pin the new trust file here.',
    });
  const nowMs = wire.clock.now();
  const body: WaiverBody = {
    type: 'weighlock.waiver/v1',
    vault: trust.vault,
    sha256: await digestOf(file),
    lifts: liftsOf(flags),
    reason: flags.reason,
    approver: person.name,
    madeAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + daysOf(flags.days) * DAY_MS).toISOString(),
  };
  const waiver = await signWaiver(body, signer);
  const before = existsSync(flags.out) ? openWaivers(textOf(flags.out), trust) : [];
  writeFileSync(flags.out, encodeWaivers([...before, waiver]));
  return {
    exit: EXIT.done,
    json: { ...body, digest: waiver.digest, file: flags.out },
    text:
      labelled(
        'waived',
        `${flags.rule ?? flags.global} on ${body.sha256}\nby ${person.name}, until ${body.expiresAt}`,
      ) + labelled('written', `${flags.out}: give it to scan and admit with --waivers`),
  };
}

function liftsOf({ rule, global }: WaiveFlags): WaiverBody['lifts'] {
  if (rule !== undefined && global === undefined) return { rule };
  if (global !== undefined && rule === undefined) return { global };
  throw new WeighlockError('WL_USAGE', 'a waiver lifts one thing: name it by --rule or by --global', {
    hint: 'Both stand in the report of `weighlock scan`.',
  });
}

function daysOf(text: string): number {
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= WAIVER_DAYS_MAX) return days;
  throw new WeighlockError(
    'WL_USAGE',
    `--days is a whole number from 1 to ${WAIVER_DAYS_MAX}, not "${text}"`,
  );
}

async function digestOf(file: string): Promise<Sha256> {
  const digest = parseSha256(file);
  return digest ?? (await readLocal(file, () => {})).sha256;
}
