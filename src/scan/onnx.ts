/**
 * ONNX: operators from domains that no runtime brings, and data that lies outside the model.
 */
import type { Finding } from '../base/finding.ts';
import type { OnnxFacts } from '../formats/onnx.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';

const CUSTOM: Rule = {
  rule: 'onnx/custom-operators',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A runtime can run them only with a native library that is not part of the model.',
  fix: 'Find out which library it needs and whether you trust that one.',
};

const OUTSIDE: Rule = {
  rule: 'onnx/external-path',
  severity: 'critical',
  verdict: 'blocked',
  why: 'A loader that follows it reads files of the machine (CVE-2022-25882, CVE-2024-27318).',
  fix: 'Do not admit it; report it to the Hub.',
};

/** Domains that ONNX, ONNX Runtime and the common converters define. */
const KNOWN_DOMAINS: ReadonlySet<string> = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'ai.onnx.preview',
  'com.microsoft',
  'com.microsoft.experimental',
  'com.microsoft.nchwc',
  'com.ms.internal.nhwc',
  'ai.onnx.contrib',
  'com.microsoft.extensions',
  'org.pytorch.aten',
  'pkg.onnxscript.torch_lib',
  'pkg.onnxscript.torch_lib.common',
]);

/** Operators of known domains that call back into Python: what they do does not stand in the file. */
const PYTHON_OPERATORS = /^Py(?:Op|thonOp|CustomOp|Func)/;

export function scanOnnx(file: string, facts: OnnxFacts): Finding[] {
  const findings: Finding[] = [];
  const own = new Set(facts.functions);
  const custom = facts.operators.filter(
    ({ domain, name }) =>
      PYTHON_OPERATORS.test(name) || (!KNOWN_DOMAINS.has(domain) && !own.has(`${domain}.${name}`)),
  );
  if (custom.length > 0) {
    const names = custom.map(({ domain, name }) => quoted(`${domain}.${name}`));
    findings.push(
      finding(CUSTOM, {
        file,
        subject: custom[0]?.domain,
        message: `operators of unknown origin: ${some(names)}`,
      }),
    );
  }
  const outside = facts.externalFiles.filter((path) => !staysInside(path));
  if (outside.length > 0)
    findings.push(
      finding(OUTSIDE, { file, subject: outside[0], message: `tensor data at ${some(outside.map(quoted))}` }),
    );
  return findings;
}

/** A relative path without detours. */
export function staysInside(path: string): boolean {
  if (path === '' || /^(?:[/\\]|[A-Za-z]:)|\\|\0/.test(path)) return false;
  return path.split('/').every((part) => part !== '..');
}
