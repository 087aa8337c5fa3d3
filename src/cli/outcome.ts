/** Commands return data; only the edge prints. */

export interface Outcome {
  /** Exit code, as the table in errors.ts defines them. */
  readonly exit: number;
  /** The one JSON document of `--json`. */
  readonly json: unknown;
  /** For people, with a newline at the end. */
  readonly text: string;
}
