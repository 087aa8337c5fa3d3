/**
 * A process that appends to the log of the vault in use: `node racing-writer.ts <name> <from> <to>`. Says each entry that
 * stands, by a line of its own; may be killed at any moment, and is started again from the first that it did not say.
 */
import type { GrantBody } from '../../src/attest/statement.ts';
import { sha256 } from '../../src/base/digest.ts';
import { systemTerminal } from '../../src/cli/terminal.ts';
import { TOOL, Wire } from '../../src/cli/wire.ts';

const [name = '', from = '0', to = '0'] = process.argv.slice(2);
const surroundings = {
  directory: process.cwd(),
  environment: process.env,
  terminal: systemTerminal(process.env),
};
const gate = await new Wire(surroundings, {}).gate();
for (let number = Number(from); number < Number(to); number++) {
  const entry = `${name}-${number}`;
  const { index } = await gate.declare<GrantBody>({
    type: 'weighlock.grant/v1',
    name: entry,
    token: sha256(entry),
    role: 'reader',
    models: ['*/*'],
    tool: TOOL,
  });
  process.stdout.write(`${number} ${index}\n`);
}
