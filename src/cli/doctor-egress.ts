/**
 * `weighlock doctor --egress`: whether this node can still go past the gateway. Run where models are loaded: the Hub's
 * hosts must be out of reach, directly and by the proxy that clients would use, and clients must be sent to the gateway.
 */
import net from 'node:net';
import { ProxyAgent, request } from 'undici';
import { EXIT } from '../base/errors.ts';
import type { Check } from './doctor.ts';
import { proxyFor } from './proxy.ts';

/** Where the Hub and its stores answer; the wildcards of its CDN as names that exist. */
export const HUB_EGRESS_HOSTS: readonly string[] = [
  'huggingface.co',
  'hf.co',
  'cdn-lfs.hf.co',
  'us.aws.cdn.hf.co',
  'us.gcp.cdn.hf.co',
  'cas-bridge.xethub.hf.co',
  'transfer.xethub.hf.co',
];

/** A host that does not answer in this time counts as out of reach. */
const REACH_MS = 3_000;
const HTTPS_PORT = 443;

export async function egressChecks(
  environment: NodeJS.ProcessEnv,
  hosts: readonly string[] = HUB_EGRESS_HOSTS,
): Promise<Check[]> {
  const reached = await Promise.all(hosts.map((host) => reach(host, environment)));
  return [endpointCheck(environment), await gatewayCheck(environment), ...reached];
}

function endpointCheck({ HF_ENDPOINT: endpoint }: NodeJS.ProcessEnv): Check {
  const what = 'HF_ENDPOINT';
  const remedy = 'Set HF_ENDPOINT to the address of the gateway, for every process that loads models.';
  const failed = (detail: string): Check => ({
    what,
    result: 'failed',
    detail,
    remedy,
    exit: EXIT.configuration,
  });
  if (!endpoint) return failed('is not set: clients ask the Hub itself');
  const url = URL.parse(endpoint);
  if (!url || !/^https?:$/.test(url.protocol)) return failed(`"${endpoint}" is not the URL of a server`);
  if (isHubs(url.hostname)) return failed(`${endpoint} is the Hub itself`);
  return { what, result: 'ok', detail: endpoint };
}

async function gatewayCheck({ HF_ENDPOINT: endpoint = '' }: NodeJS.ProcessEnv): Promise<Check> {
  const what = 'gateway';
  if (!URL.canParse(endpoint)) return { what, result: 'note', detail: 'not asked: HF_ENDPOINT names none' };
  const url = `${endpoint.replace(/\/+$/, '')}/-/ready`;
  const failed = (detail: string): Check => ({
    what,
    result: 'failed',
    detail,
    remedy: 'Look whether `weighlock serve` runs there, and what its log says.',
    exit: EXIT.unavailable,
  });
  try {
    const { statusCode, body } = await request(url, { headersTimeout: REACH_MS, bodyTimeout: REACH_MS });
    await body.dump();
    if (statusCode === 200) return { what, result: 'ok', detail: `${endpoint} is ready` };
    return failed(`${url} answers ${statusCode}`);
  } catch (error) {
    return failed(`${url} does not answer: ${error instanceof Error ? error.message : error}`);
  }
}

/** Whether a connection to the host comes about, directly or by the proxy that clients here would use. */
async function reach(host: string, environment: NodeJS.ProcessEnv): Promise<Check> {
  const what = host;
  const { hostname, port } = new URL(`https://${host}`);
  const proxy = proxyFor(`https://${host}`, environment);
  const ways = [
    (await connects(hostname, port === '' ? HTTPS_PORT : Number(port))) ? 'directly' : '',
    proxy !== undefined && (await tunnels(host, proxy)) ? `by the proxy ${new URL(proxy).host}` : '',
  ].filter(Boolean);
  if (ways.length === 0) return { what, result: 'ok', detail: 'cannot be reached' };
  return {
    what,
    result: 'failed',
    detail: `can be reached ${ways.join(' and ')}`,
    remedy: 'Close it for this node: allow egress to the gateway and the bucket alone (docs/gateway.md).',
    exit: EXIT.refused,
  };
}

function connects(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect({ host, port, timeout: REACH_MS });
  const end = (reached: boolean) => {
    socket.destroy();
    resolve(reached);
  };
  socket.once('connect', () => end(true));
  socket.once('timeout', () => end(false));
  socket.once('error', () => end(false));
  return promise;
}

/** A proxy that opens the tunnel lets clients through, whatever TLS says behind it. */
async function tunnels(host: string, proxy: string): Promise<boolean> {
  const dispatcher = new ProxyAgent({ uri: proxy, connectTimeout: REACH_MS });
  try {
    const { body } = await request(`https://${host}/`, {
      method: 'HEAD',
      dispatcher,
      headersTimeout: REACH_MS,
    });
    await body.dump();
    return true;
  } catch (error) {
    const text = `${error} ${error instanceof Error ? error.cause : ''}`;
    return /certificate|self.signed|TLS|SSL/i.test(text);
  } finally {
    await dispatcher.destroy();
  }
}

function isHubs(hostname: string): boolean {
  return /(?:^|\.)(?:huggingface\.co|hf\.co)$/.test(hostname);
}
