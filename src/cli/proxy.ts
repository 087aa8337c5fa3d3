/** The proxy that the usual variables name for an address. */
import { WeighlockError } from '../base/errors.ts';

/** Undefined where NO_PROXY names the host. Throws WL_CONFIG_INVALID for a proxy that is no URL. */
export function proxyFor(endpoint: string, environment: NodeJS.ProcessEnv): string | undefined {
  if (isExcepted(endpoint, environment.NO_PROXY ?? environment.no_proxy ?? '')) return undefined;
  const proxy = endpoint.startsWith('http://')
    ? environment.http_proxy
    : environment.HTTPS_PROXY || environment.https_proxy;
  if (!proxy) return undefined;
  if (URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol)) return proxy;
  throw new WeighlockError(
    'WL_CONFIG_INVALID',
    'the proxy (HTTPS_PROXY, http_proxy) is not an http:// or https:// address',
  );
}

/** Whether the list names the host, a domain above it, or either with the port of the address. */
function isExcepted(endpoint: string, list: string): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { hostname, port, protocol } = new URL(endpoint);
  const at = `:${port || (protocol === 'http:' ? '80' : '443')}`;
  return list
    .split(/[\s,]+/)
    .map((name) => name.toLowerCase().replace(/^\*?\./, ''))
    .some((name) => {
      const bare = name.endsWith(at) ? name.slice(0, -at.length) : name;
      return name === '*' || (bare !== '' && (hostname === bare || hostname.endsWith(`.${bare}`)));
    });
}
