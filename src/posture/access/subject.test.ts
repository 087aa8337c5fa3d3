/** Conditions on the subject of an identity, and whether they keep anybody out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bindsSubject } from './subject.ts';

const OIDC = 'arn:aws:iam::111122223333:oidc-provider/issuer.example';
const SAML = 'arn:aws:iam::111122223333:saml-provider/issuer';
/** A variable of IAM's policies: whoever asks equals himself. */
const ITSELF = '$' + '{issuer.example:sub}';

const like = (values: readonly string[], key = 'issuer.example:sub', operator = 'StringLike') => ({
  conditions: [{ operator, key, values }],
});

describe('a condition on the subject', () => {
  for (const value of [
    'repo:acme/app:ref:refs/heads/main',
    'repo:acme/*',
    'repo:acme/app:*',
    'project_path:acme/app:ref_type:branch:ref:*',
    'organization:acme:project:*',
    'system:serviceaccount:models:*',
    'system:serviceaccount:models:gate',
    '108204268033311374519',
  ])
    it(`binds by ${value}`, () => assert.ok(bindsSubject(like([value]), OIDC)));

  for (const value of [
    '',
    '*',
    '?*',
    '*:*',
    'repo:*',
    'repo:?*',
    'repo:*/app:*',
    'repo:*:ref:refs/heads/main',
    'repo:acme*',
    'project_path:*',
    'system:serviceaccount:*',
    'system:serviceaccount:*:gate',
    'system:*',
    ITSELF,
    `repo:${ITSELF}`,
  ])
    it(`does not bind by ${value || 'nothing'}`, () => {
      assert.ok(!bindsSubject(like([value]), OIDC));
      assert.ok(!bindsSubject(like(['repo:acme/app:*', value]), OIDC), 'beside one that does');
    });

  it('is one on the subject, that must be there', () => {
    assert.ok(!bindsSubject(like([]), OIDC));
    assert.ok(!bindsSubject(like(['sts.amazonaws.com'], 'issuer.example:aud'), OIDC));
    assert.ok(!bindsSubject(like(['repo:acme/app:*'], undefined, 'StringLikeIfExists'), OIDC));
    assert.ok(bindsSubject(like(['https://signin.example/saml'], 'saml:aud', 'StringEquals'), SAML));
    assert.ok(!bindsSubject(like(['https://*'], 'saml:aud'), SAML));
  });
});
