/** `weighlock affected`: who has a revision, or a file by its digest. */
import { Command } from 'commander';
import { parseSha256 } from '../base/digest.ts';
import { EXIT, printable, WeighlockError } from '../base/errors.ts';
import { type Affected, affected, type Question } from '../drift/affected.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { bytesInWords, labelled, paintedLabel, painter, plural } from './terminal.ts';
import type { Wire } from './wire.ts';

interface AffectedFlags {
  readonly sha256?: string;
  readonly accessLog: readonly string[];
}

export function affectedCommand(run: Run): Command {
  return new Command('affected')
    .description(
      'show who has a revision or a file: revisions, channels, deployments, readers, and who pulled it',
    )
    .argument('[model@revision]', 'org/name@commit, or @channel')
    .option('--sha256 <digest>', 'of a file, a manifest or a record, instead of a revision')
    .option(
      '--access-log <file>',
      'a file of the gateway’s access log, for who pulled it; may be repeated',
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .addHelpText('after', '\nExit codes: 0 no channel, deployment or reader has it · 1 somebody has')
    .action((model: string | undefined, flags: AffectedFlags) =>
      run({ ...flags }, (wire) => show(wire, questionOf(model, flags), flags)),
    );
}

function questionOf(model: string | undefined, { sha256 }: AffectedFlags): Question {
  if ((model === undefined) === (sha256 === undefined))
    throw new WeighlockError('WL_USAGE', 'name either a revision or a digest by --sha256');
  if (sha256 !== undefined) {
    const digest = parseSha256(sha256);
    if (digest === undefined)
      throw new WeighlockError('WL_USAGE', `--sha256 takes 64 hex digits, not "${sha256}"`);
    return { kind: 'digest', sha256: digest };
  }
  const target = parseModelTarget(model ?? '');
  return { kind: 'revision', model: target.model, revision: target.revision };
}

async function show(wire: Wire, question: Question, { accessLog }: AffectedFlags): Promise<Outcome> {
  const found = await affected(await wire.registry(), question, accessLog);
  const has = found.channels.length + found.deployments.length + found.pulls.pulls.length > 0;
  return {
    exit: has ? EXIT.refused : EXIT.done,
    json: found,
    text: inWords(wire, found, accessLog.length),
  };
}

function inWords(wire: Wire, found: Affected, logs: number): string {
  const paint = painter(wire.terminal);
  const { revisions, channels, deployments, readers, pulls } = found;
  if (revisions.length === 0) return labelled('affected', 'no revision on record has it');
  const rows = [
    ...revisions.map(({ model, commit, standing, files }) => {
      const of = files.length === 0 ? '' : `\n${files.map(printable).join('\n')}`;
      return labelled('revision', `${model}@${commit.slice(0, 12)}  ${standing}${of}`);
    }),
    ...channels.map(({ model, channel }) =>
      paintedLabel(paint, 'yellow', ['channel', `${channel} of ${model}`]),
    ),
    ...deployments.map(({ target, place, by, since }) =>
      paintedLabel(paint, 'red', [
        'runs',
        `${printable(`${target} ${place}`)}\n${printable(`by ${by} since ${since}`)}`,
      ]),
    ),
    ...readers.map(({ name, expiresAt }) =>
      labelled('may pull', printable(`${name}${expiresAt ? ` until ${expiresAt}` : ''}`)),
    ),
    ...pulls.pulls.map(({ reader, requests, bytes, first, last, addresses }) =>
      paintedLabel(paint, 'red', [
        'pulled',
        `${printable(`${reader} from ${addresses.join(', ')}`)}\n${plural(requests, 'request')}, ${bytesInWords(bytes)} through the gateway, ${printable(`${first} to ${last}`)}`,
      ]),
    ),
  ];
  const notes = [
    logs === 0 && 'who pulled it is in the gateway’s access log: --access-log <file>',
    pulls.unread > 0 && `${plural(pulls.unread, 'line')} of the access log could not be read`,
    pulls.more && 'there were more readers than are kept',
  ].filter((note) => note !== false);
  return rows.join('') + notes.map((note) => labelled('note', note)).join('');
}
