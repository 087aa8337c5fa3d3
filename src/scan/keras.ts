/**
 * Keras configurations: what Keras would look up and call. Clean is what lies in Keras' own modules of building
 * blocks and is named like a class; functions only by the names that Keras itself has. Old versions import any module
 * that is named and call whatever they find in it, so everything else is not clean.
 */
import type { Finding } from '../base/finding.ts';
import { type KerasObject, NESTED } from '../formats/keras.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { KERAS_CLASSES, KERAS_FUNCTIONS, KERAS_MARKERS } from './keras-names.ts';

const BYTECODE: Rule = {
  rule: 'keras/bytecode',
  severity: 'critical',
  verdict: 'blocked',
  why: 'Python bytecode in the configuration runs when the model is used; safe mode is off by default in old versions, and does not hold for HDF5 (CVE-2024-3660, CVE-2025-9905).',
  fix: 'Ask the publisher for a model without Lambda layers.',
};

const LAMBDA: Rule = {
  ...BYTECODE,
  rule: 'keras/lambda',
  verdict: 'inconclusive',
  why: 'A Lambda layer calls a function that does not stand in the file, or its bytecode.',
};

const DANGEROUS: Rule = {
  rule: 'keras/dangerous-name',
  severity: 'critical',
  verdict: 'blocked',
  why: 'Keras looks the name up and calls it with arguments from the same file (CVE-2025-1550, CVE-2025-8747, CVE-2025-9906).',
  fix: 'Do not admit it; report it to the Hub.',
};

const CUSTOM: Rule = {
  rule: 'keras/custom-object',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'Keras has no such class or function: it is code from somewhere else, which old versions import by its name.',
  fix: 'Find out which package it comes from and whether you trust that one.',
};

const FOREIGN_MODEL: Rule = {
  rule: 'keras/wrapped-model',
  severity: 'critical',
  verdict: 'inconclusive',
  why: 'The layer loads a model of another kind: a pickle in the configuration (CVE-2025-49655), or a SavedModel from a path (CVE-2026-1462).',
  fix: 'Ask the publisher for a model of Keras layers only.',
};

const OUTSIDE: Rule = {
  rule: 'keras/vocabulary-path',
  severity: 'critical',
  verdict: 'blocked',
  why: 'The layer reads its vocabulary from a file of the machine or from the network when it is loaded (CVE-2025-12058).',
  fix: 'Do not admit it; report it to the Hub.',
};

/** Modules that Keras exports building blocks from, and where their code lies. `ops` are operations of a graph. */
const OWN_MODULES =
  /^keras(?:\.(?:layers|optimizers|losses|metrics|initializers|regularizers|constraints|activations|dtype_policies|models|random|quantizers)(?:\.(?:legacy|schedules|experimental))?)?$|^(?:tf_)?keras\.(?:src\.)?(?:engine|models|layers|ops|optimizers|losses|metrics|initializers|regularizers|constraints|activations|dtype_policies|mixed_precision|random|quantizers|trainers)\.[a-z0-9_.]{1,200}$/;

/** Layers that hold or load something that is no layer. */
const WRAPPERS: ReadonlySet<string> = new Set(['TFSMLayer', 'TorchModuleWrapper', 'FlaxLayer', 'JaxLayer']);

/** TensorFlow functions of old functional models, by the part of the API in which nothing reads, writes or calls. */
const TENSOR_FUNCTIONS =
  /^(?:(?:tf\.)?(?:__operators__|math|nn|linalg|image|signal|sparse|ragged|random|bitwise|keras\.backend|compat\.v1\.(?:math|nn|image|shape|transpose|gather))\.[a-z0-9_.]+|abs|add|argmax|argmin|boolean_mask|broadcast_to|cast|clip_by_value|concat|constant|convert_to_tensor|cos|cumsum|divide|einsum|expand_dims|eye|exp|fill|gather|gather_nd|identity|matmul|maximum|minimum|multiply|norm|one_hot|ones|ones_like|pad|pow|range|rank|repeat|reshape|reverse|roll|round|shape|sigmoid|sign|sin|slice|split|sqrt|square|squeeze|stack|strided_slice|subtract|tanh|tensordot|tile|transpose|truediv|unstack|where|zeros|zeros_like|reduce_[a-z]+)$/;

/** Packages in which a call does something to the machine, and Keras' own functions that read, load or switch. */
const NEVER =
  /^(?:os|posix|nt|sys|subprocess|builtins|__builtin__|shutil|importlib|runpy|pty|ctypes|socket|pickle|marshal|operator|functools|code|types|pip|urllib|requests|http|webbrowser|tempfile|pathlib|io|platform|multiprocessing|threading|asyncio|inspect|gc|cProfile|timeit|pdb|joblib|dill|cloudpickle)(?:\.|$)|^keras\.(?:src\.)?(?:utils|saving|config|export|callbacks|backend|tree|visualization|wrappers|legacy\.saving)(?:\.|$)/;

const CLASS = /^[A-Z][A-Za-z0-9]{0,80}$/;

export function scanKeras(file: string, objects: readonly KerasObject[]): Finding[] {
  const found = new Map<Rule, KerasObject[]>();
  for (const object of objects) {
    const rule = judge(object);
    if (rule !== undefined) found.set(rule, [...(found.get(rule) ?? []), object]);
  }
  return [...found].map(([rule, all]) =>
    finding(rule, { file, subject: nameOf(all[0]), message: some(all.map(describe), 3) }),
  );
}

function judge(object: KerasObject): Rule | undefined {
  const { className, module, functionName, settings } = object;
  if (className === '__lambda__' || settings.function_type === 'lambda') return BYTECODE;
  if (WRAPPERS.has(className)) return FOREIGN_MODEL;
  if (module !== undefined && NEVER.test(module)) {
    // Keras writes its own functions as belonging to `builtins`, and finds them by their name.
    const own = module === 'builtins' && className === 'function' && KERAS_FUNCTIONS.has(functionName ?? '');
    return own ? undefined : DANGEROUS;
  }
  if (className === 'Lambda') return LAMBDA;
  if (className === 'function') return judgeFunction(object);
  if (pathOf(settings) !== undefined) return OUTSIDE;
  if (KERAS_MARKERS.has(className)) return undefined;
  if (className === 'TFOpLambda' || className === 'SlicingOpLambda')
    return TENSOR_FUNCTIONS.test(settings.function ?? '') ? undefined : DANGEROUS;
  return isOwnClass(object) ? undefined : custom(object);
}

/** The rule for a class that is only named, as in YAML: what it is given is not read there. */
export function judgeClassName(className: string): Rule | undefined {
  if (WRAPPERS.has(className)) return FOREIGN_MODEL;
  return /^(?:Lambda|__lambda__|TFOpLambda|SlicingOpLambda)$/.test(className) ? LAMBDA : undefined;
}

function judgeFunction({ module, functionName = '' }: KerasObject): Rule | undefined {
  if (KERAS_FUNCTIONS.has(functionName) && (module === undefined || OWN_MODULES.test(module)))
    return undefined;
  return module !== undefined && OWN_MODULES.test(module) ? DANGEROUS : CUSTOM;
}

function isOwnClass({ className, module, registeredName }: KerasObject): boolean {
  if (registeredName?.includes('>') && !registeredName.startsWith('keras>')) return false;
  if (module === undefined) return KERAS_CLASSES.has(className);
  return CLASS.test(className) && OWN_MODULES.test(module);
}

/** A name of Keras' modules that is no class is a function, which is called: `keras.models.load_model`. */
function custom({ className, module }: KerasObject): Rule {
  const isFunction = !CLASS.test(className) && module !== undefined && OWN_MODULES.test(module);
  return isFunction ? DANGEROUS : CUSTOM;
}

/** A vocabulary that is text and no list is the path or URL of a file. */
function pathOf(settings: KerasObject['settings']): string | undefined {
  const path = settings.vocabulary ?? settings.vocabulary_file;
  return path === undefined || path === '' || path === NESTED ? undefined : path;
}

function describe(object: KerasObject): string {
  const path = pathOf(object.settings);
  const reads = path === undefined ? '' : ` with the file ${quoted(path)}`;
  return `${object.path === '' ? 'the configuration' : object.path} names ${quoted(nameOf(object))}${reads}`;
}

function nameOf(object: KerasObject | undefined): string {
  if (object === undefined) return '';
  const { className, module, functionName } = object;
  const name = className === 'function' ? (functionName ?? className) : className;
  return module === undefined ? name : `${module}.${name}`;
}
