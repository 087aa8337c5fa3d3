/**
 * Versions of loaders, as far as advisories compare them: PEP 440 without epochs, of which semantic versions are a
 * subset, and the build numbers of llama.cpp (`b5854`). What is written otherwise is no version to us.
 * https://packaging.python.org/en/latest/specifications/version-specifiers/
 */

export interface Version {
  readonly release: readonly number[];
  /** Before the release itself, in this order: development, alpha, beta, candidate; then the release, then `post`. */
  readonly phase: readonly [rank: number, number: number];
}

/** Longest version that is read. */
const VERSION_CHARS_MAX = 64;

/** Release numbers in one version; `0.9` with fewer than three means the whole series. */
const PARTS_MAX = 6;
const PARTS_OF_A_RELEASE = 3;

const VERSION =
  /^v?(\d{1,9}(?:\.\d{1,9}){0,5})(?:[-_.]?(a|alpha|b|beta|c|rc|pre|preview|post|dev)[-_.]?(\d{0,9}))?(?:\.(?:post|dev)\d{0,9})?(?:\+[a-z0-9.]{1,40})?$/i;

const PHASES: Readonly<Record<string, number>> = {
  dev: -4,
  a: -3,
  alpha: -3,
  b: -2,
  beta: -2,
  c: -1,
  rc: -1,
  pre: -1,
  preview: -1,
  post: 1,
};

const RELEASED: Version['phase'] = [0, 0];

/** The version, or undefined where the text is none. Never throws. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > VERSION_CHARS_MAX) return undefined;
  const build = /^b(\d{1,9})$/.exec(text)?.[1];
  if (build !== undefined) return { release: [Number(build)], phase: RELEASED };
  const [, release, phase, number = ''] = VERSION.exec(text) ?? [];
  if (release === undefined) return undefined;
  return {
    release: release.split('.').map(Number),
    phase: phase === undefined ? RELEASED : [PHASES[phase.toLowerCase()] ?? 0, Number(number)],
  };
}

/** Below zero where `a` is older than `b`, zero where they are the same, above zero otherwise. */
export function compareVersions(a: Version, b: Version): number {
  for (let at = 0; at < PARTS_MAX; at += 1) {
    const difference = (a.release[at] ?? 0) - (b.release[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.phase[0] - b.phase[0] || a.phase[1] - b.phase[1];
}

/** A range of versions, from `introduced` on, to before `fixed` or to `lastAffected`, open where one is not named. */
export interface VersionRange {
  readonly introduced?: string | undefined;
  readonly fixed?: string | undefined;
  readonly lastAffected?: string | undefined;
}

/**
 * Whether the version lies in the range. `0.9` stands for every version that begins so, and lies in a range where one
 * of them does. What cannot be compared is in every range: an unknown version is an affected one.
 */
export function inRange(text: string, { introduced, fixed, lastAffected }: VersionRange): boolean {
  const version = parseVersion(text);
  if (version === undefined) return true;
  const latest = latestOf(version, text);
  const from = introduced === undefined ? undefined : parseVersion(introduced);
  const before = fixed === undefined ? undefined : parseVersion(fixed);
  const last = lastAffected === undefined ? undefined : parseVersion(lastAffected);
  if (from !== undefined && compareVersions(latest, from) < 0) return false;
  if (before !== undefined && compareVersions(version, before) >= 0) return false;
  return last === undefined || compareVersions(version, last) <= 0;
}

function latestOf(version: Version, text: string): Version {
  const { release } = version;
  if (release.length >= PARTS_OF_A_RELEASE || text.startsWith('b')) return version;
  const rest = Array.from({ length: PARTS_MAX - release.length }, () => Number.MAX_SAFE_INTEGER);
  return { release: [...release, ...rest], phase: version.phase };
}

/** The range in words, for messages. */
export function rangeInWords({ introduced, fixed, lastAffected }: VersionRange): string {
  const from = introduced === undefined ? '' : `from ${introduced} `;
  if (fixed !== undefined) return `${from}before ${fixed}`;
  if (lastAffected !== undefined) return `${from}up to ${lastAffected}`;
  return introduced === undefined ? 'all versions' : `from ${introduced} on`;
}
