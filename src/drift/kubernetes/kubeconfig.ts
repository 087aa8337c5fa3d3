/**
 * A kubeconfig, as far as it names a server and plain credentials: a token, or a client certificate. Programs that a
 * kubeconfig names (`exec`) are not run: whoever can write the file would choose what runs here.
 */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { WeighlockError } from '../../base/errors.ts';

/** Longest kubeconfig, and longest file that it names; hundreds of clusters are less. */
const FILE_BYTES_MAX = 1 << 20;

export interface ClusterAccess {
  readonly server: string;
  readonly ca: string | undefined;
  readonly token: string | undefined;
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
}

const file = z.object({
  'current-context': z.string().optional(),
  contexts: z.array(
    z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) }),
  ),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({
        server: z.string(),
        'certificate-authority': z.string().optional(),
        'certificate-authority-data': z.string().optional(),
        'insecure-skip-tls-verify': z.boolean().optional(),
      }),
    }),
  ),
  users: z.array(
    z.object({
      name: z.string(),
      user: z.object({
        token: z.string().optional(),
        tokenFile: z.string().optional(),
        'client-certificate': z.string().optional(),
        'client-certificate-data': z.string().optional(),
        'client-key': z.string().optional(),
        'client-key-data': z.string().optional(),
        exec: z.unknown().optional(),
        'auth-provider': z.unknown().optional(),
      }),
    }),
  ),
});

/** Throws WL_CONFIG_INVALID with what of the file is missing, or not taken. */
export function readKubeconfig(place: string, wanted: string | undefined): ClusterAccess {
  const parsed = file.safeParse(parsedYaml(place));
  if (!parsed.success)
    throw refused(place, `is no kubeconfig: ${parsed.error.issues[0]?.path.join('.') ?? ''}`);
  const { contexts, clusters, users } = parsed.data;
  const name = wanted ?? parsed.data['current-context'];
  const context = contexts.find((one) => one.name === name)?.context;
  if (context === undefined) throw refused(place, `has no context ${name ?? '(none is current)'}`);
  const cluster = clusters.find((one) => one.name === context.cluster)?.cluster;
  const user = users.find((one) => one.name === context.user)?.user;
  if (cluster === undefined || user === undefined)
    throw refused(place, `lacks the cluster or the user of ${name}`);
  if (!URL.canParse(cluster.server) || new URL(cluster.server).protocol !== 'https:')
    throw refused(place, 'names a server that is not reached by https');
  if (cluster['insecure-skip-tls-verify'])
    throw refused(
      place,
      'turns the check of the server’s certificate off: whoever is on the way could answer',
    );
  const near = (one: string | undefined) =>
    one === undefined ? undefined : text(path.resolve(path.dirname(place), one));
  const either = (data: string | undefined, named: string | undefined) =>
    data === undefined ? near(named) : Buffer.from(data, 'base64').toString('utf8');
  const token = user.token ?? near(user.tokenFile)?.trim();
  const cert = either(user['client-certificate-data'], user['client-certificate']);
  const key = either(user['client-key-data'], user['client-key']);
  if (token === undefined && (cert === undefined || key === undefined))
    throw refused(
      place,
      user.exec !== undefined || user['auth-provider'] !== undefined
        ? 'gets its credentials from a program, which is not run from here'
        : 'has neither a token nor a client certificate',
    );
  return {
    server: cluster.server.replace(/\/$/, ''),
    ca: either(cluster['certificate-authority-data'], cluster['certificate-authority']),
    token,
    certificate: cert === undefined || key === undefined ? undefined : { cert, key },
  };
}

function parsedYaml(place: string): unknown {
  try {
    return parse(text(place), { maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw refused(place, 'is not YAML', error);
  }
}

function text(place: string): string {
  try {
    if (statSync(place).size > FILE_BYTES_MAX) throw refused(place, `is longer than ${FILE_BYTES_MAX} bytes`);
    return readFileSync(place, 'utf8');
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw refused(place, 'cannot be read', error);
  }
}

function refused(place: string, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError('WL_CONFIG_INVALID', `the kubeconfig ${place} ${why}`, {
    hint: 'Give one with a token (`kubectl create token <account>`) or a client certificate; it needs to list deployments, inferenceservices and networkpolicies.',
    cause,
  });
}
