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

const DOUBLE: Rule = {
  rule: 'repo/double-extension',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The name looks like that of a model or a document, and who opens the file starts a program.',
  fix: 'Exclude the file with --exclude, and tell the Hub.',
};

const PROGRAM: Rule = {
  rule: 'repo/program',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'A system that goes by names starts such a file as a program when somebody opens it.',
  fix: 'Exclude the file with --exclude @code, or have a person look at it.',
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
    ...scanPrograms(path),
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

/** Names under which Windows, macOS or a Linux desktop start what they hold. */
const STARTED =
  /\.(?:exe|scr|com|pif|bat|cmd|ps1|psm1|vbs|vbe|jse|wsf|wsh|hta|msi|msp|cpl|lnk|url|scf|reg|inf|desktop|command|workflow|jar|jnlp|appimage|apk|dmg|pkg)$/i;

/** Names of what a program pretends to be: its own extension is hidden by default, or looked over. */
const PRETENDED =
  /\.(?:safetensors|gguf|ggml|onnx|pth?|ckpt|bin|h5|keras|tflite|pkl|npz?|json|ya?ml|txt|md|pdf|png|jpe?g|gif|csv|docx?|zip)\.[a-z0-9]{1,10}$/i;

/** Scripts that are started by name or by hand; elsewhere they are what they are called. */
const SCRIPT = /\.(?:sh|bash|zsh|py|pyw|js|mjs|rb|pl|php|so|dll|dylib)$/i;

function scanPrograms(path: string): Finding[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const started = STARTED.test(name);
  if (PRETENDED.test(name) && (started || SCRIPT.test(name)))
    return [
      finding(DOUBLE, { file: path, message: 'the name has two extensions, and the last is a program’s' }),
    ];
  return started ? [finding(PROGRAM, { file: path, message: 'the name is that of a program' })] : [];
}

/** Letters that are not there to the eye. */
const INVISIBLE = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u2800]/u;

/** A space or a dot behind an extension is not seen, and Windows leaves it out: `model.py ` is `model.py` there. */
const TRAILING = /\.\w{1,12}[\s.]{1,255}$/u;

/** Scripts with letters that look like Latin ones. */
const LIKE_LATIN =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Cherokee}\p{Script=Armenian}\p{Script=Coptic}\p{Script=Lisu}\p{Script=Deseret}]/u;

/** Where these are written, fullwidth digits and letters are ordinary. */
const EAST_ASIAN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u;

/** Other forms of ASCII's letters, digits, dots and slashes: fullwidth, mathematical, one dot leader, fraction slash. */
const OTHER_FORMS =
  /[\uff0e\uff0f\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u2024\u2044\u2215\u29f8\u2102\u210a-\u210e\u2110-\u2113\u2115\u2119-\u211d\u2124\u212a\u212c\u212d\u212f-\u2131\u2133\u2134\u2139\u{1d400}-\u{1d7ff}]/u;

function scanScripts(path: string): Finding[] {
  if (INVISIBLE.test(path))
    return [finding(LOOKALIKE, { file: path, message: 'the name holds characters that cannot be seen' })];
  if (TRAILING.test(path))
    return [finding(LOOKALIKE, { file: path, message: 'the name ends in what cannot be seen' })];
  if (path.split('/').some((part) => OTHER_FORMS.test(part) && !EAST_ASIAN.test(part)))
    return [finding(LOOKALIKE, { file: path, message: 'the name holds other forms of ordinary letters' })];
  const mixed = path.split('/').some((part) => /\p{Script=Latin}/u.test(part) && LIKE_LATIN.test(part));
  return mixed
    ? [finding(LOOKALIKE, { file: path, message: 'the name mixes Latin with letters that look like it' })]
    : [];
}
