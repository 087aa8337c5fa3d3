/** `weighlock key`: the public keys of this machine. */
import { Command } from 'commander';
import type { Signer } from '../attest/key.ts';
import { EXIT } from '../base/errors.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled } from './terminal.ts';

export function keyCommand(run: Run): Command {
  return new Command('key')
    .description('show the public keys of this machine’s gate')
    .option('--pem', 'print only the public key, for `model_signing verify key --public_key`')
    .option('--create', 'make the keys if there are none yet')
    .option('--new <file>', 'make a key for a person who signs waivers, and print its public half')
    .action((flags: { pem?: boolean; create?: boolean; new?: string }) =>
      run({ ...flags }, async (wire) => {
        if (flags.new !== undefined) return personal(wire.home.makePersonalKey(flags.new), flags.new);
        if (flags.create) wire.home.makeKeys();
        const { signer, logSigner } = await wire.home.signers();
        const log = logSigner.publicKey.export({ type: 'spki', format: 'pem' }).toString();
        const [file, logFile] = wire.home.keys;
        const text =
          labelled('gate', `${signer.keyId}\nEC P-256, ${file}`) +
          labelled('log', `Ed25519, ${logFile}`) +
          labelled('public', signer.publicKey.trim());
        return {
          exit: EXIT.done,
          json: {
            gate: { keyId: signer.keyId, publicKey: signer.publicKey, file },
            log: { publicKey: log, file: logFile },
          },
          text: flags.pem ? signer.publicKey : text,
        };
      }),
    );
}

/** The public half, so that `weighlock key --new ada.pem > ada.pub` is all that is needed. */
function personal(signer: Signer, file: string): Outcome {
  const { keyId, publicKey } = signer;
  return { exit: EXIT.done, json: { keyId, publicKey, file }, text: publicKey };
}
