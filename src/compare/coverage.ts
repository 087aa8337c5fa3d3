/** Files by what a scan says of them. */
export interface Coverage {
  readonly safe: number;
  readonly against: number;
  readonly unknown: number;
}
