/** The proxy that the usual variables name for an address. */
import { WeighlockError } from '../base/errors.ts';

/** Undefined where NO_PROXY names the host. Throws WL_CONFIG_INVALID for a proxy that is no URL. */
export function proxyFor(endpoint: string, environment: NodeJS.ProcessEnv): string | undefined {
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : '';
  const direct = (environment.NO_PROXY ?? environment.no_proxy ?? '')
    .split(',')
    .map((name) => name.trim().replace(/^\./, ''));
  if (direct.some((name) => name === '*' || (name && (host === name || host.endsWith(`.${name}`)))))
    return undefined;
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
