/** Calls of loaders that were told to take data only. */
import type { SyntaxNode } from '@lezer/common';
import type { Names } from './python-names.ts';

/** Whether the call of the loader `name` cannot build arbitrary objects: `torch.load(p, weights_only=True)`. */
export function takesDataOnly(name: string, call: SyntaxNode, names: Names): boolean {
  const { positional, keywords } = names.arguments(call);
  const says = (key: string) => {
    const value = keywords.get(key);
    return value === undefined ? undefined : names.text(value);
  };
  if (name === 'torch.load' || name === 'torch.serialization.load') return says('weights_only') === 'True';
  if (name === 'numpy.load') return (says('allow_pickle') ?? 'False') === 'False';
  if (name === 'yaml.load') {
    const loader = says('Loader') ?? (positional[1] ? names.text(positional[1]) : '');
    return /(?:^|\.)C?SafeLoader$/.test(loader);
  }
  return false;
}
