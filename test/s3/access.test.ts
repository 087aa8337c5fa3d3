/**
 * Ways to a bucket: every kind of credentials from where it really comes from, proxies, private authorities, the
 * names of AWS themselves; and what each request then carries, and holds in memory.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { partBytesFor } from '../../src/vault/part-size.ts';
import { bytesFile, plainCommit, plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { makeCertificate, noCertificates } from './certificate.ts';
import { type S3StandIn, type StandInOptions, startS3StandIn } from './stand-in/stand-in.ts';

const PLACE = 's3://bucket/team';
const ROLE = 'arn:aws:iam::111122223333:role/gate';
const FAR_MS = Date.parse('2100-01-01');
const FAR = new Date(FAR_MS).toISOString();

interface Setting {
  readonly server: S3StandIn;
  readonly stage: Stage;
  /** Reaches the server, and holds no credentials. */
  readonly nobody: NodeJS.ProcessEnv;
  readonly write: (name: string, text: string) => string;
}

/** A vault with one model, in a bucket whose credentials have a session token. */
async function found(options: StandInOptions = {}): Promise<Setting> {
  const server = await startS3StandIn({ credentialsExpireAt: FAR_MS, ...options });
  await server.makeBucket('bucket', { versioning: 'on' });
  const stage = await openStage({ models: [plainModel('org/model')] });
  const write = (name: string, text: string) => {
    const file = path.join(stage.folder, name);
    writeFileSync(file, text, { mode: 0o700 });
    return file;
  };
  const environment = { ...server.environment, WEIGHLOCK_VAULT: PLACE };
  const trusted = options.tls ? { AWS_CA_BUNDLE: write('ca.pem', options.tls.cert) } : {};
  const ran = await stage.run(['admit', 'org/model'], { ...environment, ...trusted });
  assert.equal(ran.exit, 0, ran.stderr);
  const nobody = {
    ...environment,
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_SESSION_TOKEN: undefined,
  };
  return { server, stage, nobody, write };
}

async function leave({ server, stage }: Setting): Promise<void> {
  await server.close();
  await stage[Symbol.asyncDispose]();
}

async function requireList({ stage, nobody }: Setting, more: NodeJS.ProcessEnv, what: string): Promise<void> {
  const ran = await stage.run(['list'], { ...nobody, ...more });
  assert.equal(ran.exit, 0, `${what}: ${ran.stdout}${ran.stderr}`);
  assert.match(ran.stdout, /org\/model/, what);
}

/** A server of one answer on loopback, and what it was asked. */
async function serve(
  t: TestContext,
  answer: (request: {
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
  }) => string | undefined,
): Promise<string> {
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const text = answer({ headers: request.headers, body });
      response.writeHead(text === undefined ? 403 : 200).end(text);
    });
  });
  return `http://127.0.0.1:${await listen(t, server)}`;
}

async function listen(t: TestContext, server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

describe('credentials', () => {
  let setting: Setting;
  before(async () => {
    setting = await found();
  });
  after(() => leave(setting));

  const profile = () => {
    const { accessKeyId, secretAccessKey, sessionToken } = setting.server.credentials;
    return `[team]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken}\n`;
  };
  /** As STS answers, in XML; the request says who asks for which role. */
  const sts = (t: TestContext, action: string, proof: RegExp) =>
    serve(t, ({ headers, body }) => {
      const asked = `${body} ${headers.authorization ?? ''}`;
      if (
        !body.includes(`Action=${action}`) ||
        !body.includes(encodeURIComponent(ROLE)) ||
        !proof.test(asked)
      )
        return undefined;
      const { accessKeyId, secretAccessKey, sessionToken } = setting.server.credentials;
      return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey><SessionToken>${sessionToken}</SessionToken><Expiration>${FAR}</Expiration></Credentials><AssumedRoleUser><Arn>${ROLE}/x</Arn><AssumedRoleId>A:x</AssumedRoleId></AssumedRoleUser></${action}Result></${action}Response>`;
    });

  it('are needed: without any, nothing is listed', async () => {
    const ran = await setting.stage.run(['list'], setting.nobody);
    assert.equal(ran.exit, 77, ran.stdout);
    assert.match(ran.stderr, /no AWS credentials for s3:\/\/bucket\/team/);
  });

  it('come from variables', () => requireList(setting, setting.server.environment, 'variables'));

  it('come from a profile of the shared file', async () => {
    const AWS_SHARED_CREDENTIALS_FILE = setting.write('credentials', profile());
    await requireList(setting, { AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE: 'team' }, 'profile');
  });

  it('come from a process', async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = setting.server.credentials;
    const document = setting.write(
      'process.json',
      JSON.stringify({
        Version: 1,
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        SessionToken: sessionToken,
        Expiration: FAR,
      }),
    );
    const AWS_CONFIG_FILE = setting.write('config', `[profile run]\ncredential_process = cat ${document}\n`);
    await requireList(setting, { AWS_CONFIG_FILE, AWS_PROFILE: 'run' }, 'process');
  });

  it('come from STS for a web identity', async (t) => {
    const AWS_ENDPOINT_URL_STS = await sts(t, 'AssumeRoleWithWebIdentity', /WebIdentityToken=a\.b\.c/);
    const AWS_WEB_IDENTITY_TOKEN_FILE = setting.write('token', 'a.b.c');
    const more = { AWS_ENDPOINT_URL_STS, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN: ROLE };
    await requireList(setting, more, 'web identity');
  });

  it('come from STS for a role, by those of another profile', async (t) => {
    const { accessKeyId } = setting.server.credentials;
    const AWS_ENDPOINT_URL_STS = await sts(t, 'AssumeRole', new RegExp(`Credential=${accessKeyId}/`));
    const AWS_SHARED_CREDENTIALS_FILE = setting.write('credentials', profile());
    const AWS_CONFIG_FILE = setting.write(
      'config',
      `[profile deploy]\nrole_arn = ${ROLE}\nsource_profile = team\n`,
    );
    const more = {
      AWS_ENDPOINT_URL_STS,
      AWS_SHARED_CREDENTIALS_FILE,
      AWS_CONFIG_FILE,
      AWS_PROFILE: 'deploy',
    };
    await requireList(setting, more, 'role');
  });

  it('come from the endpoint of a container', async (t) => {
    const { accessKeyId, secretAccessKey, sessionToken } = setting.server.credentials;
    const url = await serve(t, ({ headers }) =>
      headers.authorization === 'container-token'
        ? JSON.stringify({
            AccessKeyId: accessKeyId,
            SecretAccessKey: secretAccessKey,
            Token: sessionToken,
            Expiration: FAR,
          })
        : undefined,
    );
    const more = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'container-token',
    };
    await requireList(setting, more, 'container');
  });

  it('sign for the region of the vault rather than that of the variables', async () => {
    const file = setting.write(
      'weighlock.yaml',
      `vaults:\n  team: { place: "${PLACE}", region: eu-west-1 }\n`,
    );
    const more = { ...setting.server.environment, AWS_REGION: 'us-west-2' };
    await requireList(setting, { ...more, WEIGHLOCK_VAULT: 'team' }, 'region');
    const ran = await setting.stage.run(['list'], { ...setting.nobody, ...more });
    rmSync(file);
    assert.match(ran.stderr, /another region \(eu-west-1\) than us-west-2/);
  });
});

/** A proxy that tunnels every CONNECT to one port here, whatever host is asked for; returns its address. */
async function startTunnel(t: TestContext, port: number, asked: string[]): Promise<string> {
  const server = http.createServer();
  const sockets = new Set<net.Socket>();
  server.on('connect', (request, client: net.Socket) => {
    asked.push(request.url ?? '');
    const onward = net.connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(client).pipe(onward);
    });
    for (const [socket, other] of [
      [client, onward],
      [onward, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => sockets.delete(socket));
    }
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${await listen(t, server)}`;
}

/** For AWS's own names, bucket included. */
function certificateOfAws(): { readonly key: string; readonly cert: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-names-'));
  try {
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const names = 'subjectAltName=DNS:s3.eu-west-1.amazonaws.com,DNS:*.s3.eu-west-1.amazonaws.com';
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
    const args = ['req', '-x509', ...kind, '-keyout', key, '-out', cert, '-subj', '/CN=s3', '-addext', names];
    execFileSync('openssl', args, { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the way to a store by TLS', { skip: noCertificates }, () => {
  it('trusts a private authority by AWS_CA_BUNDLE and by caFile, goes through a proxy, and past it', async (t) => {
    const tls = makeCertificate();
    const setting = await found({ tls });
    t.after(() => leave(setting));
    const { server } = setting;
    const AWS_CA_BUNDLE = setting.write('ca.pem', tls.cert);
    const port = Number(new URL(server.endpoint).port);
    await requireList(setting, { ...server.environment, AWS_CA_BUNDLE }, 'AWS_CA_BUNDLE');
    setting.write(
      'weighlock.yaml',
      `vaults:\n  team: { place: "${PLACE}", endpoint: "${server.endpoint}", caFile: ca.pem }\n`,
    );
    await requireList(setting, { ...server.environment, WEIGHLOCK_VAULT: 'team' }, 'caFile');
    const asked: string[] = [];
    const HTTPS_PROXY = await startTunnel(t, port, asked);
    const through = { ...server.environment, AWS_CA_BUNDLE, HTTPS_PROXY };
    await requireList(setting, through, 'HTTPS_PROXY');
    assert.deepEqual([...new Set(asked)], [`127.0.0.1:${port}`], 'all went through the proxy');
    const before = asked.length;
    for (const NO_PROXY of ['127.0.0.1', `other, 127.0.0.1:${port}`, '*'])
      await requireList(setting, { ...through, NO_PROXY }, `NO_PROXY=${NO_PROXY}`);
    assert.equal(asked.length, before, 'and none once it was excepted');
  });

  it('calls AWS by its own names, the bucket in the host, or in the path where that is asked for', async (t) => {
    const tls = certificateOfAws();
    const server = await startS3StandIn({ tls });
    t.after(() => server.close());
    await server.makeBucket('bucket', { versioning: 'on' });
    await using stage = await openStage({ models: [plainModel('org/model')] });
    writeFileSync(path.join(stage.folder, 'ca.pem'), tls.cert);
    writeFileSync(
      path.join(stage.folder, 'weighlock.yaml'),
      `vaults:\n  paths: { place: "${PLACE}", pathStyle: true }\n`,
    );
    const asked: string[] = [];
    const environment = {
      ...server.environment,
      AWS_ENDPOINT_URL: undefined,
      AWS_CA_BUNDLE: 'ca.pem',
      HTTPS_PROXY: await startTunnel(t, Number(new URL(server.endpoint).port), asked),
    };
    for (const [WEIGHLOCK_VAULT, host, args] of [
      [PLACE, 'bucket.s3.eu-west-1.amazonaws.com:443', ['admit', 'org/model']],
      ['paths', 's3.eu-west-1.amazonaws.com:443', ['list']],
    ] as const) {
      asked.length = 0;
      const ran = await stage.run(args, {
        ...environment,
        WEIGHLOCK_VAULT,
        // The Hub of this stage is on loopback, and not by TLS.
        NO_PROXY: '127.0.0.1',
      });
      assert.equal(ran.exit, 0, ran.stderr);
      assert.deepEqual([...new Set(asked)], [host]);
    }
  });
});

/** A valid safetensors file of zeros. */
function zeros(sizeBytes: number): Buffer {
  const header = JSON.stringify({ w: { dtype: 'U8', shape: [sizeBytes], data_offsets: [0, sizeBytes] } });
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const bytes = Buffer.alloc(8 + padded.length + sizeBytes);
  bytes.writeBigUInt64LE(BigInt(padded.length));
  bytes.write(padded, 8, 'latin1');
  return bytes;
}

describe('requests to a bucket', () => {
  it('name the owner, each; those that make objects name the key, and the key of the bucket', async (t) => {
    const server = await startS3StandIn();
    t.after(() => server.close());
    await server.makeBucket('bucket', { versioning: 'on' });
    const model = {
      ...plainModel('org/model'),
      commits: [plainCommit('m', [bytesFile('l.safetensors', zeros(9e6))])],
    };
    await using stage = await openStage({ models: [model] });
    const key = 'arn:aws:kms:eu-west-1:111122223333:key/one';
    writeFileSync(
      path.join(stage.folder, 'weighlock.yaml'),
      `vaults:\n  team: { place: "${PLACE}", bucketOwner: ${server.accountId}, kmsKey: "${key}" }\n`,
    );
    const environment = { ...server.environment, WEIGHLOCK_VAULT: 'team' };
    for (const args of [['admit', 'org/model'], ['verify'], ['pull', 'org/model', './pulled']]) {
      const ran = await stage.run(args, environment);
      assert.equal(ran.exit, 0, ran.stderr);
    }
    const operations = new Set(server.requests.map(({ operation }) => operation));
    for (const operation of ['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])
      assert.ok(operations.has(operation), operation);
    for (const { operation, headers } of server.requests) {
      assert.equal(headers['x-amz-expected-bucket-owner'], server.accountId, operation);
      const makes = operation === 'PutObject' || operation === 'CreateMultipartUpload';
      assert.deepEqual(
        [
          headers['x-amz-server-side-encryption'],
          headers['x-amz-server-side-encryption-aws-kms-key-id'],
          headers['x-amz-server-side-encryption-bucket-key-enabled'],
        ],
        makes ? ['aws:kms', key, 'true'] : [undefined, undefined, undefined],
        operation,
      );
    }
  });

  it('hold no more parts at once than --memory grants', async (t) => {
    const server = await startS3StandIn();
    t.after(() => server.close());
    await server.makeBucket('bucket', { versioning: 'on' });
    const files = [bytesFile('a.safetensors', zeros(120e6)), bytesFile('b.safetensors', zeros(80e6))];
    const model = { ...plainModel('org/model'), commits: [plainCommit('m', files)] };
    await using stage = await openStage({ models: [model] });
    const slow = await startSlowParts(t, server);
    const ran = await stage.run(['admit', 'org/model', '--memory', '32MB', '--concurrency', '2'], {
      ...server.environment,
      AWS_ENDPOINT_URL: slow.endpoint,
      WEIGHLOCK_VAULT: PLACE,
    });
    assert.equal(ran.exit, 0, ran.stderr);
    const granted = Math.floor(32e6 / partBytesFor(120e6));
    assert.ok(slow.most() <= granted, `${slow.most()} parts at once, ${granted} granted`);
    assert.ok(slow.most() > 1, 'one part goes its way while the next one fills');
    assert.equal(slow.parts(), Math.ceil(120e6 / partBytesFor(120e6)) + Math.ceil(80e6 / partBytesFor(80e6)));
  });

  for (const [sizeBytes, partBytes] of [
    [1, 8 << 20],
    [10_000 * (8 << 20), 8 << 20],
    [10_000 * (8 << 20) + 1, 9 << 20],
    [100e9, 10 << 20],
    [5 * 2 ** 40, 525 << 20],
  ] as const)
    it(`cut ${sizeBytes} bytes into at most 10,000 parts of ${partBytes}`, () => {
      assert.equal(partBytesFor(sizeBytes), partBytes);
      assert.ok(Math.ceil(sizeBytes / partBytes) <= 10_000);
      assert.ok(partBytes >= 5 << 20 && partBytes <= 5 * 2 ** 30);
    });
});

/** How long a part is kept under way, so that a client gets to send all that it would send at once. */
const PART_MS = 100;

/** In front of a server: passes everything on, parts slowly, and counts those that are under way. */
async function startSlowParts(t: TestContext, { endpoint }: S3StandIn) {
  const counts = { now: 0, most: 0, parts: 0 };
  const { hostname: host, port } = new URL(endpoint);
  const server = http.createServer(async (request, response) => {
    const isPart = request.method === 'PUT' && /[?&]partNumber=/.test(request.url ?? '');
    if (isPart) {
      counts.parts += 1;
      counts.now += 1;
      counts.most = Math.max(counts.most, counts.now);
      await pause(PART_MS);
    }
    const onward = http.request(
      { host, port, method: request.method, path: request.url, headers: request.headers, setHost: false },
      (inward) => {
        if (isPart) counts.now -= 1;
        response.writeHead(inward.statusCode ?? 502, inward.headers);
        inward.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  const at = await listen(t, server);
  return { endpoint: `http://127.0.0.1:${at}`, most: () => counts.most, parts: () => counts.parts };
}
