/**
 * Runs one command line and dies by SIGKILL at a chosen step of its work on the vault.
 *
 *   node dying-command.ts <before|after> <n> <arguments of weighlock…>
 *
 * A step is a call that changes the vault: create, swap, stage, and what is done to a staging area. Prints the name of
 * the step it died at; a run with fewer steps ends by itself.
 */
import { writeSync } from 'node:fs';
import { runCommand } from '../../src/cli/main.ts';
import { systemTerminal } from '../../src/cli/terminal.ts';
import { Wire } from '../../src/cli/wire.ts';
import type { Staging, Vault } from '../../src/vault/vault.ts';

const [moment, step, ...args] = process.argv.slice(2);
const CHANGES = new Set(['create', 'swap', 'stage', 'resume', 'put', 'publish', 'release', 'discard']);
let left = Number(step);

/** The same object, whose changing calls count down to death. */
function mortal<T extends object>(target: T): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (!CHANGES.has(String(name))) return value.bind(target);
      return async (...given: unknown[]) => {
        left -= 1;
        const last = left === 0; // Other steps may begin before this one has ended.
        if (last && moment === 'before') die(String(name), given);
        const result: unknown = await value.apply(target, given);
        if (last) die(String(name), given);
        return isStaging(result) ? mortal(result) : result;
      };
    },
  });
}

function isStaging(value: unknown): value is Staging {
  return typeof value === 'object' && value !== null && 'discard' in value;
}

function die(name: string, given: readonly unknown[]): void {
  writeSync(1, `${moment} ${name} ${typeof given[0] === 'string' ? given[0] : ''}\n`);
  process.kill(process.pid, 'SIGKILL');
}

const vault = Wire.prototype.vault;
Wire.prototype.vault = async function (this: Wire): Promise<Vault> {
  return mortal(await vault.call(this));
};
process.exitCode = await runCommand(args, {
  directory: process.cwd(),
  environment: process.env,
  terminal: { ...systemTerminal(process.env), out: () => {} },
});
