/**
 * Configuration: weighlock.yaml in the working directory, over it WEIGHLOCK_* variables, over them options. What is
 * not understood is an error, so that a typing mistake in a setting that matters for safety does not pass.
 */
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { isArn, parseKmsArn } from '../attest/kms-arn.ts';
import { WeighlockError } from '../base/errors.ts';
import { HUB_ENDPOINT, HUB_HOSTS } from '../sources/hub-hosts.ts';
import type { VaultTicket } from '../vault/vault.ts';
import { proxyFor } from './proxy.ts';
import { vaultEntrySchema, vaultTicket } from './vault-place.ts';

const text = z.string().min(1);

const fileSchema = z.strictObject({
  vault: text.optional(),
  policy: text.optional(),
  vaults: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/), vaultEntrySchema).optional(),
  trust: text.optional(),
  key: text.optional(),
  logKey: text.optional(),
  namespaces: z.array(text).min(1).optional(),
  hub: z.strictObject({ endpoint: text.optional(), hosts: z.array(text).optional() }).optional(),
  stateValidityDays: z.number().positive().max(3650).optional(),
  verifiedWithinDays: z.number().positive().max(3650).optional(),
  onRevocation: z.enum(['stop', 'rollback']).optional(),
  concurrency: z.int().min(1).max(64).optional(),
  memory: z.union([text, z.int()]).optional(),
  upstreamKeys: z
    .array(z.strictObject({ models: text, key: text }))
    .max(1000)
    .optional(),
  clamd: text.optional(),
  yara: z.array(text).optional(),
});

/** Variables that may be set, and what each sets. */
const VARIABLES = {
  WEIGHLOCK_VAULT: 'vault',
  WEIGHLOCK_POLICY: 'policy',
  WEIGHLOCK_TRUST: 'trust',
  WEIGHLOCK_KEY: 'key',
  WEIGHLOCK_LOG_KEY: 'logKey',
  WEIGHLOCK_HUB_ENDPOINT: 'hubEndpoint',
  WEIGHLOCK_HUB_HOSTS: 'hubHosts',
  WEIGHLOCK_HOME: 'home',
  WEIGHLOCK_CONCURRENCY: 'concurrency',
  WEIGHLOCK_MEMORY: 'memory',
  WEIGHLOCK_CLAMD: 'clamd',
  WEIGHLOCK_YARA: 'yara',
} as const;

/** Secrets, which only the commands that need them read: they are no settings, and stand in no file. */
const SECRETS: ReadonlySet<string> = new Set(['WEIGHLOCK_NOTIFY_SECRET', 'WEIGHLOCK_HUB_WEBHOOK_SECRET']);

export interface Config {
  /** The file that was read, if there is one. */
  readonly file: string | undefined;
  /** The vault in use: a name under `vaults`, s3://bucket/prefix, or a folder. */
  readonly vault: string;
  /** Opens any place that may be named as a vault. Throws WL_CONFIG_INVALID. */
  readonly ticket: (name: string) => VaultTicket;
  /** A policy file, or undefined for the one that ships. */
  readonly policy: string | undefined;
  /** Path of the trust file, or its text. */
  readonly trust: string | undefined;
  /** Where keys, pinned trust files and memory live on this machine. */
  readonly home: string;
  /** Files of private keys, or ARNs of keys in AWS KMS. */
  readonly key: string;
  readonly logKey: string;
  /** Namespaces into which content from a directory may go. */
  readonly namespaces: readonly string[];
  readonly hub: {
    readonly endpoint: string;
    readonly hosts: readonly string[];
    readonly token?: string;
    readonly proxy?: string;
  };
  readonly stateValidityMs: number;
  /** How long ago every byte of what is deployed was last verified, at the most. */
  readonly verifiedWithinDays: number;
  /** What becomes of channels that stand at a revision that is revoked: left standing there, or rolled back. */
  readonly onRevocation: 'stop' | 'rollback';
  readonly concurrency: number;
  readonly memoryBytes: number;
  /** Public keys of publishers, in PEM files, by the pattern of the models that they sign; `*` stands for a part of a name. */
  readonly upstreamKeys: readonly { readonly models: string; readonly key: string }[];
  /** The daemon of ClamAV, by its socket or host:port, where one is to look at every file. */
  readonly clamd: string | undefined;
  /** Files of YARA rules. */
  readonly yara: readonly string[];
}

const DEFAULT_VAULT = './weighlock-data';
const DEFAULT_STATE_VALIDITY_DAYS = 30;
const DEFAULT_VERIFIED_WITHIN_DAYS = 30;
const DEFAULT_CONCURRENCY = 4;
const DEFAULT_MEMORY = '16MB';
/** Parts of uploads wait whole. */
const DEFAULT_MEMORY_S3 = '48MB';
const DAY_MS = 86_400_000;

export interface ConfigInput {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly options: {
    readonly vault?: string;
    readonly trust?: string;
    readonly policy?: string;
    readonly concurrency?: string;
    readonly memory?: string;
    readonly clamd?: string;
    readonly yara?: readonly string[];
  };
}

/** The configuration in force. Throws WL_CONFIG_INVALID naming what is not understood. */
export function readConfig({ directory, environment, options }: ConfigInput): Config {
  const file = path.join(directory, 'weighlock.yaml');
  const there = existsSync(file);
  const settings = there ? readFile(file) : {};
  const variable = readVariables(environment);
  const home =
    variable.home ??
    path.join(environment.XDG_CONFIG_HOME || path.join(os.homedir(), '.config'), 'weighlock');
  const endpoint = variable.hubEndpoint ?? settings.hub?.endpoint ?? HUB_ENDPOINT;
  const hosts = variable.hubHosts?.split(',').filter(Boolean) ?? settings.hub?.hosts ?? HUB_HOSTS;
  hosts.forEach(requireHost);
  const token = readToken(environment);
  const proxy = proxyFor(endpoint, environment);
  const resolved = (name: string | undefined) =>
    name === undefined ? undefined : path.resolve(directory, name);
  const vault = options.vault ?? variable.vault ?? settings.vault ?? DEFAULT_VAULT;
  const places = { directory, environment, vaults: settings.vaults ?? {} };
  const ticket = (name: string) => vaultTicket(name, places);
  return {
    file: there ? file : undefined,
    vault,
    ticket,
    policy: resolved(options.policy ?? variable.policy ?? settings.policy),
    trust: trustOf(options.trust ?? variable.trust ?? settings.trust, resolved),
    home,
    key: readKey(variable.key ?? settings.key) ?? path.join(home, 'gate.key.pem'),
    logKey: readKey(variable.logKey ?? settings.logKey) ?? path.join(home, 'log.key.pem'),
    namespaces: settings.namespaces ?? ['local'],
    hub: { endpoint, hosts, ...(token && { token }), ...(proxy && { proxy }) },
    stateValidityMs: (settings.stateValidityDays ?? DEFAULT_STATE_VALIDITY_DAYS) * DAY_MS,
    upstreamKeys: (settings.upstreamKeys ?? []).map(({ models, key }) => ({
      models,
      key: path.resolve(directory, key),
    })),
    onRevocation: settings.onRevocation ?? 'stop',
    verifiedWithinDays: settings.verifiedWithinDays ?? DEFAULT_VERIFIED_WITHIN_DAYS,
    concurrency: readConcurrency(
      from(options.concurrency, variable.concurrency ?? settings.concurrency ?? DEFAULT_CONCURRENCY),
    ),
    memoryBytes: readMemory(
      from(options.memory, variable.memory ?? settings.memory ?? defaultMemory(ticket(vault))),
    ),
    clamd: options.clamd ?? variable.clamd ?? settings.clamd,
    yara: (options.yara ?? variable.yara?.split(',').filter(Boolean) ?? settings.yara ?? []).map((name) =>
      path.resolve(directory, name),
    ),
  };
}

/** A path, or the trust file itself, as containers get it that are given variables and no files. */
function trustOf(
  given: string | undefined,
  resolved: (name: string | undefined) => string | undefined,
): string | undefined {
  return given !== undefined && isInlineTrust(given) ? given : resolved(given);
}

export function isInlineTrust(given: string): boolean {
  return given.trimStart().startsWith('{');
}

function defaultMemory(ticket: VaultTicket): string {
  return ticket.kind === 's3' ? DEFAULT_MEMORY_S3 : DEFAULT_MEMORY;
}

function readFile(file: string): z.infer<typeof fileSchema> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw invalid(`${file}: ${problem.message.split('\n', 1)[0]}`);
  const parsed = fileSchema.safeParse(document.toJS({ maxAliasCount: 0 }) ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(`${file}${issue?.path.length ? `, ${issue.path.join('.')}` : ''}: ${issue?.message}`);
}

function readVariables(
  environment: NodeJS.ProcessEnv,
): Partial<Record<(typeof VARIABLES)[keyof typeof VARIABLES], string>> {
  const found: Partial<Record<string, string>> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('WEIGHLOCK_') || value === undefined || value === '') continue;
    if (SECRETS.has(name)) continue;
    if (!(name in VARIABLES))
      throw invalid(`the variable ${name} is not known; there are ${Object.keys(VARIABLES).join(', ')}`);
    found[VARIABLES[name as keyof typeof VARIABLES]] = value;
  }
  return found;
}

/** A setting, and whom to tell if it is not understood: whoever typed it, or whoever configured it. */
interface Setting {
  readonly text: string;
  readonly code: 'WL_USAGE' | 'WL_CONFIG_INVALID';
}

function from(option: string | undefined, configured: string | number): Setting {
  if (option !== undefined) return { text: option, code: 'WL_USAGE' };
  return { text: String(configured), code: 'WL_CONFIG_INVALID' };
}

const CONCURRENCY_MAX = 64;

function readConcurrency({ text, code }: Setting): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= CONCURRENCY_MAX) return number;
  throw new WeighlockError(code, `concurrency is a whole number from 1 to ${CONCURRENCY_MAX}, not "${text}"`);
}

/** Less does not hold one chunk of each file under way; more is a typing mistake. */
const MEMORY_BYTES_MIN = 1_000_000;
const MEMORY_BYTES_MAX = 1e12;

/** `64MB`, `1GiB`, `1000000`. */
function readMemory({ text, code }: Setting): number {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)\s*(?:([kMG])(i)?B?|B)?$/.exec(text);
  const power = { k: 1, M: 2, G: 3 }[match?.[2] ?? ''] ?? 0;
  const bytes = Math.floor(Number(match?.[1]) * (match?.[3] ? 1024 : 1000) ** power);
  if (bytes >= MEMORY_BYTES_MIN && bytes <= MEMORY_BYTES_MAX) return bytes;
  throw new WeighlockError(code, `memory is a size of at least 1MB, for example 64MB, not "${text}"`);
}

/** A file, or the ARN of a key in AWS KMS: a mistake in it shows here, and not at the first signature. */
function readKey(name: string | undefined): string | undefined {
  if (name !== undefined && isArn(name)) parseKmsArn(name);
  return name;
}

/** `host`, `host:port`, or `*.domain`. */
function requireHost(text: string): void {
  const bare = text.replace(/^\*\./, '');
  if (/^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.test(bare) && URL.canParse(`http://${bare}`))
    return;
  throw invalid(
    `"${text}" is not a host of the form name, name:port or *.domain (hub.hosts, WEIGHLOCK_HUB_HOSTS)`,
  );
}

function readToken(environment: NodeJS.ProcessEnv): string | undefined {
  const token = environment.HF_TOKEN?.trim();
  // The token itself is never shown.
  if (!token || /^[\u0021-\u007e]+$/.test(token)) return token;
  throw invalid('HF_TOKEN holds white space or characters that no token has');
}

function invalid(message: string): WeighlockError {
  return new WeighlockError('WL_CONFIG_INVALID', message);
}
