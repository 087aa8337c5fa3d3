/**
 * Judging skops files: a node is permitted where its loader makes exactly the classes that skops itself trusts.
 */
import type { Finding } from '../base/finding.ts';
import type { SkopsFacts, SkopsNode } from '../formats/zip/skops.ts';
import { finding, type Rule } from './judgement.ts';
import { dangerOf } from './pickle-dangerous.ts';

const DANGEROUS: Rule = {
  rule: 'skops/dangerous-type',
  severity: 'critical',
  verdict: 'blocked',
  why: 'Loading a skops file calls what its nodes name, and versions that are still in use can be made not to ask.',
  fix: 'Do not load this file; report it to the Hub.',
};

const LYING: Rule = {
  rule: 'skops/lying-node',
  severity: 'critical',
  verdict: 'blocked',
  why: 'The loader of this node makes something else than the class that it shows to whoever reviews the file (CVE-2025-54412, CVE-2025-54413).',
  fix: 'Do not load this file; report it to the Hub.',
};

const UNTRUSTED: Rule = {
  rule: 'skops/untrusted-type',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'skops loads this type only when the caller says so, because what it does is not known.',
  fix: 'Review the type and waive its name, or ask the publisher for a model without it.',
};

const PROTOCOL: Rule = {
  rule: 'skops/protocol',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'What a node does depends on the protocol, and this one is read by loaders that were not reviewed.',
  fix: 'Ask the publisher for a file of a current skops version.',
};

/** Protocols whose loaders the lists below were made from. */
const PROTOCOLS: readonly (number | undefined)[] = [1, 2];

const CLASS = '[A-Z_][A-Za-z0-9_]*';

/** By loader: the full names that skops trusts by default, and nothing beside. */
const TRUSTED: Readonly<Record<string, RegExp>> = {
  DictNode: /^(?:builtins\.dict|collections\.OrderedDict)$/,
  DefaultDictNode: /^collections\.defaultdict$/,
  ListNode: /^builtins\.list$/,
  SetNode: /^builtins\.set$/,
  TupleNode: /^builtins\.tuple$/,
  JsonNode: /^builtins\.(?:str|int|float|bool|NoneType)$/,
  BytesNode: /^builtins\.bytes$/,
  BytearrayNode: /^builtins\.bytearray$/,
  SliceNode: /^builtins\.slice$/,
  CachedNode: /^builtins\.\w+$/,
  NdArrayNode:
    /^numpy\.(?:ndarray|matrix|bool_?|u?int(?:8|16|32|64)|u?intc|float(?:16|32|64)|longdouble|complex(?:64|128)|str_|bytes_|object_|datetime64|timedelta64)$/,
  MaskedArrayNode: /^numpy\.ma(?:\.core)?\.MaskedArray$/,
  DTypeNode: /^numpy\.(?:dtype|dtypes\.\w+DType)$/,
  RandomStateNode: /^numpy\.random\.mtrand\.RandomState$/,
  RandomGeneratorNode: /^numpy\.random\._generator\.Generator$/,
  SparseMatrixNode: /^scipy\.sparse\._?\w+\._?\w+_(?:matrix|array)$/,
  FunctionNode:
    /^(?:numpy\.(?:sqrt|square|log|log2|log10|log1p|exp|exp2|expm1|sin|cos|tan|abs|absolute|add|subtract|multiply|divide|negative|power|reciprocal|mean|median|minimum|maximum|sign)|scipy\.special\._ufuncs\.\w+|scipy\._lib\.array_api_compat\.numpy\._aliases\.asarray)$/,
  TypeNode:
    /^(?:builtins\.(?:str|int|float|bool|bytes|dict|list|tuple|set|NoneType|object|complex)|numpy\.(?:bool_?|u?int(?:8|16|32|64)|float(?:16|32|64)|str_|object_))$/,
  LossNode: /^sklearn\.(?:linear_model\._sgd_fast|_loss\.loss|_loss\._loss|ensemble\._gb_losses)\.[A-Z]\w*$/,
  // skops asks before it loads trees, whose indices are not checked; so are they in pickles, which permit them too.
  TreeNode: /^sklearn\.tree\._tree\.Tree$/,
  ObjectNode: new RegExp(
    `^(?:sklearn\\.(?!externals\\.)(?:[a-z_][a-z0-9_]*\\.)+${CLASS}|scipy\\.interpolate\\._bsplines\\.BSpline)$`,
  ),
};

/** Loaders that make something of a class that the node does not show, or call it. */
const BORROWING = new Set(['MethodNode', 'OperatorFuncNode', 'PartialNode']);

/** Findings kept of one file. */
const FINDINGS_MAX = 50;

export function scanSkops(file: string, { protocol, nodes }: SkopsFacts, member?: string): Finding[] {
  const findings = nodes.flatMap((node) => scanNode(file, node, member));
  if (!PROTOCOLS.includes(protocol))
    findings.push(finding(PROTOCOL, { file, member, message: `the file is of skops protocol ${protocol}` }));
  return findings.slice(0, FINDINGS_MAX);
}

function scanNode(file: string, { loader, module, name }: SkopsNode, member?: string): Finding[] {
  const subject = `${module}.${name}`;
  if (TRUSTED[loader]?.test(subject) === true) return [];
  const getter = loader === 'OperatorFuncNode' && /^operator\.(?:itemgetter|attrgetter)$/.test(subject);
  const danger = getter ? undefined : dangerOf(module, name);
  if (danger !== undefined)
    return [
      finding(DANGEROUS, { file, member, subject, message: `a ${loader} names ${subject}, which ${danger}` }),
    ];
  // `getattr(operator, name)` whatever the module says, and calls with text from the file.
  if (loader === 'OperatorFuncNode' && module !== 'operator')
    return [finding(LYING, { file, member, subject, message: `an OperatorFuncNode shows ${subject}` })];
  const borrows = BORROWING.has(loader) ? ' and calls or takes apart what it holds' : '';
  return [finding(UNTRUSTED, { file, member, subject, message: `a ${loader} makes ${subject}${borrows}` })];
}
