/** Wiring: the only place that knows the environment and chooses implementations. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { KMSClient } from '@aws-sdk/client-kms';
import { openTrust, signTrust, TRUST_BYTES_MAX, type Trust } from '../attest/trust.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { WeighlockError } from '../base/errors.ts';
import type { AwsReach } from '../deploy/deploy.ts';
import { encodeDescriptor, firstTrust, newDescriptor, openDescriptor } from '../registry/descriptor.ts';
import { Gate } from '../registry/gate.ts';
import { Registry } from '../registry/registry.ts';
import { requireConditions } from '../registry/require-conditions.ts';
import { openSource } from '../sources/open.ts';
import type { Source } from '../sources/source.ts';
import { EVERYTHING, STAGING_PREFIX, VAULT_KEY } from '../vault/layout.ts';
import { openVault } from '../vault/open.ts';
import type { Vault } from '../vault/vault.ts';
import { type Config, type ConfigInput, isInlineTrust, readConfig } from './config.ts';
import { Home } from './home.ts';
import { proxyFor } from './proxy.ts';
import type { Terminal } from './terminal.ts';

/** The package's own name and version, for records. */
export const TOOL: { readonly name: string; readonly version: string } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

const DESCRIPTOR_BYTES_MAX = 16_384;

/** Connections of a gateway to its store: each reader whose bytes pass through holds one. */
const READERS_CONNECTIONS_MAX = 1024;

/** What the edge knows of its surroundings. */
export interface Surroundings {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
}

export class Wire {
  readonly config: Config;
  readonly home: Home;
  readonly terminal: Terminal;
  /** For what clients on this machine would read from it. */
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock = systemClock;

  constructor(surroundings: Surroundings, options: ConfigInput['options']) {
    this.config = readConfig({ ...surroundings, options });
    const kms = (region: string) => kmsClient(region, surroundings.environment);
    this.home = new Home({ ...this.config, kms });
    this.terminal = surroundings.terminal;
    this.environment = surroundings.environment;
  }

  /** The vault that is configured, or another that is named. */
  vault(name = this.config.vault): Promise<Vault> {
    return openVault(this.config.ticket(name));
  }

  hub(): Source {
    return openSource({ kind: 'hub', ...this.config.hub });
  }

  directory(directory: string): Source {
    return openSource({ kind: 'directory', path: path.resolve(directory) });
  }

  /** The vault that is configured, or another that is named, for reading. */
  async registry(name?: string): Promise<Registry> {
    return this.#openRegistry(await this.vault(name), name);
  }

  /** How a service of AWS is reached: its own variable comes before the one for all services, as in the SDK. */
  aws(service: string, region: string): AwsReach {
    const { environment } = this;
    const own = environment[`AWS_ENDPOINT_URL_${service.toUpperCase().replaceAll('-', '_')}`];
    const endpoint = own || environment.AWS_ENDPOINT_URL || undefined;
    const proxy = proxyFor(endpoint ?? `https://${service}.${region}.amazonaws.com`, environment);
    const caFile = environment.AWS_CA_BUNDLE || undefined;
    return { region, ...(endpoint && { endpoint }), ...(proxy && { proxy }), ...(caFile && { caFile }) };
  }

  /** As `registry`, for a gateway whose readers reach the store at another endpoint than this machine does. */
  async readersRegistry(readersEndpoint: string | undefined): Promise<Registry> {
    const ticket = this.config.ticket(this.config.vault);
    if (ticket.kind !== 's3' && readersEndpoint === undefined) return this.registry();
    if (ticket.kind !== 's3')
      throw new WeighlockError(
        'WL_USAGE',
        '--data-endpoint is for a vault in a bucket, and this one is a folder',
      );
    const settings = {
      ...ticket.settings,
      ...(readersEndpoint && { readersEndpoint }),
      connections: READERS_CONNECTIONS_MAX,
    };
    return this.#openRegistry(await openVault({ kind: 's3', settings }));
  }

  async #openRegistry(vault: Vault, name?: string): Promise<Registry> {
    const id = await this.#identify(vault);
    if (!id) {
      throw new WeighlockError('WL_VAULT_FOREIGN', `there is no vault at ${vault.location}`, {
        hint: 'Name it with --vault or in weighlock.yaml; `weighlock admit <model>` makes a new one.',
      });
    }
    return Registry.open({
      vault,
      trust: this.trust(id, name),
      memory: this.home.memory(id),
      clock: this.clock,
    });
  }

  /** The vault with this machine's keys; an empty place becomes a new vault, with a notice. */
  async gate(name?: string): Promise<Gate> {
    const vault = await this.vault(name);
    const id = (await this.#identify(vault)) ?? (await this.#found(vault));
    return this.#openGate(vault, this.trust(id, name));
  }

  async #openGate(vault: Vault, trust: Trust): Promise<Gate> {
    const { stateValidityMs } = this.config;
    const memory = this.home.memory(trust.vault);
    const { clock } = this;
    const gate = await Gate.open({
      vault,
      trust,
      memory,
      clock,
      stateValidityMs,
      ...(await this.home.signers()),
    });
    await gate.begin();
    return gate;
  }

  /**
   * The trust file: the one that is configured, or the one pinned on this machine for this vault. Where the vault is
   * `named` beside others, the configured one may be another's, and the pinned one comes first.
   */
  trust(vault: string, named?: string): Trust {
    const pinned = this.home.pinned(vault);
    if (named !== undefined && pinned) return pinned;
    const { trust: file } = this.config;
    const trust =
      file === undefined ? pinned : openTrustFile(file, pinned?.vault === vault ? pinned : undefined);
    if (trust) return trust;
    throw new WeighlockError('WL_TRUST_MISSING', `no trust file is pinned here for vault ${vault}`);
  }

  #keysAt(keys: string): string {
    const [file] = this.home.keyFiles;
    if (file === undefined) return `${keys} in AWS KMS: ${this.home.keys.join(', ')}`;
    return `${keys} in ${path.dirname(file)}: back them up, nobody can replace them`;
  }

  /** The id of the vault at the place, which must be the one that stood there before. */
  async #identify(vault: Vault): Promise<string | undefined> {
    const before = this.home.vaultAt(vault.place);
    const stored = await vault.get(VAULT_KEY, DESCRIPTOR_BYTES_MAX);
    if (!stored) {
      if (before === undefined) return undefined;
      throw new WeighlockError(
        'WL_VAULT_FOREIGN',
        `vault ${before} stood at ${vault.location}, and is gone`,
        {
          hint: `Restore it. If it was removed on purpose, delete its line in ${path.join(this.home.path, 'places.json')}.`,
        },
      );
    }
    const { id } = openDescriptor(stored.bytes);
    if (before !== undefined && before !== id) {
      throw new WeighlockError(
        'WL_VAULT_FOREIGN',
        `vault ${before} stood at ${vault.location}, and now vault ${id} does`,
        {
          hint: `If that is intended, delete its line in ${path.join(this.home.path, 'places.json')}.`,
        },
      );
    }
    this.home.rememberPlace(vault.place, id);
    return id;
  }

  /** A new vault in an empty place: keys, trust file, descriptor, first state. Returns its id. */
  async #found(vault: Vault): Promise<string> {
    const stranger = await firstKey(vault);
    // Another process may have made the vault since the first look.
    const made = stranger === undefined ? undefined : await this.#identify(vault);
    if (made) return made;
    if (stranger !== undefined) {
      throw new WeighlockError(
        'WL_VAULT_FOREIGN',
        `${vault.location} is no vault and holds something else (${stranger})`,
        { hint: 'Name an empty place, or an existing vault.' },
      );
    }
    await requireConditions(vault);
    const madeKeys = this.home.makeKeys();
    const { signer, logSigner } = await this.home.signers();
    const descriptor = newDescriptor();
    const trust = firstTrust(descriptor, { signer, logSigner });
    this.home.pin(descriptor.id, await signTrust(trust, signer));
    if ((await vault.create(VAULT_KEY, encodeDescriptor(descriptor))) === 'exists') {
      this.home.unpin(descriptor.id);
      const id = await this.#identify(vault);
      if (id) return id;
    }
    await this.#openGate(vault, trust);
    this.home.rememberPlace(vault.place, descriptor.id);
    this.terminal.err(
      `  new vault  ${vault.location}\n` +
        `             ${this.#keysAt(madeKeys ? 'new keys' : 'keys')}\n` +
        `             trust file ${this.home.trustFile(descriptor.id)}: give it to whoever verifies\n` +
        (await costOfNoVersions(vault)),
    );
    return descriptor.id;
  }
}

/** A line of the notice where a bucket keeps no versions; nobody expects them of a folder. */
async function costOfNoVersions(vault: Vault): Promise<string> {
  if (vault.ticket.kind === 'directory' || (await vault.keepsVersions())) return '';
  return (
    '             no versions are kept in this bucket: what anybody overwrites or deletes there is gone for good;\n' +
    `             \`weighlock vault init ${vault.location}\` turns them on\n`
  );
}

/** Any object that stands at the place, but for what an interrupted beginning left in staging. */
async function firstKey(vault: Vault): Promise<string | undefined> {
  for await (const { key } of vault.list(EVERYTHING)) if (!key.startsWith(STAGING_PREFIX)) return key;
  return undefined;
}

/**
 * Keys are in the region that their name says, whatever the environment names. Loaded only where a key is in AWS KMS:
 * the SDK is large.
 */
async function kmsClient(region: string, environment: NodeJS.ProcessEnv): Promise<KMSClient> {
  const [{ KMSClient }, { awsConfig }] = await Promise.all([
    import('@aws-sdk/client-kms'),
    import('../vault/s3-client.ts'),
  ]);
  // The SDK takes the endpoint from these variables by itself; here it only decides on the proxy.
  const endpoint = environment.AWS_ENDPOINT_URL_KMS ?? environment.AWS_ENDPOINT_URL;
  const proxy = proxyFor(endpoint ?? `https://kms.${region}.amazonaws.com`, environment);
  const caFile = environment.AWS_CA_BUNDLE;
  return new KMSClient(awsConfig({ region, ...(proxy && { proxy }), ...(caFile && { caFile }) }));
}

export function openTrustFile(file: string, before?: Trust): Trust {
  if (isInlineTrust(file)) return openTrust(file, before);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError('WL_TRUST_INVALID', `cannot read the trust file ${file}`, { cause: error });
  }
  if (text.length > TRUST_BYTES_MAX)
    throw new WeighlockError('WL_TRUST_INVALID', `the trust file ${file} is too long`);
  return openTrust(text, before);
}
