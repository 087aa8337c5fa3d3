/** Lines about what a route asks of those who run it, and what it hangs on. */
import { plural } from '../base/words.ts';
import type { Line, Sides } from './aspect.ts';
import { favoursIf, vaultText } from './lines-control.ts';
import type { VaultSide } from './vault-side.ts';

/** Requests for files that the Hub answers an address in five minutes without a token, as its documentation says. */
const RESOLVES_MAX = 3000;

export function internalLines(sides: Sides): readonly Line[] {
  return [
    {
      aspect: 'internal measures',
      what: 'posture of the store',
      vault: vaultText(sides, postureOf),
      hub: 'not yours to check',
      favours: favoursIf(sides, ({ posture }) => !('unknown' in posture) && posture.failed.length === 0),
      evidence: '`weighlock posture`',
    },
    {
      aspect: 'internal measures',
      what: 'record, signature and list of files',
      vault: vaultText(sides, ({ problems }) =>
        problems.length === 0 ? 'verified just now' : `${plural(problems.length, 'problem')}: ${problems[0]}`,
      ),
      hub: 'there is none',
      favours: favoursIf(sides, ({ problems }) => problems.length === 0),
      evidence: '`weighlock verify --quick`',
    },
    {
      aspect: 'internal measures',
      what: 'what runs, against what was decided',
      vault: vaultText(sides, driftOf),
      hub: 'nothing is on record to compare with',
      favours: favoursIf(sides, ({ drift }) => !('unknown' in drift) && drift.drifted.length === 0),
      evidence: '`weighlock drift`',
    },
  ];
}

function postureOf({ posture }: VaultSide): string {
  if ('unknown' in posture) return `not known: ${posture.unknown}`;
  const { passed, failed, unanswered } = posture;
  const worst = failed[0] === undefined ? '' : ` (${failed[0].severity}: that ${failed[0].title})`;
  return `${passed} checks passed, ${failed.length} failed${worst}${unanswered > 0 ? `, ${unanswered} without an answer` : ''}`;
}

function driftOf({ drift, deployments }: VaultSide): string {
  if ('unknown' in drift)
    return `${plural(deployments, 'deployment')} on record; not compared: ${drift.unknown}`;
  return drift.drifted.length === 0
    ? `${plural(drift.looked, 'endpoint')} looked at, none differs`
    : `${plural(drift.drifted.length, 'endpoint')} differ: ${drift.drifted[0]}`;
}

export function convenienceLines(sides: Sides): readonly Line[] {
  const { hub, model } = sides;
  const hubSteps = hub.gated ? ['ask for access', 'make a token'] : [];
  return [
    {
      aspect: 'convenience',
      what: 'steps to the first answer',
      vault: vaultText(sides, () => '1: deploy (it is admitted already)').replace(
        'not in the vault',
        '2: weighlock admit, weighlock deploy',
      ),
      hub: [...hubSteps, `start with ${model}`].map((step, index) => `${index + 1}: ${step}`).join(', '),
      favours: hub.gated || !('absent' in sides.vault) ? 'neither' : 'hub',
      evidence: hub.gated ? 'the model is gated' : 'the model is open',
    },
    {
      aspect: 'convenience',
      what: 'credentials that a runtime needs',
      vault: 'a role that reads one prefix',
      hub: hub.gated ? 'a token of the Hub, in a secret' : 'none',
      favours: hub.gated ? favoursIf(sides, () => true) : 'hub',
      evidence: 'the plans of `weighlock deploy` for both routes',
    },
  ];
}

export function communityLines(sides: Sides): readonly Line[] {
  const { activity } = sides.hub;
  const { discussions } = activity;
  return [
    {
      aspect: 'community',
      what: 'what others say of the model',
      vault: 'what the Hub says, when you ask it',
      hub:
        discussions === undefined
          ? 'the Hub does not say'
          : `${plural(discussions.all, 'discussion')}, ${discussions.open} open; ${plural(discussions.security.length, 'report')} of security${discussions.security[0] === undefined ? '' : `: “${discussions.security[0]}”`}`,
      favours: 'hub',
      evidence: 'the latest page of discussions, reports told by their titles',
    },
    {
      aspect: 'community',
      what: 'activity',
      vault: 'the same repo upstream',
      hub: [
        activity.recentCommits === undefined
          ? 'commits unknown'
          : `${plural(activity.recentCommits, 'commit')} in 90 days`,
        activity.authors !== undefined && `by ${plural(activity.authors, 'author')}`,
        activity.downloads !== undefined && `${activity.downloads} downloads a month`,
        activity.likes !== undefined && plural(activity.likes, 'like'),
      ]
        .filter(Boolean)
        .join(', '),
      favours: 'neither',
      evidence: 'commits of main, numbers of the model’s page',
    },
  ];
}

export function dependencyLines(sides: Sides): readonly Line[] {
  const { hub } = sides;
  const starts = Math.max(0, Math.floor(RESOLVES_MAX / Math.max(1, hub.files)));
  return [
    {
      aspect: 'external dependency',
      what: 'what must answer when a container starts',
      vault: vaultText(sides, ({ host, location }) => host ?? location),
      hub: hub.hosts.join(' and '),
      favours: favoursIf(sides, () => true),
      evidence: 'the connections of this comparison',
    },
    {
      aspect: 'external dependency',
      what: 'rate limits',
      vault: 'those of your store',
      hub: `${hub.files} files a start: about ${starts} cold starts in five minutes from one address without a token`,
      favours: favoursIf(sides, () => true),
      evidence: `${RESOLVES_MAX} requests for files in five minutes, divided by the files of this commit`,
    },
    {
      aspect: 'external dependency',
      what: 'names that move',
      vault: vaultText(sides, ({ channels }) =>
        channels.length === 0
          ? 'no channel stands here'
          : `${channels.join(', ')}: moved by a signed statement`,
      ),
      hub: `main, by ${hub.activity.recentCommits === undefined ? 'whoever may write' : `${plural(hub.activity.recentCommits, 'commit')} in 90 days`}; the name itself can be given up and registered by others`,
      favours: favoursIf(sides, () => true),
      evidence: 'commits of main; how namespaces work at the Hub',
    },
  ];
}
