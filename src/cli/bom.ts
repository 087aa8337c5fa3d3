/** `weighlock bom`: a bill of materials of an admitted revision. */
import { Command } from 'commander';
import { EXIT } from '../base/errors.ts';
import { billOf, materialsOf } from '../bom/bom.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { TOOL, type Wire } from './wire.ts';

export function bomCommand(run: Run): Command {
  return new Command('bom')
    .description('print a bill of materials of an admitted revision: CycloneDX 1.7, from what is on record')
    .argument('<model>', 'org/name, org/name@commit or org/name@channel')
    .action((model: string, flags: Record<string, unknown>) => run(flags, (wire) => bill(wire, model)));
}

async function bill(wire: Wire, text: string): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  const registry = await wire.registry();
  const document = billOf(await materialsOf(registry, await registry.published(model, revision)), TOOL);
  return { exit: EXIT.done, json: document, text: `${JSON.stringify(document, null, 2)}\n` };
}
