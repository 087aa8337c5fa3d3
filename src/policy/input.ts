/** What a policy can ask about: the facts of one revision, and their names for `weighlock policy check`. */

export interface PolicyFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly format: string;
  readonly verdict: string;
  /** How far a pickle goes: weights-only, training-state, known-classes, unknown, dangerous. Empty for other formats. */
  readonly tier: string;
}

export interface PolicyInput {
  readonly files: readonly PolicyFile[];
  readonly findings: readonly {
    readonly rule: string;
    readonly severity: string;
    readonly verdict: string;
    readonly file: string;
  }[];
  readonly repo: {
    readonly name: string;
    readonly namespace: string;
    readonly license?: string | undefined;
    /** Whether loading it as its configuration asks for runs Python of the repo or of another one. */
    readonly remoteCode: boolean;
    readonly gated?: boolean | undefined;
    readonly tags: readonly string[];
    /** Other repos that its configuration refers to. */
    readonly references: readonly string[];
    readonly sizeBytes: number;
    /** Python that no revision of the model brought that was admitted before. */
    readonly newCode: readonly string[];
  };
  readonly source: { readonly kind: string; readonly endpoint: string };
  readonly publisher: {
    readonly name?: string | undefined;
    readonly kind?: string | undefined;
    readonly verified?: boolean | undefined;
    readonly plan?: string | undefined;
    readonly followers?: number | undefined;
    readonly id?: string | undefined;
    /** Whether somebody else owned the repo when the model was first admitted. */
    readonly changed?: boolean | undefined;
    /** Who did, where that is so. */
    readonly before?: string | undefined;
    /** Who made the commit, and those since the last one that was admitted. */
    readonly authors: readonly string[];
    /** Whether one of them made none that was admitted before. */
    readonly newAuthor?: boolean | undefined;
  };
  readonly hub: { readonly scan?: string | undefined };
  /** The signature that the publisher ships: `none`, `unverified`, `mismatch`, or `verified` by a configured key. */
  readonly signature: { readonly status: string; readonly key?: string | undefined };
  /** What was observed of exactly these bytes, an item a category. */
  readonly evidence: readonly {
    /** `probe`, `garak`, `promptfoo`, … */
    readonly kind: string;
    readonly category: string;
    readonly n: number;
    readonly failures: number;
    readonly errors: number;
    /** Upper end of the 95 % interval of failures / n, in percent, rounded up. */
    readonly upperPercent: number;
    readonly ageDays: number;
    /** Whether a deployment statement says that what was observed serves the revision. */
    readonly bound: boolean;
  }[];
}

/** The names that expressions may use, for messages that say what was expected. */
export const FACT_NAMES = {
  files: ['path', 'size', 'sha256', 'format', 'verdict', 'tier'],
  findings: ['rule', 'severity', 'verdict', 'file'],
  repo: ['name', 'namespace', 'license', 'remoteCode', 'gated', 'tags', 'references', 'sizeBytes', 'newCode'],
  source: ['kind', 'endpoint'],
  publisher: [
    'name',
    'kind',
    'verified',
    'plan',
    'followers',
    'id',
    'changed',
    'before',
    'authors',
    'newAuthor',
  ],
  hub: ['scan'],
  signature: ['status', 'key'],
  evidence: ['kind', 'category', 'n', 'failures', 'errors', 'upperPercent', 'ageDays', 'bound'],
} as const satisfies { [K in keyof PolicyInput]: readonly string[] };
