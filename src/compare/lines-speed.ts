/** Lines about time: the first byte, all weights, and what an update costs. */
import { bytesInWords, plural } from '../base/words.ts';
import type { Line, RouteName, Sides } from './aspect.ts';
import { favoursIf, vaultText } from './lines-control.ts';
import { FIRST_BYTES, type Measurement } from './measure.ts';

/** Below this ratio two measurements count as equal: a machine and its network are noisy. */
const NOTABLE = 1.15;

const DAY_MS = 86_400_000;

export function latencyLines(sides: Sides): readonly Line[] {
  const ours = 'absent' in sides.vault ? undefined : sides.vault.measured;
  const theirs = sides.hub.measured;
  const row = (
    what: string,
    value: (one: Measurement) => number,
    {
      text,
      evidence,
      more,
    }: { text: (one: Measurement) => string; evidence: string; more: 'better' | 'worse' },
  ): Line => ({
    aspect: 'latency',
    what,
    vault: ours === undefined ? 'not measured' : text(ours),
    hub: theirs === undefined ? 'not measured' : text(theirs),
    favours: faster(ours && value(ours), theirs && value(theirs), more),
    evidence,
  });
  return [
    row('first byte, over a new connection', ({ medianFirstByteMs }) => medianFirstByteMs, {
      text: (one) =>
        `${one.medianFirstByteMs.toFixed(0)} ms (${Math.min(...one.firstByteMs).toFixed(0)} to ${Math.max(...one.firstByteMs).toFixed(0)})`,
      evidence: `median of ${FIRST_BYTES}, least and most, from this machine, redirects included`,
      more: 'worse',
    }),
    row('speed', ({ bytesPerSecond }) => bytesPerSecond, {
      text: (one) => `${(one.bytesPerSecond / 1e6).toFixed(0)} MB/s`,
      evidence: `parallel ranges, ${bytesInWords(ours?.bytes ?? theirs?.bytes ?? 0)} from each, from this machine`,
      more: 'better',
    }),
    row('all weights', ({ secondsForAll }) => secondsForAll, {
      text: (one) => `${seconds(one.secondsForAll)}${one.complete ? '' : ', by the speed of a part'}`,
      evidence: `${bytesInWords(sides.hub.weights.reduce((sum, file) => sum + file.sizeBytes, 0))} in ${plural(sides.hub.weights.length, 'file')}`,
      more: 'worse',
    }),
  ];
}

function faster(
  ours: number | undefined,
  theirs: number | undefined,
  more: 'better' | 'worse',
): RouteName | 'neither' {
  if (ours === undefined || theirs === undefined) return 'neither';
  const ratio = more === 'better' ? ours / theirs : theirs / ours;
  if (ratio > NOTABLE) return 'vault';
  return ratio < 1 / NOTABLE ? 'hub' : 'neither';
}

/** `0.42 s`, `12 s`, `3.4 min`. */
export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 120) return `${value.toFixed(0)} s`;
  return value < 7200 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(1)} h`;
}

export function updateLines(sides: Sides): readonly Line[] {
  const { hub, madeAt } = sides;
  const { activity, update } = hub;
  const days = (at: string | undefined) =>
    at === undefined || Number.isNaN(Date.parse(at))
      ? 'age unknown'
      : `${plural(Math.max(0, Math.floor((Date.parse(madeAt) - Date.parse(at)) / DAY_MS)), 'day')} old`;
  const behind =
    activity.behind === 'unknown'
      ? 'not among the newest commits of main'
      : `${plural(activity.behind, 'commit')} behind main`;
  return [
    {
      aspect: 'updates',
      what: 'age of what would run',
      vault: vaultText(sides, () => `${days(activity.committedAt)}, ${behind}`),
      hub:
        update === undefined
          ? `${days(activity.latest?.at)}, the newest`
          : `${days(activity.latest?.at)} where main is followed`,
      favours: 'absent' in sides.vault || update !== undefined ? 'hub' : 'neither',
      evidence: 'the list of commits at the Hub',
    },
    {
      aspect: 'updates',
      what: 'bytes of the next update',
      vault:
        update === undefined
          ? 'none is there'
          : `${bytesInWords(update.bytes)} in ${plural(update.files, 'file')}; the rest is copied inside the store`,
      hub:
        update === undefined
          ? 'none is there'
          : `${bytesInWords(update.bytes)} on nodes that kept their cache, all of it on others`,
      favours: favoursIf(sides, () => update !== undefined),
      evidence:
        update === undefined
          ? 'main stands at this commit'
          : `files of main, ${update.commit.slice(0, 12)}, that this commit does not have`,
    },
    {
      aspect: 'updates',
      what: 'who decides that a change goes live',
      vault: vaultText(sides, ({ channels }) =>
        channels.length === 0
          ? 'whoever moves a channel here'
          : `whoever moves ${channels.join(', ')}, signed and logged`,
      ),
      hub: 'upstream, unless a commit is pinned; then nobody looks',
      favours: favoursIf(sides, () => true),
      evidence: 'channels of the vault; branches of the Hub',
    },
  ];
}
