/**
 * Names against content. A file is judged by its content alone; but loaders choose by the name how to read it, so
 * a name that promises another format than the content has means that what was judged is not what will be loaded.
 */
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import { finding, type Rule } from './judgement.ts';
import { scanTemplate } from './template.ts';

const MISMATCH: Rule = {
  rule: 'repo/name-and-content',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'Loaders choose by the name how to read a file: this one would be read as something else than was inspected.',
  fix: 'Exclude the file with --exclude, or ask the publisher to name it for what it is.',
};

const LOOKALIKE: Rule = {
  rule: 'repo/lookalike-name',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'Such a name can look exactly like another one.',
  fix: 'Exclude the file with --exclude, or tell the publisher.',
};

/** What chat servers render, whatever stands in it. */
const TEMPLATE_NAME = /(?:\.jinja2?|\.j2|(?:^|\/)chat_template(?:\.txt)?)$/i;

type Format = Facts['format'];

const PICKLED: readonly Format[] = ['pickle', 'pytorch', 'zip', 'tar', 'compressed'];

/** What a loader expects under a name; what nobody reads (`opaque`) and pointers have findings of their own. */
const EXPECTED: readonly (readonly [RegExp, readonly Format[]])[] = [
  [/\.(?:pt|pth|ckpt|pkl|pickle|joblib|dill)$/i, PICKLED],
  // `.bin` is anybody's; the names that transformers and diffusers unpickle are these.
  [
    /(?:^|\/)(?:pytorch_model|diffusion_pytorch_model|adapter_model|training_args|optimizer|scheduler|model)[\w.-]*\.bin$/i,
    PICKLED,
  ],
  [/\.safetensors$/i, ['safetensors']],
  [/\.gguf$/i, ['gguf']],
  [/\.onnx$/i, ['onnx']],
  [/\.json$/i, ['json']],
  [/\.py$/i, ['python', 'text']],
  [TEMPLATE_NAME, ['template', 'text', 'python']],
  [/\.(?:png|jpe?g|gif|webp)$/i, ['png', 'jpeg', 'gif', 'webp']],
  [/\.pdf$/i, ['pdf']],
];

export function scanNames(files: readonly { readonly path: string; readonly facts: Facts }[]): Finding[] {
  return files.flatMap(({ path, facts }) => [
    ...scanContent(path, facts),
    ...scanRendered(path, facts),
    ...scanScripts(path),
  ]);
}

function scanContent(path: string, facts: Facts): Finding[] {
  if (facts.format === 'opaque' || facts.format === 'lfs-pointer' || facts.sizeBytes === 0) return [];
  const expected = EXPECTED.find(([name]) => name.test(path))?.[1];
  if (expected === undefined) return [];
  if (expected.includes(facts.format) && !isUnreadPython(path, facts)) return [];
  const message = `the name promises ${expected[0]}, the content is ${facts.format}`;
  return [finding(MISMATCH, { file: path, message, subject: facts.format })];
}

/** A `.py` that does not parse as Python was not judged as Python; one of comments only holds nothing. */
function isUnreadPython(path: string, facts: Facts): boolean {
  return /\.py$/i.test(path) && facts.format === 'text' && !facts.onlyComments && !facts.inertPython;
}

/** Prose and Python that quote template syntax are templates where their name has them rendered. */
function scanRendered(path: string, facts: Facts): Finding[] {
  if (!TEMPLATE_NAME.test(path) || (facts.format !== 'text' && facts.format !== 'python')) return [];
  return facts.template === undefined ? [] : scanTemplate(path, facts.template);
}

/** Letters that are not there to the eye. */
const INVISIBLE = /[\p{Cf}\u115f\u1160\u3164\uffa0\u2800]/u;

function scanScripts(path: string): Finding[] {
  if (INVISIBLE.test(path))
    return [finding(LOOKALIKE, { file: path, message: 'the name holds characters that cannot be seen' })];
  const mixed = path
    .split('/')
    .some(
      (part) =>
        /\p{Script=Latin}/u.test(part) &&
        /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Cherokee}]/u.test(part),
    );
  return mixed
    ? [finding(LOOKALIKE, { file: path, message: 'the name mixes Latin with letters that look like it' })]
    : [];
}
