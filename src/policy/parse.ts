/** Policy files: YAML of a fixed shape, whose expressions are checked before any model is judged by them. */
import { parse as parseExpression } from '@bufbuild/cel';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { WeighlockError } from '../base/errors.ts';
import { FACT_NAMES } from './input.ts';

export interface ParsedRule {
  readonly name: string;
  readonly outcome: 'refuse' | 'hold';
  readonly because: string;
  /** Of a rule that holds: how many people must approve; one unless the policy says more. */
  readonly approvals: number;
  /** The expression as written. */
  readonly source: string;
  readonly expression: ReturnType<typeof parseExpression>;
  /** Line in the file, from 1. */
  readonly line: number;
}

/** Longest policy file, most rules, longest expression: a policy is read by people. */
const POLICY_BYTES_MAX = 1 << 20;
const RULES_MAX = 1000;
const EXPRESSION_BYTES_MAX = 16_384;

/** People that one rule can ask for. */
const APPROVALS_MAX = 5;

const text = z.string().min(1);
const ruleSchema = z.union([
  z.strictObject({ name: text, refuse: text, because: text }),
  z.strictObject({
    name: text,
    hold: text,
    because: text,
    approvals: z.int().min(1).max(APPROVALS_MAX).optional(),
  }),
]);
const fileSchema = z.strictObject({ version: z.literal(1), rules: z.array(z.unknown()).max(RULES_MAX) });

type Expr = NonNullable<ReturnType<typeof parseExpression>['expr']> | undefined;

/** The rules of a policy file. Throws WL_POLICY_INVALID with the line and what was expected there. */
export function parsePolicy(source: string, file: string): ParsedRule[] {
  if (Buffer.byteLength(source) > POLICY_BYTES_MAX)
    throw invalid(file, 1, `is longer than ${POLICY_BYTES_MAX} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(quoteNegations(source), { lineCounter: lines });
  const lineOf = (path: readonly (string | number)[]): number => {
    const node = document.getIn(path, true);
    return isNode(node) && node.range ? lines.linePos(node.range[0]).line : 1;
  };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw invalid(file, problem.linePos?.[0].line ?? 1, problem.message.split('\n', 1)[0] ?? '');
  const top = fileSchema.safeParse(withoutAliases(document, file));
  if (!top.success) {
    const issue = top.error.issues[0];
    throw invalid(
      file,
      lineOf((issue?.path ?? []) as string[]),
      `expected "version: 1" and a list "rules": ${issue?.message}`,
    );
  }
  const names = new Set<string>();
  return top.data.rules.map((rule, i) => {
    const at = { file, line: lineOf(['rules', i]) };
    const parsed = parseRule(rule, at, (key) => lineOf(['rules', i, key]));
    if (names.has(parsed.name)) throw invalid(file, at.line, `a second rule is called "${parsed.name}"`);
    names.add(parsed.name);
    return parsed;
  });
}

/** The plain value. Aliases are refused: a policy that people review says each thing where it stands. */
function withoutAliases(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof ReferenceError) throw invalid(file, 1, 'YAML aliases (*name) are not allowed here');
    throw error;
  }
}

/** YAML takes a leading `!` for a tag; in a rule it is CEL's "not". */
function quoteNegations(source: string): string {
  return source.replace(
    /^([ \t]*(?:-[ \t]+)?(?:refuse|hold):[ \t]+)(![^\n\r]*?)[ \t]*(\r?)$/gm,
    (_, key: string, expression: string, cr: string) => `${key}'${expression.replaceAll("'", "''")}'${cr}`,
  );
}

function parseRule(
  value: unknown,
  at: { readonly file: string; readonly line: number },
  lineOf: (key: string) => number,
): ParsedRule {
  const parsed = ruleSchema.safeParse(value);
  if (!parsed.success) {
    throw invalid(
      at.file,
      at.line,
      'a rule has exactly "name", "because", and one of "refuse" or "hold", all text; one that holds may have "approvals", from 1 to 5',
    );
  }
  const rule = parsed.data;
  const outcome = 'refuse' in rule ? 'refuse' : 'hold';
  const source = 'refuse' in rule ? rule.refuse : rule.hold;
  const line = lineOf(outcome);
  if (rule.name.startsWith('floor/'))
    throw invalid(at.file, at.line, 'names that start with "floor/" are the safety floor’s');
  if (Buffer.byteLength(source) > EXPRESSION_BYTES_MAX)
    throw invalid(at.file, line, 'the expression is too long');
  let expression: ParsedRule['expression'];
  try {
    expression = parseExpression(source);
  } catch (error) {
    throw invalid(
      at.file,
      line,
      `the expression of "${rule.name}" does not parse: ${error instanceof Error ? error.message : error}`,
    );
  }
  const unknown = unknownName(expression.expr, new Map());
  if (unknown) throw invalid(at.file, line, `the expression of "${rule.name}" uses ${unknown}`);
  const approvals = 'hold' in rule ? (rule.approvals ?? 1) : 1;
  return { name: rule.name, outcome, because: rule.because, approvals, source, expression, line };
}

/** What an identifier stands for: one of the top names, an element of a list of them, or something unchecked. */
type Meaning = { readonly fields?: readonly string[]; readonly items?: readonly string[] };

const TOP: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['files', { items: FACT_NAMES.files }],
  ['findings', { items: FACT_NAMES.findings }],
  ['evidence', { items: FACT_NAMES.evidence }],
  ...(['repo', 'source', 'publisher', 'hub', 'signature'] as const).map(
    (name) => [name, { fields: FACT_NAMES[name] }] as const,
  ),
]);

/** A description of the first name in the expression that no fact has, or undefined. */
function unknownName(expr: Expr, bound: ReadonlyMap<string, Meaning>): string | undefined {
  const kind = expr?.exprKind;
  switch (kind?.case) {
    case 'identExpr':
      if (bound.has(kind.value.name) || TOP.has(kind.value.name) || TYPE_NAMES.has(kind.value.name))
        return undefined;
      return `"${kind.value.name}", which is not known; there are ${[...TOP.keys()].join(', ')}`;
    case 'selectExpr': {
      const fields = meaning(kind.value.operand, bound).fields;
      if (fields && !fields.includes(kind.value.field))
        return `".${kind.value.field}", and there are only ${fields.join(', ')}`;
      return unknownName(kind.value.operand, bound);
    }
    case 'callExpr':
      return first([kind.value.target, ...kind.value.args], bound);
    case 'listExpr':
      return first(kind.value.elements, bound);
    case 'structExpr':
      return first(
        kind.value.entries.map((entry) => entry.value),
        bound,
      );
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result, iterVar, iterVar2, accuVar } = kind.value;
      const items = meaning(iterRange, bound).items;
      const inner = new Map(bound)
        .set(accuVar, {})
        .set(iterVar, items ? { fields: items } : {})
        .set(iterVar2, {});
      return first([iterRange, accuInit], bound) ?? first([loopCondition, loopStep, result], inner);
    }
    default:
      return undefined;
  }
}

/** CEL's names of types, which expressions may compare with `type()`. */
const TYPE_NAMES = new Set([
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'list',
  'map',
  'null_type',
  'type',
]);

function meaning(expr: Expr, bound: ReadonlyMap<string, Meaning>): Meaning {
  if (expr?.exprKind.case !== 'identExpr') return {};
  const { name } = expr.exprKind.value;
  return bound.get(name) ?? TOP.get(name) ?? {};
}

function first(exprs: readonly Expr[], bound: ReadonlyMap<string, Meaning>): string | undefined {
  for (const expr of exprs) {
    const unknown = expr && unknownName(expr, bound);
    if (unknown) return unknown;
  }
  return undefined;
}

function invalid(file: string, line: number, why: string): WeighlockError {
  return new WeighlockError('WL_POLICY_INVALID', `${file}, line ${line}: ${why}`);
}
