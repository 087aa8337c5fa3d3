/** Lines about who can change the bytes, who vouches for them, and what leaves the network. */
import type { Line, Sides } from './aspect.ts';
import type { VaultSide } from './vault-side.ts';

/** A line whose sides may be missing: where the vault has nothing of the model, it cannot be favoured. */
type VaultText = (vault: VaultSide) => string;

export function vaultText({ vault }: Sides, text: VaultText): string {
  return 'absent' in vault ? 'not in the vault' : text(vault);
}

export function favoursIf(sides: Sides, holds: (vault: VaultSide) => boolean): Line['favours'] {
  return 'absent' in sides.vault || !holds(sides.vault) ? 'neither' : 'vault';
}

export function controlLines(sides: Sides): readonly Line[] {
  const { hub } = sides;
  return [
    {
      aspect: 'control and isolation',
      what: 'who can change the bytes behind a deployment',
      vault: vaultText(sides, writersOf),
      hub: `nobody while the commit is pinned; ${owner(sides)} can move every branch, and delete the repo`,
      favours: favoursIf(sides, (vault) => vault.problems.length === 0 && writeChecks(vault)?.length === 0),
      evidence: 'the posture of the bucket; the owner that the Hub names',
    },
    {
      aspect: 'control and isolation',
      what: 'network isolation of the container',
      vault: 'possible: SageMaker fetches from the bucket itself, and a NetworkPolicy needs only the store',
      hub: `impossible: the container itself must reach ${hub.hosts.join(', ')}`,
      favours: favoursIf(sides, () => true),
      evidence: `hosts that were contacted for this comparison, ${hub.hosts.length} at the Hub`,
    },
    {
      aspect: 'control and isolation',
      what: 'stopping a bad revision',
      vault: vaultText(
        sides,
        () => 'one command: every gateway refuses it within 5 seconds, deployments are named',
      ),
      hub: 'not possible from here: caches and containers keep what they have',
      favours: favoursIf(sides, () => true),
      evidence: 'how `weighlock revoke` works; the Hub has nothing of the kind for its readers',
    },
  ];
}

function writersOf(vault: VaultSide): string {
  const { kind, posture, problems } = vault;
  if (problems.length > 0) return `somebody did: ${problems[0]}`;
  if (kind === 'folder') return 'whoever can write to the folder, and not unnoticed';
  if ('unknown' in posture) return `not known: ${posture.unknown}; a change does not go unnoticed`;
  const failed = writeChecks(vault) ?? [];
  if (failed.length === 0) return 'the gate alone, as far as policies and roles say';
  return `perhaps more than the gate, though not unnoticed: it does not hold that ${failed.join(', nor that ')}`;
}

/** Failed checks of who may write, by their titles; undefined where the posture is not known. */
function writeChecks({ posture }: VaultSide): readonly string[] | undefined {
  if ('unknown' in posture) return undefined;
  return posture.failed
    .map(({ title }) => title)
    .filter((title) => /write|delete|remover|gate|public|other account/i.test(title));
}

function owner({ hub, model }: Sides): string {
  const { publisher } = hub;
  if (publisher === undefined) return `whoever owns ${model}`;
  const kind = publisher.kind === 'organisation' ? 'every writer of ' : '';
  return `${kind}${publisher.name}`;
}

export function trustLines(sides: Sides): readonly Line[] {
  const { hub } = sides;
  const { publisher } = hub;
  return [
    {
      aspect: 'trust',
      what: 'who the publisher is',
      vault: vaultText(sides, ({ record }) => pinned(record.source)),
      hub:
        publisher === undefined
          ? 'the Hub names nobody'
          : `${publisher.name}, ${publisher.kind}, ${publisher.verified ? 'verified' : 'not verified'}${publisher.followers === undefined ? '' : `, ${publisher.followers} followers`}`,
      favours: favoursIf(sides, ({ record }) => record.source.publisher?.id !== undefined),
      evidence: 'the overview of the namespace, now and at the admission',
    },
    {
      aspect: 'trust',
      what: 'signatures',
      vault: vaultText(sides, ({ logIndex, problems }) =>
        problems.length === 0
          ? `OpenSSF model signature, log entry ${logIndex}: verified just now`
          : `do not verify: ${problems[0]}`,
      ),
      hub: 'none that its clients check: they do not even hold what arrives to the sha256 of LFS',
      favours: favoursIf(sides, ({ problems }) => problems.length === 0),
      evidence: '`weighlock verify --quick` of the revision; the clients of the Hub over plain ranges',
    },
  ];
}

function pinned({ publisher, repoId }: VaultSide['record']['source']): string {
  if (publisher === undefined) return 'the record names no publisher';
  const ids = [publisher.id && `owner ${publisher.id}`, repoId && `repo ${repoId}`]
    .filter(Boolean)
    .join(', ');
  return ids === '' ? `${publisher.name}, by name alone` : `${publisher.name}, pinned by id: ${ids}`;
}

export function exposureLines(sides: Sides): readonly Line[] {
  const { hub } = sides;
  return [
    {
      aspect: 'data exposure',
      what: 'hosts that learn of a start',
      vault: vaultText(sides, ({ host, location }) => host ?? location),
      hub: hub.hosts.join(', '),
      favours: favoursIf(sides, () => true),
      evidence: `the connections of this comparison: ${hub.requests} requests to the Hub`,
    },
    {
      aspect: 'data exposure',
      what: 'what they learn',
      vault: 'requests of your own role to your own store',
      hub: `model, commit, address, version of the client${hub.authenticated || hub.gated ? ', and whose token it is' : ''}; vLLM and huggingface_hub report their use unless told not to`,
      favours: favoursIf(sides, () => true),
      evidence: hub.authenticated ? 'a token went along' : 'no token went along',
    },
  ];
}
