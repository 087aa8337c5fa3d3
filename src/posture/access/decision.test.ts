/** Who could do what, by statements as they stand in accounts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Attempt, allowances, type Caller, witnessBelow } from './decision.ts';
import { readPolicy } from './statement.ts';

const ROLE = 'arn:aws:iam::111122223333:role/app';
const CALLER: Caller = { arn: ROLE, account: '111122223333', type: 'AssumedRole' };
const MODELS = 'arn:aws:s3:::acme/models/';
/** A variable of IAM's policies. */
const USER = '$' + '{aws:username}';
const WRITE: Attempt = {
  action: 's3:PutObject',
  below: MODELS,
  context: { 's3:if-none-match': '*', 's3:if-match': null, 's3:objectcreationoperation': 'true' },
};

type Text = Readonly<Record<string, unknown>>;
const allow = (more: Text): Text => ({
  Effect: 'Allow',
  Action: 's3:PutObject',
  Resource: `${MODELS}*`,
  ...more,
});
const deny = (more: Text): Text => ({ Effect: 'Deny', Action: 's3:*', Resource: `${MODELS}*`, ...more });
const read = (statements: readonly Text[]) =>
  readPolicy(JSON.stringify({ Statement: statements })).statements;

interface Case {
  readonly identity?: readonly Text[];
  readonly boundary?: readonly Text[];
  readonly bucket?: readonly Text[];
  readonly could: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  'nothing said': { could: false },
  'allowed by its own policy': { identity: [allow({})], could: true },
  'allowed by everything': { identity: [allow({ Action: '*', Resource: '*' })], could: true },
  'allowed by a pattern in the action, whatever its letters': {
    identity: [allow({ Action: 'S3:put*' })],
    could: true,
  },
  'allowed for one model': { identity: [allow({ Resource: `${MODELS}org/name/*` })], could: true },
  'allowed for one file, wherever it is': { identity: [allow({ Resource: '*/config.json' })], could: true },
  'allowed in another bucket': { identity: [allow({ Resource: 'arn:aws:s3:::other/*' })], could: false },
  'allowed beside models/': { identity: [allow({ Resource: 'arn:aws:s3:::acme/staging/*' })], could: false },
  'allowed to read': { identity: [allow({ Action: 's3:GetObject' })], could: false },
  'all but reading': { identity: [allow({ Action: undefined, NotAction: 's3:Get*' })], could: true },
  'all but this bucket': {
    identity: [allow({ Resource: undefined, NotResource: 'arn:aws:s3:::acme/*' })],
    could: false,
  },
  'all but another bucket': {
    identity: [allow({ Resource: undefined, NotResource: 'arn:aws:s3:::other/*' })],
    could: true,
  },
  'a variable in the resource': {
    identity: [allow({ Resource: `arn:aws:s3:::acme/${USER}/*` })],
    could: true,
  },
  'parts of uploads only': {
    identity: [allow({ Condition: { Bool: { 's3:ObjectCreationOperation': 'false' } } })],
    could: false,
  },
  'under a condition that the caller meets': {
    identity: [allow({ Condition: { Null: { 's3:if-none-match': 'false' } } })],
    could: true,
  },
  'under a condition that is not known': {
    identity: [allow({ Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } })],
    could: true,
  },
  'denied by itself': { identity: [allow({}), deny({})], could: false },
  'denied for one model only': { identity: [allow({}), deny({ Resource: `${MODELS}org/*` })], could: true },
  'denied under a condition that is not known': {
    identity: [allow({}), deny({ Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'false' } } })],
    could: true,
  },
  'denied everywhere but for one model': {
    identity: [allow({ Resource: '*' }), deny({ Resource: undefined, NotResource: `${MODELS}org/*` })],
    could: true,
  },
  'denied everywhere but elsewhere': {
    identity: [allow({ Resource: '*' }), deny({ Resource: undefined, NotResource: 'arn:aws:s3:::other/*' })],
    could: false,
  },
  'within a boundary of one model': {
    identity: [allow({ Resource: '*' })],
    boundary: [allow({ Resource: `${MODELS}org/name/*` })],
    could: true,
  },
  'denied by a variable': {
    identity: [allow({}), deny({ Resource: `arn:aws:s3:::acme/${USER}*` })],
    could: true,
  },
  'kept by a boundary': { identity: [allow({})], boundary: [allow({ Action: 's3:Get*' })], could: false },
  'within a boundary': {
    identity: [allow({})],
    boundary: [allow({ Action: 's3:*', Resource: '*' })],
    could: true,
  },
  'denied by the bucket to everybody': {
    identity: [allow({})],
    bucket: [deny({ Principal: '*' })],
    could: false,
  },
  'denied by the bucket to all but others': {
    identity: [allow({})],
    bucket: [
      deny({
        Principal: { AWS: '*' },
        Condition: { ArnNotEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/gate' } },
      }),
    ],
    could: false,
  },
  'denied by the bucket to all but itself': {
    identity: [allow({})],
    bucket: [deny({ Principal: '*', Condition: { ArnNotLike: { 'aws:PrincipalArn': '*:role/a*' } } })],
    could: true,
  },
  'denied by the bucket to everybody who is not named': {
    identity: [allow({})],
    bucket: [deny({ NotPrincipal: { AWS: ROLE } })],
    could: true,
  },
  'given by the bucket': { bucket: [allow({ Principal: { AWS: ROLE } })], could: true },
  'given by the bucket to the account': {
    bucket: [allow({ Principal: { AWS: 'arn:aws:iam::111122223333:root' } })],
    could: false,
  },
  'denied without TLS': {
    identity: [allow({})],
    bucket: [deny({ Principal: '*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })],
    could: true,
  },
};

describe('the decision of a request', () => {
  for (const [title, { identity = [], boundary, bucket = [], could }] of Object.entries(CASES)) {
    it(`${could ? 'allows' : 'does not allow'} what is ${title}`, () => {
      const found = allowances(CALLER, WRITE, {
        identity: read(identity),
        boundary: boundary && read(boundary),
        bucket: read(bucket),
      });
      assert.equal(found.length > 0, could, JSON.stringify(found));
    });
  }

  it('says on which conditions it depends', () => {
    const identity = read([allow({ Condition: { StringEquals: { 'aws:PrincipalTag/team': 'ml' } } })]);
    const [way] = allowances(CALLER, WRITE, { identity, boundary: undefined, bucket: [] });
    assert.deepEqual(way?.under, ['aws:principaltag/team']);
  });

  it('finds a resource below a place that a pattern matches, or that there is none', () => {
    const cases: [string, boolean][] = [
      ['*', true],
      ['arn:aws:s3:::acme/*', true],
      ['arn:aws-cn:s3:::acme/models/*', true],
      ['arn:aws:s3:::a?me/models/x', true],
      ['arn:aws:s3:::*/models/*/config.json', true],
      ['arn:aws:s3:::acme/model', false],
      ['arn:aws:s3:::acme', false],
      ['', false],
    ];
    for (const [pattern, expected] of cases)
      assert.equal(witnessBelow(pattern, MODELS) !== undefined, expected, pattern);
    const long = '*a'.repeat(2_000);
    const started = performance.now();
    witnessBelow(long, MODELS);
    assert.ok(performance.now() - started < 1_000, 'a pattern of many stars');
  });
});

describe('policies that are read', () => {
  const unread = [
    '',
    'null',
    '[]',
    '"text"',
    '{"Statement":[{"Effect":"Perhaps","Action":"*"}]}',
    '{"Statement":[{"Effect":"Allow"}]}',
    '{"Statement":[null]}',
    '{"Statement":[{"Effect":"Allow","Action":"*","Condition":[1]}]}',
    '{"Statement":[{"Effect":"Allow","Action":"*","Principal":{"CanonicalUser":"79a5"}}]}',
    '{"Statement":[{"Effect":"Deny","Action":"*","NotPrincipal":{"AWS":"1","aws":"2"}}]}',
    '{"Statement":[{"Effect":"Allow","Action":"*","Principal":"arn:aws:iam::111122223333:root"}]}',
    `{"Statement":[${'{"Effect":"Allow","Action":"*"},'.repeat(600)}{}]}`,
    `{"x":"${'y'.repeat(70_000)}"}`,
    '%7B%ZZ',
    '['.repeat(50_000),
  ];
  for (const text of unread) {
    it(`are not whole where they are ${text.slice(0, 90) || 'empty'}`, () => {
      assert.equal(readPolicy(text).whole, false);
    });
  }

  it('are read plain, percent-encoded, and with one statement without a list', () => {
    const text = '{"Statement":{"Effect":"Allow","Action":["a:b"],"Resource":"*"}}';
    for (const one of [text, encodeURIComponent(text)]) {
      const { whole, statements } = readPolicy(one);
      assert.ok(whole);
      assert.deepEqual(statements[0]?.actions, ['a:b']);
    }
  });
});
