/**
 * `weighlock demo`: the whole story in a few seconds, offline. A stand-in of the Hub runs on this machine with a
 * clean model and a booby-trapped one; both are admitted by the very commands that a user types.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { EXIT } from '../base/errors.ts';
import { startHubStandIn } from '../hub-stand-in/hub-stand-in.ts';
import { CLEAN_MODEL, TRAPPED_MODEL } from './demo-models.ts';
import { type Run, runCommand } from './main.ts';
import type { Outcome } from './outcome.ts';
import { painter } from './terminal.ts';
import type { Wire } from './wire.ts';

export function demoCommand(run: Run): Command {
  return new Command('demo')
    .description(
      'see it work, offline, in a few seconds: one model admitted, one refused, one byte flipped and found',
    )
    .action((flags: Record<string, unknown>) => run(flags, demo));
}

async function demo({ terminal }: Wire): Promise<Outcome> {
  const started = performance.now();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-demo-'));
  const hub = await startHubStandIn({
    models: [CLEAN_MODEL, TRAPPED_MODEL],
    organisations: [{ name: 'demo', verified: true }],
  });
  const paint = painter(terminal);
  const steps: { step: string; exit: number; expected: number }[] = [];
  const type = async (step: string, args: readonly string[], expected: number) => {
    terminal.err(`\n${paint('dim', `# ${step}`)}\n${paint('bold', `$ weighlock ${args.join(' ')}`)}\n`);
    // The story goes to standard error, so that --json keeps standard output to itself.
    const exit = await runCommand(args, {
      directory: folder,
      environment: {
        WEIGHLOCK_HOME: path.join(folder, 'home'),
        WEIGHLOCK_HUB_ENDPOINT: hub.endpoint,
        WEIGHLOCK_HUB_HOSTS: hub.cdnHost,
      },
      terminal: { ...terminal, out: (text) => terminal.err(text) },
    });
    steps.push({ step, exit, expected });
  };
  try {
    terminal.err(`${paint('dim', 'A stand-in of the Hub runs on this machine; nothing leaves it.')}\n`);
    await type('A clean model from a verified publisher.', ['admit', 'demo/clean'], EXIT.done);
    await type(
      'Everything about it is signed, logged and checked, byte for byte.',
      ['verify', 'demo/clean'],
      EXIT.done,
    );
    await type(
      'A model whose weights run a command when they are loaded.',
      ['admit', 'demo/booby-trapped'],
      EXIT.refused,
    );
    const file = path.join(
      folder,
      'weighlock-data/models/demo/clean',
      hub.commitOf('demo/clean'),
      'model.safetensors',
    );
    flipOneByte(file);
    await type(
      'Now somebody with access to the vault flips one byte of the clean model.',
      ['verify', 'demo/clean'],
      EXIT.refused,
    );
  } finally {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const seconds = (performance.now() - started) / 1000;
  const wrong = steps.filter((step) => step.exit !== step.expected);
  return {
    exit: wrong.length === 0 ? EXIT.done : EXIT.internal,
    json: { steps, seconds },
    text:
      wrong.length === 0
        ? `\nOne admitted, one refused, one flipped byte found, in ${seconds.toFixed(1)} s.\nNext: weighlock admit deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B\n`
        : `\nThe demo did not go as it must: ${wrong.map(({ step, exit }) => `"${step}" ended with ${exit}`).join('; ')}\n`,
  };
}

function flipOneByte(file: string): void {
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}
