/**
 * What a pickle may do: operations on globals, in tiers. A row permits exactly the operations that it names, on
 * arguments of exactly the shapes that it names; everything else that a pickle does is not permitted.
 *
 * Sources: `torch/_weights_only_unpickler.py` for the first tier; the `__reduce__` of the classes for the rest.
 */
import type { PickleGlobal } from '../formats/pickle/facts.ts';
import { storageItemBytes } from '../formats/pickle/storage.ts';

/** Tiers of what is permitted, from the narrowest. */
export type AllowedTier = 'weights-only' | 'training-state' | 'known-classes';

/**
 * `import` the name alone · `pass` it on to whatever may call it · `call` it (REDUCE) · make
 * an instance with `new`, without its `__init__` (NEWOBJ) · `build` and `fill` what a call or `new` made.
 */
type Permission = 'import' | 'pass' | 'call' | 'new' | 'build' | 'fill';

interface Row {
  readonly tier: AllowedTier;
  /** A module, or everything below one where it ends with a dot. */
  readonly module: string;
  /** Names separated by spaces, or a pattern. */
  readonly names: string | RegExp;
  readonly may: readonly Permission[];
  /** Shapes of the arguments that `call` may have; without it any. */
  readonly shapes?: RegExp;
}

const CLASS_NAME = /^_?[A-Z][A-Za-z0-9_]*$/;
const CYTHON_UNPICKLER = /^__pyx_unpickle_[A-Z][A-Za-z0-9_]*$/;
const CALL: readonly Permission[] = ['import', 'pass', 'call'];
const INSTANCE: readonly Permission[] = ['import', 'pass', 'new', 'build', 'fill'];
const CALLED_INSTANCE: readonly Permission[] = ['import', 'pass', 'call', 'new', 'build', 'fill'];

const NAME: readonly Permission[] = ['import', 'pass'];
const CALLED: readonly Permission[] = ['import', 'pass', 'call', 'build'];

const DTYPES =
  'float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool ' +
  'complex32 complex64 complex128 qint8 quint8 qint32 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 ' +
  'float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 strided sparse_coo sparse_csr ' +
  'per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric channels_last contiguous_format';

const TENSOR_TYPE = /^(?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Tensor$/;

const WEIGHTS_ONLY: readonly Omit<Row, 'tier'>[] = [
  { module: 'collections', names: 'OrderedDict', may: CALLED_INSTANCE, shapes: /^\((list)?\)$/ },
  { module: 'collections', names: 'Counter', may: CALLED_INSTANCE, shapes: /^\((dict)?\)$/ },
  {
    module: 'collections',
    names: 'defaultdict',
    may: CALLED_INSTANCE,
    shapes: /^\(((global|none)(, dict)?)?\)$/,
  },
  { module: 'torch', names: DTYPES, may: NAME },
  {
    module: 'torch',
    names: 'Size device',
    may: CALL,
    shapes: /^\((str|str, int|list|tuple|\([int, ]*\))\)$/,
  },
  { module: 'torch', names: 'Tensor', may: INSTANCE },
  { module: 'torch.nn.parameter', names: 'Parameter Buffer', may: INSTANCE },
  { module: 'torch.nn', names: 'Parameter', may: INSTANCE },
  { module: 'torch', names: 'Generator', may: NAME },
  // Types that PyTorch's tar format names beside its raw tensors.
  { module: 'torch', names: TENSOR_TYPE, may: NAME },
  { module: 'torch.cuda', names: TENSOR_TYPE, may: NAME },
  {
    module: 'torch._utils',
    names:
      '_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter ' +
      '_rebuild_qtensor _rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_nested_tensor ' +
      '_rebuild_meta_tensor_no_storage _rebuild_wrapper_subclass _rebuild_device_tensor_from_numpy ' +
      '_rebuild_device_tensor_from_cpu_tensor _rebuild_xla_tensor',
    may: CALLED,
  },
  {
    module: 'torch._tensor',
    names: '_rebuild_from_type_v2',
    may: CALLED,
    shapes: /^\(torch\._utils\._rebuild_\w+, global, (tuple|\([^()]*\)), dict\)$/,
  },
  // The attacker's move: a state of two parts, whose second sets attributes one by one, `__class__` among them.
  {
    module: 'torch._utils',
    names: '_rebuild_parameter_with_state',
    may: CALLED,
    shapes: /^\(\w+, bool, \w+, dict\)$/,
  },
  { module: 'torch.serialization', names: '_get_layout', may: CALL, shapes: /^\(str\)$/ },
  { module: '_codecs', names: 'encode', may: CALL, shapes: /^\(str, "latin-?1"\)$/ },
  { module: 'builtins', names: 'bytearray', may: CALL, shapes: /^\((bytes|result)?\)$|^\(str, str\)$/ },
  { module: 'builtins', names: 'bytes', may: CALL, shapes: /^\((list)?\)$/ },
  { module: 'builtins', names: 'set frozenset', may: CALL, shapes: /^\((list|tuple|\(.*\))?\)$/ },
  { module: 'numpy', names: 'ndarray', may: NAME },
  {
    module: 'ml_dtypes',
    names: 'bfloat16 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e4m3b11fnuz int4 uint4',
    may: NAME,
  },
  {
    module: 'numpy',
    names: 'dtype',
    may: CALLED,
    shapes: /^\((str|bytes|global)(, (int|bool), (int|bool))?\)$/,
  },
  {
    module: 'numpy.core.multiarray',
    names: '_reconstruct',
    may: CALLED,
    shapes: /^\(global, \([int, ]*\), \w+\)$/,
  },
  {
    module: 'numpy._core.multiarray',
    names: '_reconstruct',
    may: CALLED,
    shapes: /^\(global, \([int, ]*\), \w+\)$/,
  },
  { module: 'numpy.core.multiarray', names: 'scalar', may: CALL, shapes: /^\(result, \w+\)$/ },
  { module: 'numpy._core.multiarray', names: 'scalar', may: CALL, shapes: /^\(result, \w+\)$/ },
  { module: 'numpy.core.numeric', names: '_frombuffer', may: CALL },
  { module: 'numpy._core.numeric', names: '_frombuffer', may: CALL },
  // What TorchScript's writer puts into its pickles, and Python's loader never calls.
  {
    module: 'torch.jit._pickle',
    names:
      'build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id restore_type_tag',
    may: CALL,
  },
  // The bytes were followed as a pickle of their own, and are judged with this one.
  { module: 'torch.storage', names: '_load_from_bytes', may: ['import', 'call'], shapes: /^\(pickle\)$/ },
];

const TRAINING_STATE: readonly Omit<Row, 'tier'>[] = [
  { module: 'transformers.training_args', names: 'TrainingArguments', may: INSTANCE },
  {
    module: 'transformers.training_args',
    names: 'OptimizerNames ParallelMode',
    may: CALL,
    shapes: /^\(str\)$/,
  },
  { module: 'transformers.training_args_seq2seq', names: 'Seq2SeqTrainingArguments', may: INSTANCE },
  { module: 'transformers.trainer_utils', names: CLASS_NAME, may: CALLED_INSTANCE, shapes: /^\((str)?\)$/ },
  { module: 'transformers.trainer_callback', names: 'TrainerState TrainerControl', may: INSTANCE },
  // Members of enumerations, as Python 3.11 pickles them (`enum.pickle_by_enum_name`).
  {
    module: 'builtins',
    names: 'getattr',
    may: ['import', 'call'],
    shapes:
      /^\((transformers\.trainer_utils\.(IntervalStrategy|EvaluationStrategy|SaveStrategy|SchedulerType|HubStrategy|FSDPOption)|transformers\.training_args\.(OptimizerNames|ParallelMode)|transformers\.debug_utils\.DebugOption|accelerate\.utils\.dataclasses\.(DistributedType|DynamoBackend|LoggerType|PrecisionType|RNGType|ComputeEnvironment|CustomDtype|SageMakerDistributedType)), "[A-Z][A-Z0-9_]*"\)$/,
  },
  { module: 'transformers.trainer_pt_utils', names: 'AcceleratorConfig LabelSmoother', may: INSTANCE },
  { module: 'transformers.debug_utils', names: 'DebugOption', may: CALL, shapes: /^\(str\)$/ },
  { module: 'transformers.integrations.deepspeed', names: CLASS_NAME, may: INSTANCE },
  { module: 'transformers.deepspeed', names: CLASS_NAME, may: INSTANCE },
  { module: 'accelerate.state', names: 'PartialState AcceleratorState GradientState', may: INSTANCE },
  { module: 'accelerate.utils.dataclasses', names: CLASS_NAME, may: INSTANCE },
  {
    module: 'accelerate.utils.dataclasses',
    names:
      'DistributedType DynamoBackend LoggerType PrecisionType RNGType ComputeEnvironment CustomDtype ' +
      'SageMakerDistributedType',
    may: CALL,
    shapes: /^\(str\)$/,
  },
  { module: 'trl.', names: /^[A-Z][A-Za-z0-9]*(Config|Arguments)$/, may: INSTANCE },
  { module: 'argparse', names: 'Namespace', may: INSTANCE },
  {
    module: 'numpy.random._pickle',
    names: '__bit_generator_ctor',
    may: CALLED,
    shapes: /^\((str|global)\)$/,
  },
  {
    module: 'numpy.random._pickle',
    names: '__randomstate_ctor __generator_ctor',
    may: CALLED,
    shapes: /^\((str|result)(, numpy\.random\._pickle\.__bit_generator_ctor)?\)$/,
  },
  { module: 'numpy.random._mt19937', names: 'MT19937', may: INSTANCE },
  { module: 'numpy.random._pcg64', names: 'PCG64', may: INSTANCE },
  { module: 'torch.optim.', names: CLASS_NAME, may: INSTANCE },
];

/** pandas 3, whose classes call themselves by their public names, and what its texts are made of. */
const PANDAS: readonly Omit<Row, 'tier'>[] = [
  { module: 'pandas', names: 'DataFrame Series', may: INSTANCE },
  {
    module: 'pandas',
    names: /^(Categorical|DatetimeTZ|Interval|Sparse|Boolean|U?Int(8|16|32|64)|Float(32|64))Dtype$/,
    may: INSTANCE,
  },
  { module: 'pandas', names: 'StringDtype', may: CALL, shapes: /^\(str, (float|global)\)$/ },
  { module: 'pandas', names: 'PeriodDtype', may: CALL, shapes: /^\(str\)$/ },
  {
    module: 'pandas',
    names: /^(Range|Multi|Datetime|Timedelta|Period|Interval|Categorical)?Index$/,
    may: NAME,
  },
  { module: 'pandas', names: 'Categorical NA', may: NAME },
  { module: 'pandas.arrays', names: /^(ArrowString|Integer|Floating|Boolean|Sparse)Array$/, may: INSTANCE },
  { module: 'pandas.arrays', names: /^(Datetime|Timedelta|Period|Interval)Array$/, may: NAME },
  {
    module: 'pandas.core.indexes.datetimes',
    names: '_new_DatetimeIndex',
    may: CALL,
    shapes: /^\(global, dict\)$/,
  },
  {
    module: 'pandas._libs.tslibs.offsets',
    names: 'Day Hour Minute Second Milli Micro Nano',
    may: CALL,
    shapes: /^\(int, bool\)$/,
  },
  {
    module: 'pandas._libs.tslibs.timestamps',
    names: '_unpickle_timestamp',
    may: CALL,
    shapes: /^\(int, none, (none|result), int\)$/,
  },
  { module: 'pandas._libs.sparse', names: 'IntIndex', may: CALL, shapes: /^\(int, result\)$/ },
  { module: 'pyarrow.lib', names: 'type_for_alias', may: CALL, shapes: /^\(str\)$/ },
  { module: 'pyarrow.lib', names: 'py_buffer', may: CALL, shapes: /^\((result|bytes)\)$/ },
  {
    module: 'pyarrow.lib',
    names: '_restore_array',
    may: CALL,
    shapes: /^\(\(result, int, int, int, list, list, none\)\)$/,
  },
];

const KNOWN_CLASSES: readonly Omit<Row, 'tier'>[] = [
  { module: 'builtins', names: 'object int float str bool list dict tuple', may: NAME },
  { module: 'builtins', names: 'complex slice range', may: CALL },
  {
    module: 'copyreg',
    names: '_reconstructor',
    may: CALLED_INSTANCE,
    shapes:
      /^\(global, builtins\.(object|dict|list|tuple|set|frozenset|int|float|str|bytes|complex), [\w(), ]+\)$/,
  },
  { module: 'array', names: '_array_reconstructor', may: CALL },
  { module: 'datetime', names: 'datetime date time timedelta timezone', may: CALL },
  {
    module: 'numpy',
    names:
      'float16 float32 float64 longdouble int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool bool_ intc ' +
      'complex64 complex128 str_ bytes_ object_ void datetime64 timedelta64 matrix',
    may: NAME,
  },
  // Functions of one array, that a FunctionTransformer keeps.
  { module: 'numpy', names: 'log log1p log2 log10 exp expm1 sqrt square absolute', may: NAME },
  { module: 'numpy', names: 'recarray record', may: NAME },
  { module: 'numpy.rec', names: 'recarray', may: NAME },
  { module: 'numpy.ma', names: 'MaskedArray', may: NAME },
  { module: 'numpy.ma.core', names: 'MaskedArray', may: NAME },
  {
    module: 'numpy.ma.core',
    names: '_mareconstruct',
    may: CALLED,
    shapes: /^\(global, global, \(int\), (str|bytes)\)$/,
  },
  { module: 'numpy.random.bit_generator', names: '__pyx_unpickle_SeedSequence', may: CALLED },
  { module: 'numpy.random.bit_generator', names: 'SeedSequence', may: NAME },
  { module: 'decimal', names: 'Decimal', may: CALL },
  { module: 'fractions', names: 'Fraction', may: CALL },
  { module: 'uuid', names: 'UUID SafeUUID', may: CALLED_INSTANCE },
  { module: 'pathlib', names: 'PosixPath WindowsPath PurePosixPath PureWindowsPath Path', may: CALL },
  { module: 'pathlib._local', names: 'PosixPath WindowsPath PurePosixPath PureWindowsPath Path', may: CALL },
  { module: 'collections', names: 'deque', may: CALLED_INSTANCE },
  { module: 'types', names: 'SimpleNamespace', may: CALLED_INSTANCE, shapes: /^\(\)$/ },
  { module: 'torch.nn.modules.', names: CLASS_NAME, may: INSTANCE },
  // Functions that layers keep as their activation.
  { module: 'torch.nn.functional', names: 'relu gelu silu elu selu leaky_relu tanh sigmoid', may: NAME },
  { module: 'torch._C._nn', names: 'gelu', may: NAME },
  { module: 'torch.nn.quantized.', names: CLASS_NAME, may: INSTANCE },
  { module: 'torchvision.models.', names: CLASS_NAME, may: INSTANCE },
  { module: 'torchvision.ops.', names: CLASS_NAME, may: INSTANCE },
  { module: 'ultralytics.', names: CLASS_NAME, may: INSTANCE },
  { module: 'timm.', names: CLASS_NAME, may: INSTANCE },
  { module: 'tokenizers', names: CLASS_NAME, may: INSTANCE },
  { module: 'tokenizers.', names: CLASS_NAME, may: INSTANCE },
  { module: 'transformers.models.', names: CLASS_NAME, may: INSTANCE },
  { module: 'sentence_transformers.', names: CLASS_NAME, may: INSTANCE },
  { module: 'sklearn.', names: CLASS_NAME, may: INSTANCE },
  { module: 'sklearn.', names: CYTHON_UNPICKLER, may: CALL },
  {
    module: 'sklearn._loss._loss',
    names: /^Cy[A-Z][A-Za-z]*$/,
    may: CALL,
    shapes: /^\((float)?\)$/,
  },
  {
    module: 'sklearn.feature_selection._univariate_selection',
    names: 'f_classif f_oneway f_regression r_regression chi2',
    may: NAME,
  },
  { module: 'sklearn.tree._tree', names: 'Tree', may: CALLED_INSTANCE },
  { module: 'sklearn.', names: 'newObj', may: CALLED, shapes: /^\(global\)$/ },
  { module: 'sklearn.linear_model._sgd_fast', names: CLASS_NAME, may: CALLED, shapes: /^\((float)?\)$/ },
  { module: 'scipy.sparse.', names: CLASS_NAME, may: INSTANCE },
  { module: 'scipy.sparse.', names: /^(csr|csc|coo|bsr|dia|dok|lil)_(matrix|array)$/, may: INSTANCE },
  { module: 'xgboost.sklearn', names: CLASS_NAME, may: INSTANCE },
  { module: 'xgboost.core', names: 'Booster', may: INSTANCE },
  { module: 'lightgbm.sklearn', names: CLASS_NAME, may: INSTANCE },
  { module: 'lightgbm.basic', names: 'Booster', may: INSTANCE },
  // Never handed on: what another function makes of it is an array that nobody saw coming.
  { module: 'joblib.numpy_pickle', names: 'NumpyArrayWrapper', may: ['import', 'new', 'build'] },
  { module: 'pandas.core.frame', names: 'DataFrame', may: INSTANCE },
  { module: 'pandas.core.series', names: 'Series', may: INSTANCE },
  {
    module: 'pandas.core.internals.managers',
    names: 'BlockManager SingleBlockManager',
    may: CALLED_INSTANCE,
  },
  { module: 'pandas._libs.internals', names: '_unpickle_block', may: CALL },
  { module: 'pandas.core.indexes.base', names: '_new_Index Index', may: CALL },
  { module: 'pandas.core.indexes.', names: CLASS_NAME, may: NAME },
  { module: 'pandas._libs.', names: CYTHON_UNPICKLER, may: CALLED },
  ...PANDAS,
  { module: 'omegaconf.', names: CLASS_NAME, may: INSTANCE },
  { module: 'pytorch_lightning.utilities.parsing', names: 'AttributeDict', may: INSTANCE },
  { module: 'lightning_fabric.utilities.data', names: 'AttributeDict', may: INSTANCE },
  { module: 'pytorch_lightning.callbacks.', names: CLASS_NAME, may: INSTANCE },
  { module: 'lightning.pytorch.callbacks.', names: CLASS_NAME, may: INSTANCE },
];

const ROWS: readonly Row[] = [
  ...WEIGHTS_ONLY.map((row) => ({ ...row, tier: 'weights-only' as const })),
  ...TRAINING_STATE.map((row) => ({ ...row, tier: 'training-state' as const })),
  ...KNOWN_CLASSES.map((row) => ({ ...row, tier: 'known-classes' as const })),
];

/** A state whose second part sets attributes one by one: none of these classes has such a state. */
const SLOTS = /^\((none|dict|result), dict\)$/;

/** The tier that permits the operation, or undefined where none does. */
export function allowedTier(global: PickleGlobal): AllowedTier | undefined {
  const needed = permissionFor(global);
  if (needed === undefined) return undefined;
  if (
    (needed === 'import' || needed === 'pass') &&
    storageItemBytes(global.module, global.name) !== undefined
  )
    return 'weights-only';
  const row = ROWS.find(
    (candidate) =>
      matches(candidate, bundled(global)) &&
      candidate.may.includes(needed) &&
      !(needed === 'build' && SLOTS.test(global.shape)) &&
      (needed !== 'call' || candidate.shapes === undefined || candidate.shapes.test(global.shape)),
  );
  return row?.tier;
}

function permissionFor({ operation, on, shape }: PickleGlobal): Permission | undefined {
  switch (operation) {
    case 'import':
    case 'pass':
      return operation;
    case 'reduce':
      return on === 'itself' ? 'call' : undefined;
    case 'newobj':
      return on === 'itself' ? 'new' : undefined;
    // With arguments they call the class, `__init__` and all; without, CPython only makes the instance.
    case 'obj':
    case 'inst':
      if (on !== 'itself') return undefined;
      return shape === '()' ? 'new' : 'call';
    case 'build':
      return on === 'result' ? 'build' : undefined;
    case 'append':
    case 'setitem':
    case 'additems':
      return on === 'result' ? 'fill' : undefined;
    case 'ext':
      return undefined;
  }
}

/** scikit-learn brought joblib along until 0.22. */
function bundled(global: PickleGlobal): PickleGlobal {
  const prefix = 'sklearn.externals.';
  if (!global.module.startsWith(prefix)) return global;
  return { ...global, module: global.module.slice(prefix.length) };
}

function matches(row: Row, { module, name }: PickleGlobal): boolean {
  if (row.module.endsWith('.') ? !module.startsWith(row.module) : module !== row.module) return false;
  return typeof row.names === 'string' ? row.names.split(' ').includes(name) : row.names.test(name);
}
