/** Which pods network policies keep from networks: policies add up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { egressPolicies, isIsolated } from './egress.ts';

const PODS = { namespace: 'models', labels: { app: 'chat', tier: 'gpu' }, likely: { team: 'ml' } };
const INSIDE = { to: [{ podSelector: {} }] };
const OPEN = {};

const policy = (
  egress: readonly unknown[] | undefined,
  more: Record<string, unknown> = {},
  namespace = 'models',
) => ({
  metadata: { name: 'p', namespace },
  spec: { podSelector: { matchLabels: { app: 'chat' } }, policyTypes: ['Egress'], egress, ...more },
});
const selecting = (podSelector: unknown) => ({ podSelector });
const to = (cidr: unknown) => ({ to: [{ ipBlock: { cidr } }] });
const expressions = { matchExpressions: [{ key: 'app', operator: 'Exists' }] };

const KEPT: Readonly<Record<string, readonly object[]>> = {
  'a policy without rules': [policy(undefined)],
  'a policy that lets into the cluster': [policy([INSIDE])],
  'a policy that lets into a private network': [policy([INSIDE, to('10.0.0.0/8'), to('fd00::/8')])],
  'a policy for all pods': [policy([], selecting({}))],
  'two that are closed': [policy([INSIDE]), policy([to('10.1.0.0/16')])],
  'an open one for other pods': [
    policy([INSIDE]),
    policy([OPEN], selecting({ matchLabels: { app: 'web' } })),
  ],
  'an open one in another namespace': [policy([INSIDE]), policy([OPEN], {}, 'shop')],
  'an open one for what comes in': [policy([INSIDE]), policy([OPEN], { policyTypes: ['Ingress'] })],
};
const NOT_KEPT: Readonly<Record<string, readonly object[]>> = {
  'no policy': [],
  'a policy for what comes in': [policy(undefined, { policyTypes: ['Ingress'] })],
  'a closed one for other pods': [policy([], selecting({ matchLabels: { app: 'web' } }))],
  'a closed one for labels that are likely alone': [policy([], selecting({ matchLabels: { team: 'ml' } }))],
  'a closed one by expressions': [policy([], selecting(expressions))],
  'an open one': [policy([OPEN])],
  'ports without peers': [policy([{ ports: [{ protocol: 'TCP', port: 443 }] }])],
  'an empty list of peers': [policy([{ to: [] }])],
  'a peer that is nothing': [policy([{ to: [{}] }])],
  'every address': [policy([to('0.0.0.0/0')])],
  'every address but private ones': [
    policy([{ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }] }]),
  ],
  'every address, in two halves': [policy([to('0.0.0.0/1'), to('128.0.0.0/1')])],
  'every address of IPv6': [policy([INSIDE, to('::/0')])],
  'a block that is none': [policy([to(7)])],
  'a second one that is open': [policy([INSIDE]), policy([OPEN])],
  'a second one that is open for all pods': [policy([INSIDE]), policy([OPEN], selecting({}))],
  'a second one that is open by expressions': [policy([INSIDE]), policy([OPEN], selecting(expressions))],
  'a second one that is open for labels that are likely': [
    policy([INSIDE]),
    policy([OPEN], selecting({ matchLabels: { team: 'ml' } })),
  ],
  'a second one that does not say its types': [policy([INSIDE]), policy([OPEN], { policyTypes: undefined })],
  'an open rule behind more than are read': [
    policy([...Array.from({ length: 1_000 }, () => INSIDE), INSIDE, OPEN]),
  ],
};

describe('network policies', () => {
  for (const [title, objects] of Object.entries(KEPT))
    it(`keep pods from networks: ${title}`, () => assert.ok(isIsolated(egressPolicies(objects as []), PODS)));
  for (const [title, objects] of Object.entries(NOT_KEPT))
    it(`do not: ${title}`, () => assert.ok(!isIsolated(egressPolicies(objects as []), PODS)));
});
