/** Whom a model server may reach, and who may reach it. What no rule names is refused. */
import type { KubernetesObject } from './manifest.ts';

/** DNS of the cluster, without which no name is found. */
const DNS = {
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
      podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
    },
  ],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
} as const;

/** Pods of the same namespace may ask; the server reaches DNS and what `egress` names. */
export function networkPolicy(of: {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number;
  readonly egress: readonly unknown[];
}): KubernetesObject {
  const { name, namespace, labels, port, egress } = of;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels },
    spec: {
      podSelector: { matchLabels: labels },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port }] }],
      egress: [DNS, ...egress],
    },
  };
}
