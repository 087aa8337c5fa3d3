/**
 * What pickles of weights and of training state may do.
 *
 * Sources: `torch/_weights_only_unpickler.py` for the weights; the `__reduce__` of the classes for the rest.
 */
import { CALL, CALLED, CLASS_NAME, INSTANCE, MAPPING, NAME, type TierRow } from './pickle-row.ts';

const DTYPES =
  'float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool ' +
  'complex32 complex64 complex128 qint8 quint8 qint32 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 ' +
  'float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 strided sparse_coo sparse_csr ' +
  'per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric channels_last contiguous_format';

const TENSOR_TYPE = /^(?:Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Tensor$/;

/**
 * A tensor as an argument, by what made it. The attacker's move: any other object, whose method `detach` or `to` is
 * a permitted class that PyTorch then calls.
 */
const TENSOR = String.raw`torch\.(?:_utils\._rebuild_\w+|_tensor\._rebuild_from_type_v2|Tensor|nn\.(?:parameter\.)?Parameter)\(\)`;

/** Arguments of PyTorch's functions begin with a storage: of the file, or of the bytes that are a pickle. */
const STORAGE_FIRST = /^\((?:persistent|torch\.storage\._load_from_bytes\(\)), int, .*\)$/;

/** State of an array: version, shape, type, order, content. */
const ARRAY_STATE = /^\(int, (?:tuple|\([int, …]*\)), result, (?:bool|int), (?:bytes|list|result)\)$/;

/** Of the arguments of `_frombuffer`, the type is one that was made and looked at. */
const FROM_BUFFER = /^\((?:bytes|bytearray|result), result, .+\)$/;

export const WEIGHTS_ONLY: readonly TierRow[] = [
  { module: 'collections', names: 'OrderedDict', may: MAPPING, shapes: /^\((list)?\)$/ },
  { module: 'collections', names: 'Counter', may: MAPPING, shapes: /^\((dict)?\)$/ },
  {
    module: 'collections',
    names: 'defaultdict',
    may: MAPPING,
    shapes: /^\(((global|none)(, dict)?)?\)$/,
  },
  { module: 'torch', names: DTYPES, may: NAME },
  {
    module: 'torch',
    names: 'Size device',
    may: CALL,
    shapes: /^\((str|str, int|list|tuple|\([int, ]*\))\)$/,
  },
  { module: 'torch', names: 'Tensor', may: INSTANCE, states: /^dict$|^\(persistent, int, .+\)$/ },
  { module: 'torch.nn.parameter', names: 'Parameter Buffer', may: INSTANCE },
  { module: 'torch.nn', names: 'Parameter', may: INSTANCE },
  { module: 'torch', names: 'Generator', may: NAME },
  // Types that PyTorch's tar format names beside its raw tensors.
  { module: 'torch', names: TENSOR_TYPE, may: NAME },
  { module: 'torch.cuda', names: TENSOR_TYPE, may: NAME },
  {
    module: 'torch._utils',
    names: '_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_qtensor',
    may: CALLED,
    shapes: STORAGE_FIRST,
  },
  {
    module: 'torch._utils',
    names:
      '_rebuild_sparse_tensor _rebuild_sparse_csr_tensor _rebuild_nested_tensor ' +
      '_rebuild_meta_tensor_no_storage _rebuild_wrapper_subclass _rebuild_device_tensor_from_numpy ' +
      '_rebuild_xla_tensor',
    may: CALLED,
  },
  {
    module: 'torch._utils',
    names: '_rebuild_parameter _rebuild_device_tensor_from_cpu_tensor',
    may: CALLED,
    shapes: new RegExp(`^\\(${TENSOR}, (?:bool|global|str), .+\\)$`),
  },
  {
    module: 'torch._tensor',
    names: '_rebuild_from_type_v2',
    may: CALLED,
    shapes:
      /^\(torch\._utils\._rebuild_(?:tensor|tensor_v2|tensor_v3|qtensor|nested_tensor|wrapper_subclass), global, (tuple|\([^()]*\)), dict\)$/,
  },
  // The attacker's move: a state of two parts, whose second sets attributes one by one, `__class__` among them.
  {
    module: 'torch._utils',
    names: '_rebuild_parameter_with_state',
    may: CALLED,
    shapes: new RegExp(`^\\(${TENSOR}, bool, \\w+, dict\\)$`),
  },
  { module: 'torch.serialization', names: '_get_layout', may: CALL, shapes: /^\(str\)$/ },
  { module: '_codecs', names: 'encode', may: CALL, shapes: /^\(str, "latin-?1"\)$/ },
  {
    module: 'builtins',
    names: 'bytearray',
    may: CALL,
    shapes: /^\((bytes|_codecs\.encode\(\))?\)$|^\(str, str\)$/,
  },
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
    states: /^\(int, str, .+\)$/,
  },
  {
    module: 'numpy.core.multiarray',
    names: '_reconstruct',
    may: CALLED,
    shapes: /^\(global, \([int, ]*\), \w+\)$/,
    states: ARRAY_STATE,
  },
  {
    module: 'numpy._core.multiarray',
    names: '_reconstruct',
    may: CALLED,
    shapes: /^\(global, \([int, ]*\), \w+\)$/,
    states: ARRAY_STATE,
  },
  { module: 'numpy.core.multiarray', names: 'scalar', may: CALL, shapes: /^\(result, \w+\)$/ },
  { module: 'numpy._core.multiarray', names: 'scalar', may: CALL, shapes: /^\(result, \w+\)$/ },
  { module: 'numpy.core.numeric', names: '_frombuffer', may: CALL, shapes: FROM_BUFFER },
  { module: 'numpy._core.numeric', names: '_frombuffer', may: CALL, shapes: FROM_BUFFER },
  // What TorchScript's writer puts into its pickles, and Python's loader never calls.
  {
    module: 'torch.jit._pickle',
    names:
      'build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id restore_type_tag',
    may: CALL,
    // They return what they are given, which must not hide an imported name from the rules above.
    shapes: /^\((?!.*global).*\)$/,
  },
  // The bytes were followed as a pickle of their own, and are judged with this one.
  { module: 'torch.storage', names: '_load_from_bytes', may: ['import', 'call'], shapes: /^\(pickle\)$/ },
];

export const TRAINING_STATE: readonly TierRow[] = [
  { module: 'transformers.training_args', names: 'TrainingArguments', may: INSTANCE },
  {
    module: 'transformers.training_args',
    names: 'OptimizerNames ParallelMode',
    may: CALL,
    shapes: /^\(str\)$/,
  },
  { module: 'transformers.training_args_seq2seq', names: 'Seq2SeqTrainingArguments', may: INSTANCE },
  {
    module: 'transformers.trainer_utils',
    names: 'IntervalStrategy EvaluationStrategy SaveStrategy SchedulerType HubStrategy FSDPOption',
    may: CALL,
    shapes: /^\(str\)$/,
  },
  { module: 'transformers.trainer_utils', names: CLASS_NAME, may: INSTANCE },
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
    // Called without arguments, whatever class it is given.
    shapes: /^\((?:str|"\w+"|numpy\.random\._(?:mt19937\.MT19937|pcg64\.PCG64))\)$/,
    states: /^dict$|^\(dict, (?:none|result)\)$/,
  },
  {
    module: 'numpy.random._pickle',
    names: '__randomstate_ctor __generator_ctor',
    may: CALLED,
    shapes:
      /^\((?:str|"\w+"|numpy\.random\._pickle\.__bit_generator_ctor\(\)|numpy\.random\._mt19937\.MT19937\(\))(?:, numpy\.random\._pickle\.__bit_generator_ctor)?\)$/,
    states: /^dict$|^\(str, result, int, .+\)$/,
  },
  { module: 'numpy.random._mt19937', names: 'MT19937', may: INSTANCE },
  { module: 'numpy.random._pcg64', names: 'PCG64', may: INSTANCE },
];
