/** Lines about scans and what followed from them. */
import type { Line, Sides } from './aspect.ts';
import type { Coverage } from './coverage.ts';
import { favoursIf, vaultText } from './lines-control.ts';
import type { VaultSide } from './vault-side.ts';

export function scanningLines(sides: Sides): readonly Line[] {
  const { hub } = sides;
  const share = hub.files === 0 ? 0 : hub.coverage.safe / hub.files;
  return [
    {
      aspect: 'scanning',
      what: 'files that were read to the last byte',
      vault: vaultText(sides, ({ coverage, record }) => {
        const all = record.manifest.files.length;
        return `${coverage.safe} of ${all} clean${rest(coverage, 'inconclusive', 'blocked')}`;
      }),
      hub: `${hub.coverage.safe} of ${hub.files} said to be safe${rest(hub.coverage, 'unscanned or unknown', 'warned of')}`,
      favours: better(sides, share),
      evidence: 'coverage in the signed record; securityFileStatus of each file at the Hub, now',
    },
    {
      aspect: 'scanning',
      what: 'what the scan was of',
      vault: vaultText(sides, () => 'the very bytes that are stored: read once, hashed and scanned together'),
      hub: 'the Hub’s copy, some time before the download',
      favours: favoursIf(sides, () => true),
      evidence: 'how each is made',
    },
    {
      aspect: 'scanning',
      what: 'who decided on the findings',
      vault: vaultText(
        sides,
        ({ record }) => `policy ${record.policy.name}, verdict ${record.verdict}, on record`,
      ),
      hub: 'nobody: a warning does not stop a download',
      favours: favoursIf(sides, () => true),
      evidence: `record of ${vaultText(sides, ({ record }) => record.decidedAt)}`,
    },
    {
      aspect: 'remediation',
      what: 'what was left out or converted',
      vault: vaultText(sides, remedied),
      hub: unremedied(sides),
      favours: favoursIf(sides, () => hub.pythonFiles + hub.pickledWeights > 0),
      evidence: 'the selection in the record; the files of the commit',
    },
    {
      aspect: 'integrated features',
      what: 'the Hub’s own scanners',
      vault: vaultText(sides, ({ record }) =>
        record.source.hubScan === undefined
          ? 'they had said nothing when it was admitted'
          : `their word is evidence in the record: ${record.source.hubScan}`,
      ),
      hub:
        hub.coverage.safe + hub.coverage.against === 0
          ? 'they say nothing of this commit'
          : `they say ${hub.scan}`,
      favours: 'neither',
      evidence: 'the expanded tree of the commit',
    },
    {
      aspect: 'integrated features',
      what: 'other scanners and rules of yours',
      vault: 'ClamAV, YARA and a policy of your own, at admission and again later',
      hub: 'those that the Hub has chosen',
      favours: 'vault',
      evidence: 'what each can be configured with',
    },
  ];
}

function rest({ against, unknown }: Coverage, unknownIs: string, againstIs: string): string {
  const parts = [unknown > 0 && `${unknown} ${unknownIs}`, against > 0 && `${against} ${againstIs}`];
  return parts
    .filter(Boolean)
    .map((part) => `, ${part}`)
    .join('');
}

function better(sides: Sides, hubShare: number): Line['favours'] {
  if ('absent' in sides.vault) return hubShare > 0 ? 'hub' : 'neither';
  const { coverage, record } = sides.vault;
  const ours = coverage.safe / Math.max(1, record.manifest.files.length);
  if (ours === hubShare) return 'neither';
  return ours > hubShare ? 'vault' : 'hub';
}

function remedied({ record }: VaultSide): string {
  const { excluded } = record.manifest;
  const by = [...new Set(excluded.map((file) => file.by))].join(', ');
  const derived = record.evidence.some(({ type }) => type === 'derivation');
  const left = excluded.length === 0 ? 'nothing left out' : `${excluded.length} files left out (${by})`;
  return derived ? `${left}; weights converted to safetensors` : left;
}

function unremedied({ hub }: Sides): string {
  const parts = [
    hub.pythonFiles > 0 && `${hub.pythonFiles} Python files`,
    hub.pickledWeights > 0 && `${hub.pickledWeights} pickled weights`,
  ].filter(Boolean);
  return parts.length === 0
    ? 'nothing needs it, by the names of the files'
    : `comes as it is: ${parts.join(', ')}`;
}
