/** What runs somewhere and serves models, as its platform describes it. */

export interface WorkloadContainer {
  readonly image: string;
  /** Variables with plain values. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables whose values come from a secret, or from elsewhere, and are not known. */
  readonly referred: readonly string[];
  /** Command and arguments, word by word. */
  readonly args: readonly string[];
  /** Addresses of files that the platform brings: s3://, weighlock://, hf://. */
  readonly uris: readonly string[];
}

export interface Workload {
  readonly target: string;
  /** As deployment statements have it: an endpoint's ARN; cluster/namespace/name. */
  readonly place: string;
  /** The server first. */
  readonly containers: readonly WorkloadContainer[];
  /** Whether the platform keeps it from networks; undefined where that is not known. */
  readonly isolated: boolean | undefined;
  readonly unread: readonly string[];
}

/** What was found by one look, and what that look could not see. */
export interface Found {
  /** The targets, and the beginning of the places, that this look would have shown. */
  readonly targets: readonly string[];
  readonly placesFrom: string;
  readonly workloads: readonly Workload[];
  readonly unread: readonly string[];
}
