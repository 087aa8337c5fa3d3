/**
 * Names of AWS KMS keys, apart from the client that uses them: the configuration reads names, and most commands need
 * no client.
 */
import { WeighlockError } from '../base/errors.ts';

/** A key, or an alias that points to one, in its region. */
export interface KmsArn {
  readonly arn: string;
  readonly region: string;
}

/** `arn:<partition>:kms:<region>:<account>:key/<id>` or `…:alias/<name>`. Ids of multi-region keys begin with `mrk-`. */
const KEY_ARN =
  /^arn:aws(?:-[a-z]{1,8}){0,3}:kms:(?<region>[a-z]{2,3}(?:-[a-z]{1,16}){1,3}-\d{1,2}):\d{12}:(?:key\/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})|alias\/[A-Za-z0-9/_-]{1,250})$/;

/** Whether a setting means a KMS key rather than a file. */
export function isArn(text: string): boolean {
  return text.startsWith('arn:');
}

/** Throws WL_CONFIG_INVALID if the text is not the ARN of a KMS key or alias. */
export function parseKmsArn(text: string): KmsArn {
  const region = KEY_ARN.exec(text)?.groups?.region;
  if (region !== undefined) return { arn: text, region };
  throw new WeighlockError('WL_CONFIG_INVALID', `"${text}" is not the ARN of a KMS key`, {
    hint: 'A key is named arn:aws:kms:<region>:<account>:key/<id> or arn:aws:kms:<region>:<account>:alias/<name>.',
  });
}
