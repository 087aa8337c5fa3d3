/** All commands, in the groups and the order of the help. Each is loaded when it is asked for: together they take half a second. */
import type { Command } from 'commander';
import type { Run } from './main.ts';

export type Maker = (run: Run) => Command;

export interface CommandEntry {
  readonly group: string;
  load(): Promise<Maker>;
}

type Loads = Readonly<Record<string, () => Promise<Maker>>>;

const GROUPS: Readonly<Record<string, Loads>> = {
  'Bring models in, and out': {
    admit: async () => (await import('./admit.ts')).admitCommand,
    scan: async () => (await import('./scan.ts')).scanCommand,
    remediate: async () => (await import('./remediate.ts')).remediateCommand,
    verify: async () => (await import('./verify.ts')).verifyCommand,
    pull: async () => (await import('./pull.ts')).pullCommand,
    initialize: async () => (await import('./initialize.ts')).initializeCommand,
    copy: async () => (await import('./copy.ts')).copyCommand,
  },
  'See what is on record': {
    list: async () => (await import('./list.ts')).listCommand,
    show: async () => (await import('./show.ts')).showCommand,
    log: async () => (await import('./log.ts')).logCommand,
    bom: async () => (await import('./bom.ts')).bomCommand,
    diff: async () => (await import('./diff.ts')).diffCommand,
  },
  Decide: {
    policy: async () => (await import('./policy.ts')).policyCommand,
    review: async () => (await import('./review.ts')).reviewCommand,
    waive: async () => (await import('./waive.ts')).waiveCommand,
    evidence: async () => (await import('./evidence.ts')).evidenceCommand,
    rescan: async () => (await import('./rescan.ts')).rescanCommand,
    advisory: async () => (await import('./advisory.ts')).advisoryCommand,
    channel: async () => (await import('./channel.ts')).channelCommand,
    revoke: async () => (await import('./revoke.ts')).revokeCommand,
    remove: async () => (await import('./remove.ts')).removeCommand,
  },
  Watch: {
    upstream: async () => (await import('./upstream.ts')).upstreamCommand,
    affected: async () => (await import('./affected.ts')).affectedCommand,
    sweep: async () => (await import('./sweep.ts')).sweepCommand,
  },
  'Serve and deploy': {
    serve: async () => (await import('./serve.ts')).serveCommand,
    access: async () => (await import('./access.ts')).accessCommand,
    deploy: async () => (await import('./deploy.ts')).deployCommand,
    drift: async () => (await import('./drift.ts')).driftCommand,
    probe: async () => (await import('./probe.ts')).probeCommand,
    compare: async () => (await import('./compare.ts')).compareCommand,
  },
  'The vault and its keys': {
    vault: async () => (await import('./vault.ts')).vaultCommand,
    posture: async () => (await import('./posture.ts')).postureCommand,
    key: async () => (await import('./key.ts')).keyCommand,
    trust: async () => (await import('./trust.ts')).trustCommand,
    state: async () => (await import('./state.ts')).stateCommand,
    gc: async () => (await import('./gc.ts')).gcCommand,
  },
  'This machine': {
    doctor: async () => (await import('./doctor.ts')).doctorCommand,
    demo: async () => (await import('./demo.ts')).demoCommand,
  },
};

/** By the name that is typed. */
export const COMMANDS: ReadonlyMap<string, CommandEntry> = new Map(
  Object.entries(GROUPS).flatMap(([group, loads]) =>
    Object.entries(loads).map(([name, load]) => [name, { group: `${group}:`, load }] as const),
  ),
);
