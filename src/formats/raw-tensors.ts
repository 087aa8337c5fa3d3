/**
 * Files of nothing but the bytes of tensors, without a head: they are what another file says of them. No parser makes
 * these facts, since content alone cannot tell; they are made where the file that describes them is at hand.
 */
import type { BaseFacts } from './parse.ts';

export const RAW_TENSORS_PARSER = 'raw-tensors/1';

export interface RawTensorsFacts extends BaseFacts {
  readonly format: 'raw-tensors';
  /** The file that says where which tensor lies. */
  readonly describedBy: string;
  readonly tensors: number;
}
