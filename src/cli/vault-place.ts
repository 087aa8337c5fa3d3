/**
 * Where a vault is: a name of weighlock.yaml, `s3://bucket/prefix`, or a folder. What AWS's own variables say of
 * endpoint, region, proxy and certificates holds unless the named vault says otherwise.
 */
import path from 'node:path';
import { z } from 'zod';
import { WeighlockError } from '../base/errors.ts';
import { parseS3Place, type S3Settings } from '../vault/s3-place.ts';
import type { VaultTicket } from '../vault/vault.ts';
import { proxyFor } from './proxy.ts';

const text = z.string().min(1);
const ACCOUNT_DIGITS = 12;

/** A vault under `vaults:` of weighlock.yaml: its place, or its place with what is particular to it. */
export const vaultEntrySchema = z.union([
  text,
  z.strictObject({
    place: text,
    region: text.optional(),
    endpoint: text.optional(),
    pathStyle: z.boolean().optional(),
    kmsKey: text.optional(),
    bucketOwner: z
      .union([z.int(), text])
      // YAML takes an account for a number, and its leading zeros with it.
      .transform((account) => String(account).padStart(ACCOUNT_DIGITS, '0'))
      .refine((account) => /^\d{12}$/.test(account), 'is an AWS account of 12 digits')
      .optional(),
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
  if (!settings.place.startsWith('s3://')) {
    requireFolder(settings.place);
    return { kind: 'directory', path: path.resolve(directory, settings.place) };
  }
  return { kind: 's3', settings: s3Settings(settings, input) };
}

/** What looks like an address would make a folder of that name, and the vault would not be where it is looked for. */
function requireFolder(place: string): void {
  if (!/^[a-z][a-z0-9+.-]+:\/|^s3:/i.test(place)) return;
  throw new WeighlockError('WL_CONFIG_INVALID', `"${place}" is no place for a vault`, {
    hint: 'Write s3://bucket/prefix, a folder (./name if it has a colon), or a name under "vaults" of weighlock.yaml; other stores than AWS are named by AWS_ENDPOINT_URL_S3.',
  });
}

function requireEndpoint(endpoint: string): void {
  if (URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol)) return;
  throw new WeighlockError('WL_CONFIG_INVALID', `the endpoint "${endpoint}" of the store is no URL`, {
    hint: 'Write https://host:port: "endpoint" of the vault in weighlock.yaml, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL.',
  });
}

function requireRegion(region: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(region)) return;
  throw new WeighlockError('WL_CONFIG_INVALID', `"${region}" is no region`, {
    hint: 'Write a name like eu-west-1: "region" of the vault in weighlock.yaml, AWS_REGION or AWS_DEFAULT_REGION.',
  });
}

function s3Settings(entry: Exclude<VaultEntry, string>, { directory, environment }: PlaceInput): S3Settings {
  const endpoint =
    entry.endpoint ?? (environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL || undefined);
  const region =
    entry.region ??
    (environment.AWS_REGION || environment.AWS_DEFAULT_REGION || undefined) ??
    (endpoint ? REGION_ELSEWHERE : undefined);
  if (endpoint !== undefined) requireEndpoint(endpoint);
  if (region !== undefined) requireRegion(region);
  const pathStyle = entry.pathStyle ?? (endpoint ? true : undefined);
  const caFile = entry.caFile ?? (environment.AWS_CA_BUNDLE || undefined);
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
