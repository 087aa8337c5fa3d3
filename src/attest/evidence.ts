/**
 * Evidence: what somebody's tool observed of a revision, or of an endpoint that is said to serve it, in one form whatever
 * the tool. What the tool wrote stands raw under its digest; here is what rules and people read of it. It is *bound* where
 * a deployment statement says that the endpoint serves the revision, and otherwise rests on the word of whoever recorded it.
 */
import { z } from 'zod';
import { commitShape as commit, digestShape as digest, modelShape as model } from './shapes.ts';

/** What kind of evidence: `probe`, `garak`, … */
export const EVIDENCE_KIND = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** Longest raw report that is kept: it is held in memory when it is stored and when a vault is verified. */
export const EVIDENCE_BYTES_MAX = 32 << 20;

/** Categories of one report: more than any tool has. */
export const CATEGORIES_MAX = 500;

/** Settings of one report. */
const SETTINGS_MAX = 200;

const count = z.int().min(0);
const share = z.number().min(0).max(1);

const categoryResult = z
  .object({
    category: z.string().min(1).max(200),
    /** Attempts that had an outcome; an attempt that ended in an error has none, and is no pass. */
    n: count,
    failures: count,
    errors: count,
    /** 95 % Wilson interval of failures / n; from 0 to 1 where nothing had an outcome. */
    interval: z.tuple([share, share]),
  })
  .refine(({ n, failures, interval: [low, high] }) => failures <= n && low <= high);

/** What an evidence statement says beside what every statement does. */
export const evidenceFields = {
  model,
  commit,
  /** Manifest digest of the revision. */
  manifest: digest,
  kind: z.string().regex(EVIDENCE_KIND),
  /** SHA-256 of what the tool wrote, in registry/evidence/. */
  raw: digest,
  observer: z.object({ name: z.string().min(1).max(100), version: z.string().max(100) }),
  /** What was looked at, usually the address of an endpoint, without credentials. */
  target: z.string().max(2000),
  /** The statement by which that endpoint serves this revision; null where nothing says so. */
  deployment: digest.nullable(),
  configuration: z
    .record(z.string().min(1).max(100), z.union([z.string().max(2000), z.number(), z.boolean()]))
    .refine((settings) => Object.keys(settings).length <= SETTINGS_MAX),
  observedAt: z.string().max(40),
  /** Empty for a file that nobody here reads: it is kept as it is. */
  results: z.array(categoryResult).max(CATEGORIES_MAX),
};

export type CategoryResult = z.infer<typeof categoryResult>;
