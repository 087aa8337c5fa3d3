/**
 * Deployments: what was put where, by whom, from which bytes. A *place* is one spot that serves one model at a time (an
 * endpoint's ARN; cluster, namespace and name); a later deployment at the same place takes over from the one before. The
 * statement says what was asked for; whether it still runs so is for a look at the place to say.
 */
import { z } from 'zod';
import { commitShape as commit, digestShape as digest, modelShape as model } from './shapes.ts';

/** What a target may be called. */
export const TARGET_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Variables of one container, and resources of one deployment: more than any target makes. */
const ENTRIES_MAX = 200;

/** Containers of one deployment. */
const CONTAINERS_MAX = 50;

const line = (charsMax: number) => z.string().min(1).max(charsMax);

const throughVault = z.object({
  route: z.literal('vault'),
  /** The record of the revision, and the canonical digest of its manifest. */
  record: digest,
  manifest: digest,
  /** Where the files are read from, with a slash at its end. */
  uri: line(2000),
  /** When every byte was last held to the record. */
  verifiedAt: line(40),
});

const throughHub = z.object({
  route: z.literal('hub'),
  endpoint: line(2000),
  repoId: line(100).optional(),
  publisher: z
    .object({
      name: line(100),
      kind: z.enum(['organisation', 'user', 'unknown']),
      verified: z.boolean().optional(),
    })
    .optional(),
  /** What the Hub said of its own scans at the moment of deployment. */
  scan: z.enum(['safe', 'unsafe', 'unknown']),
});

/** What a deployment statement says beside what every statement does. */
export const deploymentFields = {
  target: z.string().regex(TARGET_NAME),
  place: line(1024),
  model,
  commit,
  origin: z.discriminatedUnion('route', [throughVault, throughHub]),
  /** The container image as it was named; its digest, or null where it was named by a tag. */
  image: z
    .object({
      name: line(1000),
      digest: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/)
        .nullable(),
    })
    .nullable(),
  /** Images of the containers beside it, as they were named. Absent in statements that were made before these were recorded. */
  otherImages: z.array(line(1000)).max(CONTAINERS_MAX).optional(),
  /** Variables of the container, without secrets. */
  environment: z
    .record(line(256), z.string().max(4096))
    .refine((variables) => Object.keys(variables).length <= ENTRIES_MAX),
  /** Whether the platform keeps the container from every network. */
  isolated: z.boolean(),
  instance: z.object({ type: line(100), count: z.int().min(1).max(10_000) }).optional(),
  /** Where it answers, without credentials. */
  url: line(2000).optional(),
  /** What was made or is named by it, by ARN or path. */
  resources: z.array(line(2000)).max(ENTRIES_MAX),
  /** Who deployed: an ARN, or user@machine. */
  by: line(500),
  notGuaranteed: z.array(line(1000)).max(ENTRIES_MAX),
};

/** What stood at the place does not any more. Void unless that deployment still counted. */
export const deploymentEndFields = {
  target: deploymentFields.target,
  place: deploymentFields.place,
  /** The statement that it ends. */
  deployment: digest,
};
