/** `weighlock revoke`: a revision, or every revision that holds a file, is not to be used any more. */
import { Command } from 'commander';
import { parseSha256 } from '../base/digest.ts';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { type LeftChannel, rollBackFrom } from '../lifecycle/channel.ts';
import { type RevocationSubject, revoke } from '../lifecycle/revoke.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { parseModelTarget } from './target.ts';
import { labelled, plural } from './terminal.ts';
import { TOOL, type Wire } from './wire.ts';

interface RevokeFlags {
  readonly sha256?: string;
  readonly reason?: string;
  readonly channels?: string;
}

const STILL_POSSIBLE =
  'gateways refuse within 5 seconds; URLs that they gave out end within 300 seconds (--presign-seconds);\n' +
  'copies on nodes stay: find them with `weighlock sweep <hf cache>`';

export function revokeCommand(run: Run): Command {
  return new Command('revoke')
    .description('say by a logged statement that a revision, or a file, is not to be used any more')
    .argument('[model@revision]', 'org/name@commit')
    .option('--sha256 <digest>', 'every revision that holds this file, and all that would come')
    .option('--reason <text>', 'why, for the log and for whoever asks for it')
    .option(
      '--channels <what>',
      'what becomes of channels that stand there: stop, or rollback to the last that is published (default: onRevocation)',
    )
    .action((model: string | undefined, flags: RevokeFlags) =>
      run({ ...flags }, (wire) => runRevoke(wire, model, flags)),
    );
}

async function runRevoke(wire: Wire, text: string | undefined, flags: RevokeFlags): Promise<Outcome> {
  const subject = subjectOf(text, flags);
  if (!flags.reason)
    throw new WeighlockError('WL_USAGE', 'say why with --reason: it stands in the log, and readers see it');
  const then = thenOf(flags.channels ?? wire.config.onRevocation);
  const gate = await wire.gate();
  const by = { reason: flags.reason, tool: TOOL };
  const { revisions, logIndex, files } = await revoke(gate, subject, by);
  const channels = then === 'rollback' ? await rollBackFrom(gate, revisions, by) : [];
  const names = revisions.map(({ model, commit }) => `${model}@${commit.slice(0, 12)}`);
  const logged = logIndex === undefined ? 'it was revoked before' : `log entry ${logIndex}`;
  const kept =
    files === undefined
      ? 'whoever reads the folder directly is not stopped: `weighlock remove` takes the files away'
      : `${plural(files, 'file')} tagged: a bucket made by \`weighlock vault init\` refuses direct readers`;
  return {
    exit: EXIT.done,
    json: { subject, revisions, logIndex, filesTagged: files, channels },
    text:
      labelled(
        'revoked',
        `${names.length > 0 ? names.join('\n') : 'a file that no revision holds'}\n${logged}`,
      ) +
      channels.map(channelText).join('') +
      labelled('readers', `${kept}\n${STILL_POSSIBLE}`),
  };
}

function thenOf(text: string): 'stop' | 'rollback' {
  if (text === 'stop' || text === 'rollback') return text;
  throw new WeighlockError('WL_USAGE', `--channels takes stop or rollback, not "${text}"`);
}

function channelText({ model, channel, move }: LeftChannel): string {
  return labelled(
    'channel',
    move
      ? `${channel} of ${model} → ${move.commit.slice(0, 12)}, log entry ${move.logIndex}`
      : `${channel} of ${model} stood for nothing else that is published: it answers nothing now`,
  );
}

function subjectOf(text: string | undefined, { sha256 }: RevokeFlags): RevocationSubject {
  if ((text === undefined) === (sha256 === undefined))
    throw new WeighlockError('WL_USAGE', 'name either a revision, org/name@commit, or a file by --sha256');
  if (sha256 !== undefined) {
    const digest = parseSha256(sha256);
    if (!digest)
      throw new WeighlockError('WL_USAGE', `"${sha256}" is not a SHA-256 of 64 lower-case hex digits`);
    return { sha256: digest };
  }
  const { model, revision } = parseModelTarget(text ?? '');
  if (revision === undefined)
    throw new WeighlockError('WL_USAGE', `say which revision of ${model} is revoked: ${model}@<commit>`);
  return { model, revision };
}
