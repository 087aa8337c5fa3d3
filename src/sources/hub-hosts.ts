/**
 * Hosts: where the Hub may send us, and which addresses those names may have.
 *
 * The attacker's move: a mirror or a compromised path answers with a redirect to the cloud's metadata address or
 * an internal service, and our request (from inside the network) fetches it. So a redirect is followed only to a
 * host on the list, and a name on the list may not resolve to an internal address unless it was configured itself.
 */
import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { WeighlockError } from '../base/errors.ts';

/** Where the Hub itself keeps files: its own host and its CDNs. */
export const HUB_HOSTS: readonly string[] = ['huggingface.co', '*.hf.co'];

/** The Hub's own address. Never read from HF_ENDPOINT, which is what clients of our gateway set. */
export const HUB_ENDPOINT = 'https://huggingface.co';

/** Parses the endpoint's URL; throws WL_CONFIG_INVALID unless it is plain http(s) with nothing but host and path. */
export function parseEndpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain =
    url && /^https?:$/.test(url.protocol) && url.username + url.password + url.search + url.hash === '';
  if (!url || !plain)
    throw new WeighlockError('WL_CONFIG_INVALID', `"${text}" is not the URL of a Hub endpoint`);
  return url;
}

export class RedirectHosts {
  readonly #endpoint: URL;
  readonly #allowed: readonly string[];
  /** Names (without port) that were configured one by one: these may be internal. */
  readonly #named: ReadonlySet<string>;

  /** `allowed`: `host` (default port), `host:port`, or `*.domain` (any sub-domain, default port). */
  constructor(endpoint: URL, allowed: readonly string[]) {
    this.#endpoint = endpoint;
    this.#allowed = allowed;
    const exact = allowed
      .filter((host) => !host.startsWith('*.'))
      .map((host) => new URL(`http://${host}`).hostname);
    // The Hub's public names are on the list by default, which does not make them internal.
    this.#named = new Set([endpoint.hostname, ...exact.filter((host) => !HUB_HOSTS.includes(host))]);
  }

  /** Throws WL_SOURCE_LIES where a redirect must not lead. */
  check(url: URL): void {
    const problem = this.#problem(url);
    if (!problem) return;
    const message = `the source redirects to ${url.origin === 'null' ? url.protocol : url.origin}, ${problem}`;
    throw new WeighlockError('WL_SOURCE_LIES', message);
  }

  #problem(url: URL): string | undefined {
    if (url.username !== '' || url.password !== '') return 'with credentials in the URL';
    if (url.origin === this.#endpoint.origin) return undefined;
    const insecure = url.protocol === 'http:' && this.#endpoint.protocol === 'http:';
    if (url.protocol !== 'https:' && !insecure) return 'which is not https';
    if (!this.#allowed.some((pattern) => matches(pattern, url))) return 'which is not a host that it may use';
    return undefined;
  }

  /** A name resolver for connections that refuses internal addresses of names that were not configured. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 4);
      const internal = this.#named.has(hostname)
        ? undefined
        : addresses.find(({ address }) => isInternal(address));
      if (internal) {
        const message = `the host ${hostname} has the internal address ${internal.address}`;
        return callback(new WeighlockError('WL_SOURCE_LIES', message), '', 4);
      }
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      if (!first) return callback(new Error(`${hostname} has no address`), '', 4);
      return callback(null, first.address, first.family);
    });
  };
}

function matches(pattern: string, url: URL): boolean {
  if (!pattern.startsWith('*.')) return pattern.toLowerCase() === url.host;
  // An address never ends in a domain, but "*.1" must not match 10.0.0.1 either.
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0;
  return !isAddress && url.port === '' && url.hostname.endsWith(pattern.slice(1).toLowerCase());
}

/** Loopback, private, link-local, shared, reserved and multicast ranges (IANA special-purpose registries). */
const INTERNAL = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  INTERNAL.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  INTERNAL.addSubnet(network, prefix, 'ipv6');
}

/** True for addresses that only mean something inside a machine or a network; IPv4-mapped ones count as IPv4. */
export function isInternal(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return true;
  return INTERNAL.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
