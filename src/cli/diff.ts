/** `weighlock diff`: what changed between two revisions of a model, or since upstream went on. */
import { Command } from 'commander';
import { requireHeld } from '../admission/review.ts';
import { stagedTexts } from '../admission/staged-text.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import { diffRevisions } from '../diff/diff.ts';
import { hubSide } from '../diff/hub-side.ts';
import { diffMarkdown } from '../diff/markdown.ts';
import type { Side } from '../diff/side.ts';
import { vaultSide } from '../diff/vault-side.ts';
import { DEFAULT_CHANNEL, type Registry } from '../registry/registry.ts';
import { HubSource } from '../sources/hub.ts';
import { diffText } from './diff-text.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget, parseRevision } from './target.ts';
import type { Wire } from './wire.ts';

const UPSTREAM = 'upstream';

export function diffCommand(run: Run): Command {
  return new Command('diff')
    .description(
      'show what changed between two revisions: files, tensors, configuration, templates, code, publisher',
    )
    .argument('<model>', 'org/name')
    .argument('[a]', `a commit or channel in the vault, ${UPSTREAM} or ${UPSTREAM}@revision`, DEFAULT_CHANNEL)
    .argument('[b]', 'the same, to compare it with', UPSTREAM)
    .option('--markdown', 'print Markdown, for a pull request')
    .addHelpText(
      'after',
      '\nOf upstream only headers of weights are read, and texts. Exit codes: 0 nothing differs · 1 something does',
    )
    .action((model: string, a: string, b: string, flags: { readonly markdown?: boolean }) =>
      run({ ...flags }, (wire) => runDiff(wire, { model, a, b, markdown: flags.markdown === true })),
    );
}

interface Asked {
  readonly model: string;
  readonly a: string;
  readonly b: string;
  readonly markdown: boolean;
}

async function runDiff(wire: Wire, { model: text, a, b, markdown }: Asked): Promise<Outcome> {
  const { model, revision } = parseModelTarget(text);
  if (revision !== undefined)
    throw new WeighlockError(
      'WL_USAGE',
      `name the revisions behind the model: weighlock diff ${model} <a> <b>`,
    );
  const sources: HubSource[] = [];
  try {
    const side = (name: string) => openSide(wire, { model, name, sources });
    const diff = await diffRevisions(model, await side(a), await side(b));
    return {
      exit: diff.equal ? EXIT.done : EXIT.refused,
      json: diff,
      text: markdown ? diffMarkdown(diff) : diffText(wire.terminal, diff),
    };
  } finally {
    for (const source of sources) await source.close();
  }
}

async function openSide(
  wire: Wire,
  {
    model,
    name,
    sources,
  }: { readonly model: ModelName; readonly name: string; readonly sources: HubSource[] },
): Promise<Side> {
  if (name === UPSTREAM || name.startsWith(`${UPSTREAM}@`)) {
    const source = new HubSource({ kind: 'hub', ...wire.config.hub });
    sources.push(source);
    const at = name === UPSTREAM ? undefined : parseRevision(name.slice(UPSTREAM.length + 1));
    return hubSide(source, source.ticket, await source.resolve(model, at));
  }
  return recordedSide(await wire.registry(), model, name);
}

async function recordedSide(registry: Registry, model: ModelName, name: string): Promise<Side> {
  const { id, entry } = await registry.resolve(model, name);
  const record = await registry.record(id, entry.number, entry.record);
  if (entry.receipt !== undefined || entry.verdict !== 'held')
    return vaultSide(registry, { id, entry, record });
  const held = await requireHeld(registry, model, id.commit);
  const texts = new Map((await stagedTexts(registry, held)).map(({ path, text }) => [path as string, text]));
  return vaultSide(registry, { id, entry, record }, async (path) => texts.get(path));
}
