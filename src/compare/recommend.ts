/** The recommendation: by rules in a fixed order, each with what it rests on. The first that applies decides. */
import { plural } from '../base/words.ts';
import type { RouteName, Sides } from './aspect.ts';
import type { VaultSide } from './vault-side.ts';

export interface Rule {
  /** Permanent name. */
  readonly rule: string;
  /** What the rule says, for all models. */
  readonly says: string;
  readonly applies: boolean;
  /** Why it does or does not apply here. */
  readonly because: string;
  readonly leadsTo: RouteName | 'neither';
}

export interface Recommendation {
  readonly route: RouteName | 'neither';
  readonly because: string;
  /** All rules in their order; the first that applies decided. */
  readonly rules: readonly Rule[];
  /** What would lead to another recommendation, each a sentence. */
  readonly wouldChange: readonly string[];
}

export function recommend(sides: Sides): Recommendation {
  const rules = rulesFor(sides);
  const decided = rules.find(({ applies }) => applies);
  if (!decided) throw new Error('the last rule always applies');
  return {
    route: decided.leadsTo,
    because: decided.because,
    rules,
    wouldChange: whatWouldChange(sides, decided.leadsTo),
  };
}

function rulesFor({ vault, hub }: Sides): readonly Rule[] {
  const there = 'absent' in vault ? undefined : vault;
  const severe =
    there === undefined || 'unknown' in there.posture
      ? []
      : there.posture.failed.filter(({ severity }) => severity === 'critical');
  const problems = there?.problems ?? [];
  const fitForHub =
    hub.scan === 'safe' && hub.pythonFiles + hub.pickledWeights === 0 && hub.publisher?.verified === true;
  return [
    {
      rule: 'broken-record',
      says: 'A revision that does not verify is deployed by no route before somebody knows why.',
      applies: problems.length > 0,
      because: problems[0] ?? 'signature, log and files agree',
      leadsTo: 'neither',
    },
    {
      rule: 'warned-of',
      says: 'What the Hub’s scanners warn of is not fetched from the Hub; what is in the vault was judged by a policy that saw the warning.',
      applies: hub.scan === 'unsafe' && there === undefined,
      because:
        hub.scan === 'unsafe'
          ? `the Hub warns of ${plural(hub.coverage.against, 'file')}`
          : 'the Hub warns of no file',
      leadsTo: 'neither',
    },
    {
      rule: 'open-bucket',
      says: 'A bucket with a critical weakness, such as being open to the world, is mended before anything is deployed from it.',
      applies: severe.length > 0,
      because:
        (severe[0] &&
          `a check of the bucket fails with severity ${severe[0].severity}: that ${severe[0].title}`) ??
        (there && !('unknown' in there.posture) ? 'no critical check fails' : 'the posture is not known'),
      leadsTo: 'neither',
    },
    {
      rule: 'admitted',
      says: 'What is admitted, verifies, and stands in a bucket without critical weakness is deployed from the vault.',
      applies: there !== undefined,
      because: there === undefined ? 'the vault does not have it' : basis(there),
      leadsTo: 'vault',
    },
    {
      rule: 'harmless-from-the-hub',
      says: 'A trial may take from the Hub what its scanners call safe, file by file, from a verified publisher, with no code and no pickles, by a pinned commit.',
      applies: fitForHub,
      because: fitForHub
        ? `all ${hub.files} files are said to be safe, and ${hub.publisher?.name} is verified`
        : whyNotHub(hub),
      leadsTo: 'hub',
    },
    {
      rule: 'admit-first',
      says: 'Everything else is admitted first.',
      applies: true,
      because: whyNotHub(hub),
      leadsTo: 'neither',
    },
  ];
}

function basis({ coverage, record, posture }: VaultSide): string {
  const read = `${coverage.safe} of ${record.manifest.files.length} files were read completely and are clean, and the signature verifies`;
  if ('unknown' in posture) return `${read}; the posture of its place is not known (${posture.unknown})`;
  const [worst] = posture.failed;
  if (worst === undefined) return `${read}; ${plural(posture.passed, 'check')} of its place passed`;
  return `${read}; of its place ${plural(posture.failed.length, 'check')} failed, at worst with severity ${worst.severity}: that ${worst.title}`;
}

function whyNotHub({ scan, pythonFiles, pickledWeights, publisher, coverage, files }: Sides['hub']): string {
  if (scan !== 'safe') return `the Hub calls ${coverage.safe} of ${files} files safe`;
  if (pythonFiles + pickledWeights > 0)
    return `the repo brings ${plural(pythonFiles, 'Python file')} and ${plural(pickledWeights, 'pickled file')}`;
  return `the publisher ${publisher?.name ?? 'is unknown and'} is not verified`;
}

function whatWouldChange({ vault, hub, model }: Sides, route: RouteName | 'neither'): string[] {
  if ('absent' in vault)
    return [
      `\`weighlock admit ${model}\`: then the vault can be recommended, by what its record says.`,
      ...(route === 'hub'
        ? ['A network that must not leave, or a deployment that lasts: then only the vault serves.']
        : []),
    ];
  const sentences: string[] = [];
  if (route === 'vault') {
    sentences.push(
      'A revocation, a file that no longer verifies, or a critical check of the bucket that fails.',
    );
    if (vault.measured && hub.measured && hub.measured.secondsForAll * 2 < vault.measured.secondsForAll)
      sentences.push(
        'Nothing about speed: the Hub is faster from here, and the bucket’s region or endpoint is what to look at.',
      );
    if (hub.activity.behind !== 0 && hub.activity.behind !== 'unknown')
      sentences.push(
        `A need for what upstream changed since: ${plural(hub.activity.behind, 'commit')} not admitted yet.`,
      );
  } else {
    if (vault.problems.length > 0) sentences.push(`\`weighlock verify ${model}\` without a problem.`);
    if (!('unknown' in vault.posture) && vault.posture.failed.length > 0)
      sentences.push('`weighlock posture --fix`, until no critical check fails.');
  }
  return sentences;
}
