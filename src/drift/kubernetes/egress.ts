/**
 * Whether network policies keep pods from networks. Policies add up: what one of them lets out is let out, whatever the
 * others say. Pods that no policy of egress selects may reach everything.
 */
import { type Labels, labelsOf, list, PARTS_MAX, type Parts, record, text } from './shape.ts';

/** Shorter prefixes than of any private network (10.0.0.0/8, fc00::/7) hold public addresses. */
const IPV4_BITS_MIN = 8;
const IPV6_BITS_MIN = 7;

/** A policy that rules what leaves pods. */
export interface EgressPolicy {
  readonly namespace: string;
  readonly labels: Labels;
  /** It selects by expressions as well, which are not read: it selects these pods or fewer of them. */
  readonly narrowed: boolean;
  /** It lets pods reach any network. */
  readonly open: boolean;
}

export interface Selectable {
  readonly namespace: string;
  /** Labels that the pods have for certain. */
  readonly labels: Labels;
  /** Labels that they may have. */
  readonly likely: Labels;
}

export function egressPolicies(objects: readonly Parts[]): EgressPolicy[] {
  return objects.flatMap((policy) => {
    const spec = record(policy.spec);
    const rules = list(spec.egress);
    const types = spec.policyTypes === undefined && rules.length > 0 ? ['Egress'] : list(spec.policyTypes);
    if (!types.includes('Egress')) return [];
    const selector = record(spec.podSelector);
    return {
      namespace: text(record(policy.metadata).namespace),
      labels: labelsOf(selector.matchLabels),
      narrowed: list(selector.matchExpressions).length > 0,
      open: rules.length > PARTS_MAX || rules.some(isOpen),
    };
  });
}

/** Where it is not certain which pods a policy selects, it closes none and opens all that it may select. */
export function isIsolated(policies: readonly EgressPolicy[], pods: Selectable): boolean {
  const here = policies.filter(({ namespace }) => namespace === pods.namespace);
  const all = { ...pods.likely, ...pods.labels };
  return (
    here.some(({ labels, narrowed }) => !narrowed && selects(labels, pods.labels)) &&
    !here.some(({ labels, open }) => open && selects(labels, all))
  );
}

/** A rule without peers is for all of them, whatever its ports. */
function isOpen(rule: unknown): boolean {
  const peers = list(record(rule).to);
  return (
    peers.length === 0 || peers.length > PARTS_MAX || peers.some((peer) => reachesAnywhere(record(peer)))
  );
}

function reachesAnywhere({ ipBlock, podSelector, namespaceSelector }: Parts): boolean {
  if (ipBlock === undefined) return podSelector === undefined && namespaceSelector === undefined;
  const cidr = text(record(ipBlock).cidr);
  const [, bits] = /^[0-9a-f.:]+\/(\d{1,3})$/i.exec(cidr) ?? [];
  return bits === undefined || Number(bits) < (cidr.includes(':') ? IPV6_BITS_MIN : IPV4_BITS_MIN);
}

function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}
