/**
 * Deploying: a revision is put where it answers.
 *
 * A *subject* is the revision to be deployed with all that is known of it: files, weights, shape, and its *origin*, which
 * is the route its bytes will take: from the *vault*, where every byte is on record, or from the *Hub*, where a commit is
 * pinned and little else can be promised. A *target* is a kind of place (SageMaker, Bedrock, Kubernetes, …). It makes a
 * *plan* of an order: what will be made, why, at what size, and what is not guaranteed; a plan changes nothing. Applying
 * it makes the *deployment*, of which a statement in the vault says what, where, from which bytes, and by whom.
 */
import type { DeploymentBody } from '../attest/statement.ts';
import type { Sha256 } from '../base/digest.ts';
import type { Commit, ModelName, RepoPath } from '../base/name.ts';
import type { Publisher } from '../sources/source.ts';
import type { S3Settings } from '../vault/s3-place.ts';
import type { VaultTicket } from '../vault/vault.ts';
import type { Here } from './local/local.ts';
import type { Shape } from './shape.ts';
import type { Sizing } from './size.ts';
import type { Weights } from './weights.ts';

export type Route = 'vault' | 'hub';

/** The revision to be deployed. */
export interface Subject {
  readonly model: ModelName;
  readonly commit: Commit;
  /** All files that would be brought, sorted by path. */
  readonly files: readonly SubjectFile[];
  readonly sizeBytes: number;
  readonly weights: Weights;
  readonly shape: Shape;
  /** Whether a configuration names Python of the repo or of another one (`auto_map`). */
  readonly remoteCode: boolean;
  readonly origin: Origin;
}

export interface SubjectFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  /** Undefined where nobody has hashed the file: at the Hub, outside of LFS. */
  readonly sha256: Sha256 | undefined;
}

export type Origin = VaultOrigin | HubOrigin;

export interface VaultOrigin {
  readonly route: 'vault';
  /** The vault's id, where it is for people, and how it is reached. */
  readonly vault: string;
  readonly location: string;
  readonly ticket: VaultTicket;
  /** Where the files are, with a slash at the end: `s3://bucket/prefix/models/…/`, or a folder. */
  readonly uri: string;
  readonly record: Sha256;
  readonly manifest: Sha256;
  /** When every byte was last held to the record. */
  readonly verifiedAt: string;
}

export interface HubOrigin {
  readonly route: 'hub';
  readonly endpoint: string;
  readonly repoId: string | undefined;
  readonly publisher: Publisher | undefined;
  /** What the Hub says of its own scans at this moment. */
  readonly scan: 'safe' | 'unsafe' | 'unknown';
  readonly gated: boolean;
}

/** What a target is asked for. */
export interface Order {
  readonly subject: Subject;
  readonly sizing: Sizing;
  /** Whether code of the repo may run: only where somebody asked for it by name. */
  readonly remoteCode: 'refused' | 'asked for';
  /** The target's own options as they were typed, by their long name in camel case. */
  readonly flags: Flags;
  readonly environment: NodeJS.ProcessEnv;
  /** How a service of AWS is reached from here. Holds no credentials. */
  readonly aws: (service: string, region: string) => AwsReach;
}

export type AwsReach = Pick<S3Settings, 'region' | 'endpoint' | 'caFile' | 'proxy'>;

export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** A line of a plan for people: a label of at most ten characters, and a sentence. */
export interface PlanLine {
  readonly label: string;
  readonly text: string;
}

/** One call of an API, as it will be made. */
export interface PlannedRequest {
  readonly service: string;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** A file that `--out` writes; the path is relative. */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
}

/** What a statement will say of the deployment, but for the revision and its origin, which the subject has. */
export type DeploymentDraft = Pick<
  DeploymentBody,
  'target' | 'place' | 'image' | 'otherImages' | 'environment' | 'isolated' | 'instance' | 'url' | 'resources'
>;

export interface Plan {
  readonly target: string;
  readonly subject: Subject;
  /** What will be made, why, at what size. */
  readonly lines: readonly PlanLine[];
  readonly requests: readonly PlannedRequest[];
  readonly files: readonly PlannedFile[];
  /** What nobody can promise about this deployment, each a sentence. */
  readonly notGuaranteed: readonly string[];
  /** What is missing before it can be applied, each a sentence that says how to give it. */
  readonly missing: readonly string[];
  readonly deployment: DeploymentDraft;
  /** How it is run by the process that planned it, where the target is this machine: applying it is running it. */
  readonly here?: Here;
  /** Makes it. Absent where the target only writes files. Errors: WL_DEPLOY_*. */
  readonly apply?: (conduct: Conduct) => Promise<Applied>;
}

/** How an applying run tells what it does, and is stopped. */
export interface Conduct {
  readonly tell: (sentence: string) => void;
  readonly signal: AbortSignal;
  /** How often a platform that takes its time is asked how far it is. */
  readonly pollMs: number;
}

/** What was made. */
export interface Applied {
  readonly lines: readonly PlanLine[];
  /** What is known only now: ARNs, the URL. */
  readonly deployment: Partial<DeploymentDraft>;
  /** Who acted, as the platform knows them: an ARN. */
  readonly by?: string;
}

export interface Target {
  /** Changes nothing. Errors: WL_USAGE for options that cannot be meant, WL_DEPLOY_REFUSED, WL_DEPLOY_TOO_LARGE. */
  plan(order: Order): Promise<Plan>;
}

/** An option of one target, in commander's notation. */
export interface TargetOption {
  readonly flags: string;
  readonly says: string;
  readonly repeated?: true;
}

/** A target as the command line lists it; its code is loaded when it is asked for. */
export interface TargetEntry {
  readonly name: string;
  readonly says: string;
  readonly options: readonly TargetOption[];
  open(): Promise<Target>;
}
