/** Why a file cannot be converted, as the end of a sentence that begins with its name. */
export class Unconvertible extends Error {
  override readonly name = 'Unconvertible';
}
