/** What a client program says of one operation: an answer in one of a few forms, or the error it raised. */
import { z } from 'zod';

const listed = z.object({
  size: z.number().optional(),
  /** git's name of the content or of the pointer. */
  oid: z.string().optional(),
  /** Null where the client says that the file is not in LFS. */
  sha256: z.string().nullish(),
  etag: z.string().optional(),
  /** What leads a client past the endpoint to Xet's storage. */
  xet: z.unknown().optional(),
});

const answer = z.discriminatedUnion('form', [
  /** A folder on disk with the model's files, and nothing else but `.cache`. */
  z.object({ form: z.literal('folder'), folder: z.string() }),
  /** A cache in the Hub's layout that holds the model once. */
  z.object({ form: z.literal('cache'), folder: z.string() }),
  /** Files on disk by their path in the model; those that failed, by their error. */
  z.object({
    form: z.literal('files'),
    files: z.record(z.string(), z.string()),
    errors: z.record(z.string(), z.string()).optional(),
    /** All of the model's files were asked for, not only the question's. */
    every: z.boolean().optional(),
    /** Only these were asked for. */
    asked: z.array(z.string()).readonly().optional(),
  }),
  z.object({
    form: z.literal('listing'),
    listing: z.record(z.string(), listed.nullable()),
    folders: z.array(z.string()).readonly().optional(),
    id: z.string().optional(),
    sha: z.string().nullish(),
    lastCommits: z.array(z.string()).readonly().optional(),
    /** Only these paths were asked for. */
    asked: z.array(z.string()).readonly().optional(),
  }),
  z.object({ form: z.literal('refs'), branches: z.record(z.string(), z.string()) }),
  z.object({ form: z.literal('commits'), commits: z.array(z.string()).readonly() }),
  z.object({ form: z.literal('facts'), facts: z.record(z.string(), z.unknown()) }),
]);

const observation = z.union([
  z.object({ operation: z.string(), answer }),
  z.object({ operation: z.string(), error: z.string(), message: z.string() }),
]);

export type Answer = z.infer<typeof answer>;
export type Listed = z.infer<typeof listed>;
export type Observation = z.infer<typeof observation>;

/** A line of JSON for each operation, among whatever else a client prints. */
export function readObservations(stdout: string): Observation[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"'))
    .map((line) => observation.parse(JSON.parse(line)));
}
