/** An office: a vault in which a model with code waits, and people who may decide about it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { Wire } from '../../src/cli/wire.ts';
import type { Gate } from '../../src/registry/gate.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { plainCommit, textFile } from '../story/models.ts';
import { openS3Stage } from '../story/s3-stage.ts';
import { openStage, type Ran, type Stage } from '../story/stage.ts';

export const MODEL = 'org/coded';

/** Code that is harmless, and that a person has to read all the same. */
const CODE = 'import torch\n\n\ndef forward(x):\n    return torch.relu(x)  # see here\n';
const CONFIG = JSON.stringify({ auto_map: { AutoModel: 'modeling_coded.Net' } });

const HUB = {
  models: [
    {
      id: MODEL,
      commits: [
        {
          files: [
            ...plainCommit('coded').files.filter(({ path: name }) => name !== 'config.json'),
            textFile('config.json', CONFIG),
            textFile('modeling_coded.py', CODE),
          ],
        },
      ],
    },
  ],
};

/** As the default's rule, but that two people must agree. */
export const TWO = `version: 1
rules:
  - name: remote-code
    hold: repo.remoteCode
    because: the model brings Python of its own
    approvals: 2
`;

export interface Office {
  readonly stage: Stage;
  /** What waits, with its commit. */
  readonly target: string;
  at(name: string): string;
  run(...args: readonly string[]): Promise<Ran>;
  ask<T>(...args: readonly string[]): Promise<Ran & { readonly json: T }>;
  approve(who: string, ...more: readonly string[]): Promise<Ran>;
  refuse(who: string, ...more: readonly string[]): Promise<Ran>;
}

export async function office(
  t: TestContext,
  kind: 'directory' | 'S3' = 'directory',
  policy?: string,
): Promise<Office> {
  const server = kind === 'S3' ? await startS3StandIn() : undefined;
  const stage = server ? await openS3Stage(server, HUB) : await openStage(HUB);
  t.after(async () => {
    await stage[Symbol.asyncDispose]();
    await server?.close();
  });
  const at = (name: string) => path.join(stage.folder, name);
  if (policy !== undefined) writeFileSync(at('weighlock.yaml'), `policy: ${at('policy.yaml')}\n`);
  if (policy !== undefined) writeFileSync(at('policy.yaml'), policy);
  const held = await stage.here(['admit', MODEL, '--requester', 'rex']);
  assert.equal(held.exit, 2, held.stdout + held.stderr);
  for (const who of ['ada', 'bob', 'cy', 'rex']) {
    writeFileSync(at(`${who}.pub`), (await stage.here(['key', '--new', at(`${who}.pem`)])).stdout);
    const named = await stage.here(['trust', 'add-approver', who, at(`${who}.pub`)]);
    assert.equal(named.exit, 0, named.stderr);
  }
  await stage.here(['key', '--new', at('eve.pem')]);
  const target = `${MODEL}@${stage.hub.commitOf(MODEL)}`;
  const decide = (what: string, who: string, reason: string, more: readonly string[]) =>
    stage.here(['review', what, target, '--reason', reason, '--key', at(`${who}.pem`), ...more]);
  return {
    stage,
    target,
    at,
    run: (...args) => stage.here(args),
    ask: (...args) => stage.ask(args),
    approve: (who, ...more) => decide('approve', who, 'I read it', more),
    refuse: (who, ...more) => decide('refuse', who, 'I do not trust it', more),
  };
}

export async function waits(here: Office): Promise<boolean> {
  return (await here.ask<readonly unknown[]>('review', 'list')).json.length > 0;
}

/** The gate of the office, as a rival process opens it. */
export function gateOf({ stage }: Office): Promise<Gate> {
  const terminal = { colour: false, live: false, columns: 100, out: () => {}, err: () => {} };
  return new Wire({ directory: stage.folder, environment: stage.environment, terminal }, {}).gate();
}
