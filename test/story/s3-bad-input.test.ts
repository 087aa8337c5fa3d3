/**
 * Bad input where the vault is a bucket: one clear sentence, its code, what to do next, the right exit code, nothing
 * half-published, and once it is set right the next run finishes.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { makeCertificate, noCertificates } from '../s3/certificate.ts';
import { connect } from '../s3/server.ts';
import { type S3StandIn, type StandInOptions, startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { bytesFile, plainCommit, plainModel, safetensors } from './models.ts';
import { openStage, type Ran, type Stage } from './stage.ts';

const PLACE = 's3://bucket/team';
const NO_KEYS = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
/** Longer than one part, so that it waits as a pending upload. */
const LARGE = bytesFile('large.safetensors', safetensors('large', 3_000_000));

interface Expected {
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
  readonly next: RegExp;
}

interface Scene {
  readonly server: S3StandIn;
  readonly stage: Stage;
  /** What the stand-in was started with; it looks again at every request. */
  readonly options: { -readonly [name in keyof StandInOptions]: StandInOptions[name] };
  readonly closing: (() => void)[];
}

interface BadInput {
  readonly what: string;
  readonly options?: StandInOptions;
  /** Another model stands in the vault before. */
  readonly founded?: true;
  readonly yaml?: string;
  readonly before?: (scene: Scene) => unknown;
  readonly environment?:
    | NodeJS.ProcessEnv
    | ((scene: Scene) => NodeJS.ProcessEnv | Promise<NodeJS.ProcessEnv>);
  readonly args?: readonly string[];
  readonly expected: Expected;
  /** Sets it right: then an admission and a verification succeed. */
  readonly heal?: (scene: Scene) => unknown;
  /** What the healed admission says. */
  readonly thenSays?: RegExp;
}

function requireFailure(ran: Ran, { exit, code, says, next }: Expected, what: string): void {
  assert.equal(ran.exit, exit, `${what}: ${ran.stdout}${ran.stderr}`);
  const [sentence = '', action = ''] = ran.stderr.trimEnd().split('\n').slice(-2);
  assert.match(sentence, /^error /, what);
  assert.match(sentence, says, what);
  assert.doesNotMatch(sentence, /UnknownError|undefined/, what);
  assert.match(action, new RegExp(`^ {6}${code} {2}`), what);
  assert.match(action, next, what);
  assert.doesNotMatch(ran.stderr, /\n\s+at /, `${what}: a stack`);
  const { error } = JSON.parse(ran.stdout) as { error: { code: string } };
  assert.equal(error.code, code, what);
}

/** Signatures of revisions, which are written last: what counts as published. */
function published({ store }: S3StandIn): string[] {
  const keys = [...(store.buckets.get('bucket')?.objects.keys() ?? [])];
  return keys.filter((key) => /^team\/models\/.*\/model\.sig$/.test(key));
}

async function play(input: BadInput): Promise<void> {
  const { what, expected, heal } = input;
  const options = { ...input.options };
  const server = await startS3StandIn(options);
  const model = { id: 'org/model', cardData: { license: 'mit' }, commits: [plainCommit('m', [LARGE])] };
  const closing: (() => void)[] = [];
  try {
    await server.makeBucket('bucket', { versioning: 'on' });
    await using stage = await openStage({ models: [model, plainModel('org/kept')] });
    const scene: Scene = { server, stage, options, closing };
    const good = { ...server.environment, WEIGHLOCK_VAULT: PLACE };
    if (input.yaml) writeFileSync(path.join(stage.folder, 'weighlock.yaml'), input.yaml);
    if (input.founded) {
      const ran = await stage.run(['admit', 'org/kept'], good);
      assert.equal(ran.exit, 0, `${what}: ${ran.stderr}`);
      assert.doesNotMatch(ran.stderr, /no versions/, what);
    }
    await input.before?.(scene);
    const signed = published(server);
    const { environment } = input;
    const bad = typeof environment === 'function' ? await environment(scene) : environment;
    const args = input.args ?? ['admit', 'org/model'];
    requireFailure(await stage.run([...args, '--json'], { ...good, ...bad }), expected, what);
    assert.deepEqual(published(server), signed, `${what}: nothing was published`);
    if (!heal) return;
    await heal(scene);
    const again = await stage.run(['admit', 'org/model'], good);
    assert.equal(again.exit, 0, `${what}, healed: ${again.stderr}`);
    if (input.thenSays) assert.match(again.stdout, input.thenSays, what);
    const verified = await stage.run(['verify'], good);
    assert.equal(verified.exit, 0, `${what}, verified: ${verified.stdout}${verified.stderr}`);
    assert.equal(published(server).length, signed.length + 1, what);
  } finally {
    for (const close of closing) close();
    await server.close();
  }
}

/** Most of the time is other processes' start: three at once. */
async function playAll(inputs: readonly BadInput[]): Promise<void> {
  const queue = [...inputs];
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await play(next);
  };
  await Promise.all([lane(), lane(), lane()]);
}

const DENIED = { exit: 77, code: 'WL_VAULT_DENIED' };
const UNAVAILABLE = { exit: 69, code: 'WL_VAULT_UNAVAILABLE' };
const INVALID = { exit: 78, code: 'WL_CONFIG_INVALID' };

describe('buckets that are not as they must be', () => {
  it('are named with what to change', { timeout: 300_000 }, () =>
    playAll([
      {
        what: 'no such bucket',
        args: ['admit', 'org/model', '--vault', 's3://nowhere/x'],
        expected: {
          ...UNAVAILABLE,
          says: /there is no bucket nowhere at http:/,
          next: /weighlock vault init s3:\/\/nowhere\/x/,
        },
      },
      {
        what: 'in another region, by a redirect',
        before: ({ server }) => server.moveBucket('bucket', 'ap-south-1'),
        expected: {
          ...UNAVAILABLE,
          says: /bucket is in another region \(ap-south-1\) than eu-west-1/,
          next: /AWS_REGION/,
        },
      },
      {
        what: 'in another region, by the signature',
        founded: true,
        args: ['list'],
        environment: { AWS_REGION: 'us-west-2' },
        expected: {
          ...UNAVAILABLE,
          says: /bucket is in another region \(eu-west-1\) than us-west-2/,
          next: /"region" of the vault in weighlock\.yaml/,
        },
      },
      {
        what: 'that keeps no conditions',
        options: { conditions: 'ignored' },
        expected: {
          exit: 78,
          code: 'WL_VAULT_UNSAFE',
          says: /overwrites objects although the write says "only if absent"/,
          next: /Use another store; `weighlock vault check`/,
        },
      },
      {
        what: 'with something else below the prefix',
        before: async ({ server }) => {
          const client = connect(server);
          await client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'team/thesis.txt', Body: 'mine' }));
          client.destroy();
        },
        expected: {
          exit: 78,
          code: 'WL_VAULT_FOREIGN',
          says: /s3:\/\/bucket\/team is no vault and holds something else \(thesis\.txt\)/,
          next: /Name an empty place/,
        },
      },
      {
        what: 'of another owner',
        yaml: `vaults:\n  v: { place: "${PLACE}", bucketOwner: 9999 }\n`,
        environment: { WEIGHLOCK_VAULT: 'v' },
        expected: { ...DENIED, says: /refuses GetObject/, next: /must belong to account 000000009999/ },
      },
      {
        what: 'with a KMS key that may not be used',
        options: { kms: 'denied' },
        yaml: `vaults:\n  v: { place: "${PLACE}", kmsKey: "arn:aws:kms:eu-west-1:111122223333:key/k" }\n`,
        environment: { WEIGHLOCK_VAULT: 'v' },
        expected: {
          ...DENIED,
          says: /the KMS key of s3:\/\/bucket\/team cannot be used: .*kms:GenerateDataKey on resource: arn:/,
          next: /kms:GenerateDataKey and kms:Decrypt/,
        },
        heal: ({ options }) => {
          options.kms = 'allowed';
        },
      },
    ]),
  );

  it('work without versions, and the founding says what that costs', async (t) => {
    const server = await startS3StandIn({ versioning: 'unsupported' });
    t.after(() => server.close());
    await server.makeBucket('bucket');
    await using stage = await openStage({ models: [plainModel('org/model')] });
    const environment = { ...server.environment, WEIGHLOCK_VAULT: PLACE };
    for (const args of [['admit', 'org/model'], ['verify'], ['pull', 'org/model', './pulled']]) {
      const ran = await stage.run(args, environment);
      assert.equal(ran.exit, 0, ran.stdout + ran.stderr);
      const cost =
        /no versions are kept in this bucket: .* gone for good;\n.*vault init s3:\/\/bucket\/team` turns/;
      if (args[0] === 'admit') assert.match(ran.stderr, cost);
    }
  });
});

describe('permissions that are missing', () => {
  const refused = (action: string, operation: string): BadInput => ({
    what: action,
    options: { deniedActions: [action] },
    expected: {
      ...DENIED,
      says: new RegExp(`refuses ${operation} on .*not authorized to perform: ${action} on`),
      next: new RegExp(
        `The role needs ${action} on arn:aws:s3:::bucket.*weighlock vault init .*--cloudformation`,
      ),
    },
    heal: ({ options }) => {
      options.deniedActions = [];
    },
  });

  it('are named, one by one, and the next run has them', { timeout: 300_000 }, () =>
    playAll([
      refused('s3:GetObject', 'GetObject'),
      refused('s3:PutObject', 'PutObject'),
      refused('s3:ListBucket', 'ListObjectsV2'),
      refused('s3:ListBucketVersions', 'ListObjectVersions'),
      refused('s3:DeleteObject', 'DeleteObjects'),
      {
        what: 'no words of the store',
        before: ({ server }) =>
          server.fault({ operation: 'GetObject', times: 99, what: { status: 403, code: 'AccessDenied' } }),
        expected: {
          ...DENIED,
          says: /refuses GetObject on team\/registry\/vault: Access Denied/,
          next: /needs s3:GetObject \(and s3:ListBucket on the bucket\) on arn:/,
        },
      },
      {
        what: 'uploads only',
        founded: true,
        before: ({ server }) =>
          server.fault({
            operation: 'CreateMultipartUpload',
            times: 99,
            what: { status: 403, code: 'AccessDenied' },
          }),
        expected: {
          ...DENIED,
          says: /refuses CreateMultipartUpload on team\/models\/org\/model\/[0-9a-f]{40}\/large/,
          next: /needs s3:PutObject on arn:aws:s3:::bucket\/team\/models\/org\/model\//,
        },
        heal: ({ server }) => server.faults.clear(),
      },
    ]),
  );

  it('of whoever only reads are enough to list, verify and pull, and to nothing more', async (t) => {
    const server = await startS3StandIn();
    t.after(() => server.close());
    await server.makeBucket('bucket', { versioning: 'on' });
    await using stage = await openStage({ models: [plainModel('org/model'), plainModel('org/next')] });
    const good = { ...server.environment, WEIGHLOCK_VAULT: PLACE };
    assert.equal((await stage.run(['admit', 'org/model'], good)).exit, 0);
    const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } =
      server.readOnlyCredentials;
    const reader = { ...good, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
    for (const args of [['list'], ['verify'], ['pull', 'org/model', './pulled']]) {
      const ran = await stage.run(args, reader);
      assert.equal(ran.exit, 0, `${args.join(' ')}: ${ran.stderr}`);
    }
    const ran = await stage.run(['admit', 'org/next', '--json'], reader);
    requireFailure(
      ran,
      { ...DENIED, says: /refuses PutObject on team\//, next: /needs s3:PutObject/ },
      'a reader that admits',
    );
    assert.equal(published(server).length, 1);
  });
});

describe('credentials that do not hold', () => {
  const EXPIRED = {
    ...DENIED,
    says: /the AWS credentials for s3:\/\/bucket\/team have expired/,
    next: /aws sso login.*run the command again: finished files are kept/,
  };
  const expires = (operation: string, nth = 2): BadInput => ({
    what: `expired at ${operation} ${nth}`,
    founded: true,
    before: ({ server }) => server.fault({ operation, nth, times: 10_000, what: 'expired-token' }),
    expected: EXPIRED,
    heal: ({ server }) => server.faults.clear(),
  });

  it('are told from each other, and the next run goes on', { timeout: 300_000 }, () =>
    playAll([
      {
        what: 'none',
        environment: NO_KEYS,
        expected: { ...DENIED, says: /no AWS credentials for s3:\/\/bucket\/team/, next: /AWS_PROFILE/ },
      },
      {
        what: 'a wrong secret',
        environment: { AWS_SECRET_ACCESS_KEY: 'x'.repeat(40) },
        expected: {
          ...DENIED,
          says: /does not know these AWS credentials \(SignatureDoesNotMatch\)/,
          next: /Check the access key, its secret/,
        },
      },
      {
        what: 'an unknown key',
        environment: { AWS_ACCESS_KEY_ID: `AKIA${'X'.repeat(16)}` },
        expected: {
          ...DENIED,
          says: /does not know these AWS credentials \(InvalidAccessKeyId\)/,
          next: /the profile/,
        },
      },
      {
        what: 'expired before',
        options: { credentialsExpireAt: 1 },
        expected: EXPIRED,
        heal: ({ server }) => server.expireAt(Number.MAX_SAFE_INTEGER),
      },
      { ...expires('UploadPart'), thenSays: /files? kept from an earlier run/ },
      expires('CompleteMultipartUpload', 1),
      expires('PutObject'),
      expires('GetObject'),
      {
        what: 'a clock that is wrong',
        before: ({ server }) =>
          server.fault({ times: 99, what: { status: 403, code: 'RequestTimeTooSkewed' } }),
        expected: {
          ...UNAVAILABLE,
          says: /the clock of this machine and that of s3:\/\/bucket\/team differ/,
          next: /Set the clock \(NTP\)/,
        },
        heal: ({ server }) => server.faults.clear(),
      },
    ]),
  );
});

describe('uploads that the store drops', () => {
  it('are said to be lost, or brought in anew at once, and the rest is kept', {
    timeout: 120_000,
  }, async (t) => {
    await play({
      what: 'at a part',
      founded: true,
      before: ({ server }) => server.fault({ operation: 'UploadPart', what: 'abort-upload' }),
      expected: {
        exit: 69,
        code: 'WL_STAGING_LOST',
        says: /dropped the upload of team\/models\/org\/model\/[0-9a-f]{40}\/large\.safetensors/,
        next: /Run the command again: finished files are kept.*lifecycle rule/,
      },
      heal: () => {},
    });
    const server = await startS3StandIn();
    t.after(() => server.close());
    await server.makeBucket('bucket', { versioning: 'on' });
    const model = { id: 'org/model', cardData: { license: 'mit' }, commits: [plainCommit('m', [LARGE])] };
    await using stage = await openStage({ models: [model] });
    const environment = { ...server.environment, WEIGHLOCK_VAULT: PLACE };
    server.fault({ operation: 'CompleteMultipartUpload', what: 'abort-upload' });
    const first = await stage.run(['admit', 'org/model', '--json'], environment);
    assert.ok(first.exit === 0 || /WL_STAGING_LOST.*Run the command again/.test(first.stderr), first.stderr);
    assert.equal((await stage.run(['admit', 'org/model'], environment)).exit, 0);
    assert.equal((await stage.run(['verify'], environment)).exit, 0);
    assert.equal(published(server).length, 1);
  });
});

describe('places and endpoints that nobody meant', () => {
  const place = (name: string, says: RegExp): BadInput => ({
    what: name,
    args: ['admit', 'org/model', '--vault', name],
    expected: { ...INVALID, says, next: /Write s3:\/\/bucket/ },
  });
  const setting = (environment: NodeJS.ProcessEnv, says: RegExp, next: RegExp): BadInput => ({
    what: JSON.stringify(environment),
    environment,
    expected: { ...INVALID, says, next },
  });

  it('are refused before anybody is asked', { timeout: 120_000 }, () =>
    playAll(
      [
        place('s3://', /"s3:\/\/" is not a place in S3: the bucket has no valid name/),
        place('s3://A_b', /the bucket has no valid name/),
        place('s3://bucket/../x', /an empty or dotted part/),
        place('s3:/bucket', /"s3:\/bucket" is no place for a vault/),
        place('S3://bucket', /is no place for a vault/),
        place('gs://bucket', /is no place for a vault/),
        place('https://bucket.s3.amazonaws.com/x', /is no place for a vault/),
        setting(
          { AWS_ENDPOINT_URL: 'minio:9000' },
          /the endpoint "minio:9000" of the store is no URL/,
          /https:/,
        ),
        setting({ AWS_REGION: 'eu west' }, /"eu west" is no region/, /AWS_REGION/),
        setting({ AWS_CA_BUNDLE: 'none.pem' }, /cannot read the certificates in .*none\.pem/, /PEM file/),
        setting(
          { AWS_CA_BUNDLE: 'weighlock.txt' },
          /there is no certificate in .*weighlock\.txt/,
          /PEM file/,
        ),
      ].map((input) => ({
        ...input,
        before: ({ stage }: Scene) =>
          writeFileSync(path.join(stage.folder, 'weighlock.txt'), 'no certificate'),
      })),
    ),
  );

  const web = (status: number, type: string) => async (scene: Scene) => {
    const server = http.createServer((request, response) => {
      request.resume();
      response.writeHead(status, { 'content-type': type, location: 'https://login.example/' });
      response.end('<html><body>Welcome</body></html>');
    });
    return { AWS_ENDPOINT_URL: `http://${await listening(server, scene)}` };
  };
  const NOT_S3 = { ...UNAVAILABLE, says: /http:\/\/127.* does not answer as S3 does/, next: /a console/ };

  it('are told from stores that fail', { timeout: 120_000 }, () =>
    playAll([
      {
        what: 'nobody listens',
        environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' },
        expected: {
          ...UNAVAILABLE,
          says: /cannot reach http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED/,
          next: /Check endpoint, network and proxy/,
        },
      },
      { what: 'a page', environment: web(200, 'text/html'), expected: NOT_S3 },
      { what: 'a document', environment: web(200, 'application/json'), expected: NOT_S3 },
      { what: 'no page', environment: web(404, 'text/html; charset=utf-8'), expected: NOT_S3 },
      { what: 'a login', environment: web(302, 'text/html'), expected: NOT_S3 },
      { what: 'a proxy that forbids', environment: web(403, 'text/html'), expected: NOT_S3 },
      {
        what: 'no TLS',
        environment: ({ server }) => ({ AWS_ENDPOINT_URL: server.endpoint.replace('http:', 'https:') }),
        expected: { ...UNAVAILABLE, says: /https:.* does not speak TLS/, next: /Check the port/ },
      },
    ]),
  );

  it('are told from stores that nobody vouches for', { skip: noCertificates, timeout: 120_000 }, async () => {
    const tls = makeCertificate();
    const trusting = ({ stage }: Scene, certificate = tls) => {
      writeFileSync(path.join(stage.folder, 'ca.pem'), certificate.cert);
      return { AWS_CA_BUNDLE: 'ca.pem' };
    };
    const proxy = (status: number) => async (scene: Scene) => {
      const server = http.createServer();
      server.on('connect', (_, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`));
      return { ...trusting(scene), HTTPS_PROXY: `http://user:secret@${await listening(server, scene)}` };
    };
    await playAll(
      [
        {
          what: 'an unknown authority',
          expected: {
            ...UNAVAILABLE,
            says: /the certificate of https:.* is not trusted: self-signed certificate$/,
            next: /AWS_CA_BUNDLE, or "caFile"/,
          },
        },
        {
          what: 'another authority',
          environment: (scene: Scene) => trusting(scene, makeCertificate()),
          expected: { ...UNAVAILABLE, says: /is not trusted/, next: /Check that .*ca\.pem \(AWS_CA_BUNDLE/ },
        },
        {
          what: 'a proxy that is not there',
          environment: (scene: Scene) => ({ ...trusting(scene), HTTPS_PROXY: 'http://127.0.0.1:1' }),
          expected: {
            ...UNAVAILABLE,
            says: /cannot reach https:.* through the proxy 127\.0\.0\.1:1: connect ECONNREFUSED/,
            next: /proxy/,
          },
        },
        ...[403, 407].map((status) => ({
          what: `a proxy that answers ${status}`,
          environment: proxy(status),
          expected: {
            ...UNAVAILABLE,
            says: new RegExp(`the proxy lets nobody through to https:.* \\(status ${status}\\)`),
            next: /HTTPS_PROXY.*NO_PROXY/,
          },
        })),
      ].map((input) => ({ ...input, options: { tls } })),
    );
  });
});

/** Host and port of a server that ends with its scene. */
async function listening(server: http.Server, { closing }: Scene): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
