/**
 * Where a vault is: a name of weighlock.yaml, `s3://bucket/prefix`, or a folder. What AWS's own variables say of
 * endpoint, region, proxy and certificates holds unless the named vault says otherwise.
 */
import path from 'node:path';
import { z } from 'zod';
import { parseS3Place, type S3Settings } from '../vault/s3-place.ts';
import type { VaultTicket } from '../vault/vault.ts';
import { proxyFor } from './proxy.ts';

const text = z.string().min(1);

/** A vault under `vaults:` of weighlock.yaml: its place, or its place with what is particular to it. */
export const vaultEntrySchema = z.union([
  text,
  z.strictObject({
    place: text,
    region: text.optional(),
    endpoint: text.optional(),
    pathStyle: z.boolean().optional(),
    kmsKey: text.optional(),
    bucketOwner: z.union([z.int(), text]).transform(String).optional(),
    caFile: text.optional(),
  }),
]);

export type VaultEntry = z.infer<typeof vaultEntrySchema>;

export interface PlaceInput {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly vaults: Readonly<Record<string, VaultEntry>>;
}

/** Stores of other makers have regions only by name. */
const REGION_ELSEWHERE = 'us-east-1';

/** Throws WL_CONFIG_INVALID for a place that cannot be one. */
export function vaultTicket(name: string, input: PlaceInput): VaultTicket {
  const entry = Object.hasOwn(input.vaults, name) ? input.vaults[name] : undefined;
  const settings = typeof entry === 'object' ? entry : { place: entry ?? name };
  const { directory } = input;
  if (!settings.place.startsWith('s3://'))
    return { kind: 'directory', path: path.resolve(directory, settings.place) };
  return { kind: 's3', settings: s3Settings(settings, input) };
}

function s3Settings(entry: Exclude<VaultEntry, string>, { directory, environment }: PlaceInput): S3Settings {
  const endpoint = entry.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  const region =
    entry.region ??
    environment.AWS_REGION ??
    environment.AWS_DEFAULT_REGION ??
    (endpoint ? REGION_ELSEWHERE : undefined);
  const pathStyle = entry.pathStyle ?? (endpoint ? true : undefined);
  const caFile = entry.caFile ?? environment.AWS_CA_BUNDLE;
  const proxy = proxyFor(endpoint ?? `https://s3.${region ?? REGION_ELSEWHERE}.amazonaws.com`, environment);
  return {
    ...parseS3Place(entry.place),
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    ...(pathStyle !== undefined && { pathStyle }),
    ...(entry.kmsKey && { kmsKey: entry.kmsKey }),
    ...(entry.bucketOwner && { bucketOwner: entry.bucketOwner }),
    ...(caFile && { caFile: path.resolve(directory, caFile) }),
    ...(proxy && { proxy }),
  };
}
