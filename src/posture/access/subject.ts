/** Whether a role that an identity provider vouches for is for somebody in particular. */
import type { ReadStatement } from './statement.ts';

/** Providers of identities serve many customers: which of their identities is meant, only a condition says. */
export function bindsSubject({ conditions }: Pick<ReadStatement, 'conditions'>, provider: string): boolean {
  const keys = provider.includes(':saml-provider/')
    ? ['saml:sub', 'saml:namequalifier', 'saml:iss', 'saml:aud']
    : [];
  return conditions.some(
    ({ operator, key, values }) =>
      /^(ForAnyValue:)?String(Equals|EqualsIgnoreCase|Like)$/.test(operator) &&
      (key.endsWith(':sub') || keys.includes(key)) &&
      values.length > 0 &&
      values.every(isBound),
  );
}

/**
 * What stands before the first wildcard must hold a whole name, and not only the label in front of it: anybody has a
 * repository that `repo:*` matches, or founds an organisation that `repo:acme*` does.
 */
function isBound(value: string): boolean {
  const fixed = value.slice(0, value.search(/[*?]|\$\{|$/));
  if (fixed === value) return /[^:]/.test(value);
  const named = fixed.replace(/^(?:system:)?(?:[a-z_]+:)?/, '');
  return /^\/*[^/:]+[/:]/.test(named);
}
