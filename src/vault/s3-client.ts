/**
 * How clients of S3 and of its neighbours are made: by the official SDK, with every kind of credential that it knows,
 * over one pool of connections that honours a proxy and a private certificate authority.
 */
import { readFileSync } from 'node:fs';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent } from 'undici';
import { WeighlockError } from '../base/errors.ts';
import type { S3Settings } from './s3-place.ts';
import { S3Requests } from './s3-requests.ts';

/** Connections of one client to its store: enough for every part and range under way. */
const CONNECTIONS_MAX = 64;
const CONNECT_TIMEOUT_MS = 10_000;
/** A store that says nothing for so long has lost the request. */
const SILENCE_MS = 60_000;
/** Attempts of the SDK against errors that pass: 5xx, SlowDown, broken connections, throttling. */
export const ATTEMPTS_MAX = 5;

/** What every client of this store is made with. The dispatcher is to be closed by whoever called. */
export function awsConfig(
  settings: Pick<S3Settings, 'region' | 'endpoint' | 'caFile' | 'proxy' | 'connections'>,
): {
  readonly requestHandler: S3Requests;
  readonly credentials: ReturnType<typeof fromNodeProviderChain>;
  readonly region?: string;
  readonly endpoint?: string;
  readonly maxAttempts: number;
} {
  const { region, endpoint } = settings;
  return {
    requestHandler: new S3Requests(dispatcherFor(settings)),
    // STS and SSO stand behind the proxy too, unless NO_PROXY names them: each host as the variables say, which the
    // SDK reads for these by itself as well.
    credentials: fromNodeProviderChain({
      clientConfig: {
        requestHandler: new S3Requests(dispatcherByEnvironment(settings)),
        ...(region && { region }),
      },
    }),
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    maxAttempts: ATTEMPTS_MAX,
  };
}

export function s3Client(settings: S3Settings): S3Client {
  const config: S3ClientConfig = {
    ...awsConfig(settings),
    ...(settings.pathStyle !== undefined && { forcePathStyle: settings.pathStyle }),
    // Checksums are computed where the bytes pass anyway; the SDK would read everything once more.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // A bucket in another region is the configuration's mistake, to be named and not followed.
    followRegionRedirects: false,
  };
  const client = new S3Client(config);
  leavePartsUnsigned(client);
  return client;
}

/**
 * Parts are not hashed for the signature: TLS and the signed CRC-32 guard them on their way, and what is stored is
 * held to its SHA-256 by everybody who reads it.
 */
function leavePartsUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const request = args.request as { headers: Record<string, string> };
      if (context.commandName === 'UploadPartCommand')
        request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'leavePartsUnsigned' },
  );
}

function dispatcherFor(settings: Pick<S3Settings, 'caFile' | 'proxy' | 'connections'>): Dispatcher {
  const { proxy } = settings;
  const connections = connectionsOf(settings);
  return proxy === undefined ? new Agent(connections) : new ProxyAgent({ ...connections, uri: proxy });
}

function dispatcherByEnvironment(settings: Pick<S3Settings, 'caFile' | 'connections'>): Dispatcher {
  const httpProxy = proxyIn('http_proxy');
  const httpsProxy = proxyIn('HTTPS_PROXY') || proxyIn('https_proxy');
  return new EnvHttpProxyAgent({ ...connectionsOf(settings), httpProxy, httpsProxy });
}

/** One that is no URL counts as none here: where it matters for the store, the configuration refuses it. */
function proxyIn(variable: string): string {
  const proxy = process.env[variable] ?? '';
  return URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol) ? proxy : '';
}

function connectionsOf({ caFile, connections }: Pick<S3Settings, 'caFile' | 'connections'>) {
  const ca = caFile === undefined ? undefined : authority(caFile);
  const tls = { timeout: CONNECT_TIMEOUT_MS, ...(ca && { ca }) };
  return {
    connections: connections ?? CONNECTIONS_MAX,
    bodyTimeout: SILENCE_MS,
    headersTimeout: SILENCE_MS,
    connect: tls,
    // Behind a proxy: the store, and the proxy itself where it is reached by TLS.
    requestTls: tls,
    proxyTls: tls,
  };
}

function authority(file: string): string {
  const refuse = (why: string, cause?: unknown) =>
    new WeighlockError('WL_CONFIG_INVALID', `${why} (AWS_CA_BUNDLE, caFile)`, {
      hint: 'Name a PEM file of the certificate authority; `weighlock doctor` shows what is in force.',
      cause,
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(`cannot read the certificates in ${file}`, error);
  }
  // TLS would take anything else for no certificate at all, and blame the store.
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw refuse(`there is no certificate in ${file}`);
  return text;
}
