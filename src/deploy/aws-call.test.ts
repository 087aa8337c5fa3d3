import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, WeighlockError } from '../base/errors.ts';
import { call } from './aws-call.ts';

/** An error as the SDK throws it: with a status where AWS answered. */
function answered(name: string, message: string, status?: number): Error {
  const error = Object.assign(new Error(message), { name });
  return status === undefined ? error : Object.assign(error, { $metadata: { httpStatusCode: status } });
}

describe('what a refusal by AWS means', () => {
  const cases: readonly (readonly [Error, ErrorCode, RegExp])[] = [
    [
      answered(
        'AccessDeniedException',
        'User: arn:aws:iam::1:user/x is not authorized to perform: iam:PassRole on resource: r',
        400,
      ),
      'WL_DEPLOY_DENIED',
      /the call sagemaker:CreateModel was refused, for lack of the permission iam:PassRole/,
    ],
    [
      answered('AccessDenied', 'no', 403),
      'WL_DEPLOY_DENIED',
      /for lack of the permission sagemaker:CreateModel/,
    ],
    [
      answered('ExpiredTokenException', 'expired', 400),
      'WL_DEPLOY_DENIED',
      /does not know these credentials/,
    ],
    [
      answered('UnrecognizedClientException', 'who', 400),
      'WL_DEPLOY_DENIED',
      /does not know these credentials/,
    ],
    [answered('ResourceLimitExceeded', 'limit is 0', 400), 'WL_DEPLOY_UNAVAILABLE', /a quota of the account/],
    [
      answered(
        'ValidationException',
        'The instance type ml.p5.48xlarge is not available in this region',
        400,
      ),
      'WL_DEPLOY_UNAVAILABLE',
      /the region does not have this instance/,
    ],
    [answered('InternalFailure', 'oops', 500), 'WL_DEPLOY_UNAVAILABLE', /kept failing/],
    [answered('ThrottlingException', 'slow down', 400), 'WL_DEPLOY_UNAVAILABLE', /kept failing/],
    [
      answered('ValidationException', 'bad', 400),
      'WL_DEPLOY_FAILED',
      /AWS refused sagemaker:CreateModel, ValidationException: bad/,
    ],
    [
      answered('CredentialsProviderError', 'none found'),
      'WL_DEPLOY_DENIED',
      /no credentials for sagemaker:CreateModel/,
    ],
    [answered('TypeError', 'connect ECONNREFUSED'), 'WL_DEPLOY_UNAVAILABLE', /did not answer/],
  ];
  for (const [error, code, said] of cases) {
    it(`is ${code} for ${error.name}: ${error.message.slice(0, 40)}`, async () => {
      await assert.rejects(call('sagemaker:CreateModel', Promise.reject(error)), (thrown) => {
        assert.ok(thrown instanceof WeighlockError);
        assert.equal(thrown.code, code);
        assert.match(thrown.message, said);
        assert.equal(thrown.cause, error);
        return true;
      });
    });
  }

  it('repeats no more than a bound of what was said, and no control characters', async () => {
    const long = answered('ValidationException', `\u001b[31m${'x'.repeat(1_000_000)}`, 400);
    await assert.rejects(call('a:B', Promise.reject(long)), (thrown) => {
      assert.ok(thrown instanceof WeighlockError);
      assert.ok(thrown.message.length < 1200);
      assert.doesNotMatch(thrown.message, /\u001b/);
      return true;
    });
  });
});
