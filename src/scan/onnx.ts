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
  why: 'A loader that follows it reads files of the machine (CVE-2022-25882, CVE-2024-27318, CVE-2025-51480, CVE-2026-34447).',
  fix: 'Do not admit it; report it to the Hub.',
};

const KEYS: Rule = {
  rule: 'onnx/external-keys',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'Readers set what stands here on their own objects, whatever its name is (CVE-2026-34445).',
  fix: 'Ask the publisher to write the model again with the official tools.',
};

const REMOTE: Rule = {
  rule: 'onnx/remote-operators',
  severity: 'critical',
  verdict: 'blocked',
  why: 'The operator sends its input to another host, which the file names.',
  fix: 'Do not admit it; ask the publisher for a model that computes by itself.',
};

const COMPILED: Rule = {
  rule: 'onnx/compiled-context',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The operator holds code that was compiled for an accelerator, or the path of a file with it.',
  fix: 'Ask the publisher for the model that it was compiled from.',
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

/** Of ONNX Runtime Extensions: they call services over the network. */
const REMOTE_OPERATORS = /^(?:Azure|OpenAI)[A-Z]|^TritonInvoker$/;

/** Of ONNX Runtime: what an execution provider compiled, inside or in a file beside. */
const COMPILED_OPERATORS = /^EPContext$/;

export function scanOnnx(file: string, facts: OnnxFacts): Finding[] {
  const findings: Finding[] = [];
  const used = (names: RegExp) =>
    facts.operators.filter(({ name }) => names.test(name)).map(({ name }) => name);
  const [remote, compiled] = [used(REMOTE_OPERATORS), used(COMPILED_OPERATORS)];
  if (remote.length > 0)
    findings.push(
      finding(REMOTE, { file, subject: remote[0], message: `the model uses ${some(remote.map(quoted))}` }),
    );
  if (compiled.length > 0)
    findings.push(
      finding(COMPILED, {
        file,
        subject: compiled[0],
        message: `the model uses ${some(compiled.map(quoted))}`,
      }),
    );
  if (facts.externalKeys.length > 0) {
    const message = `external data has the keys ${some(facts.externalKeys.map(quoted))}`;
    findings.push(finding(KEYS, { file, subject: facts.externalKeys[0], message }));
  }
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

/** A relative path without detours, and no address of another host. */
export function staysInside(path: string): boolean {
  if (path === '' || /^(?:[/\\]|[A-Za-z][A-Za-z0-9+.-]*:)|\\|\0/.test(path)) return false;
  return path.split('/').every((part) => part !== '..');
}
