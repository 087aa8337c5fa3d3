/** Kubernetes as a target, as the command line lists it: vLLM in a Deployment, or KServe. */
import type { TargetEntry, TargetOption } from '../deploy.ts';

const SHARED: readonly TargetOption[] = [
  { flags: '--name <name>', says: 'what the objects are called (default: from the model)' },
  { flags: '--namespace <name>', says: 'where they stand (default: models)' },
  { flags: '--cluster <name>', says: 'what the cluster is called on record (default: default)' },
  { flags: '--image <image>', says: 'the server’s container image, by digest' },
  {
    flags: '--weighlock-image <image>',
    says: 'the image of Weighlock, by digest, for what copies the model',
  },
  {
    flags: '--trust-config-map <name>',
    says: 'holds the trust file as trust.json (default: weighlock-trust)',
  },
  {
    flags: '--service-account <name>',
    says: 'one that is there and may read the vault (default: one is made)',
  },
  { flags: '--role-arn <arn>', says: 'the AWS role of the service account that is made' },
  {
    flags: '--gpu <kind>',
    says: 'l4, a10g, l40s, a100-40, a100, h100, h200, b200 (default: the least that fits)',
  },
  { flags: '--replicas <n>', says: 'how many (default: 1)' },
  { flags: '--node-selector <key=value>', says: 'nodes with this label', repeated: true },
  { flags: '--token-secret <name>', says: 'holds the token of the gateway or the Hub under the key token' },
  { flags: '--kubectl <program>', says: 'kubectl, for --apply (default: kubectl on the PATH)' },
  { flags: '--kube-context <name>', says: 'the context of the kubeconfig (default: the current one)' },
  {
    flags: '--egress-cidr <cidr>',
    says: 'addresses of the store or the gateway outside the cluster',
    repeated: true,
  },
];

export const VLLM: TargetEntry = {
  name: 'vllm',
  says: 'vLLM on Kubernetes: through the gateway, the S3 streamer, or a verifying init container',
  options: [
    { flags: '--via <way>', says: 'gateway, streamer or init: how the model gets in (default: init)' },
    { flags: '--gateway <url>', says: 'the gateway, as the pod reaches it (--via gateway)' },
    { flags: '--gateway-namespace <name>', says: 'the namespace of the gateway, where it is in the cluster' },
    ...SHARED,
  ],
  open: async () => new (await import('./vllm.ts')).VllmTarget(),
};

export const KSERVE: TargetEntry = {
  name: 'kserve',
  says: 'KServe: an InferenceService, with Weighlock as its storage initializer',
  options: [
    { flags: '--via <way>', says: 'weighlock (verified as it is copied) or s3 (default: weighlock)' },
    ...SHARED,
  ],
  open: async () => new (await import('./kserve.ts')).KserveTarget(),
};
