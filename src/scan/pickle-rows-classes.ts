/**
 * What pickles of known classes may do: those of the standard library, and of the libraries that models are made with.
 *
 * Source: the `__reduce__` of the classes.
 */
import {
  CALL,
  CALLED,
  CALLED_INSTANCE,
  CLASS_NAME,
  CYTHON_UNPICKLER,
  INSTANCE,
  NAME,
  THREE_AND_MORE,
  type TierRow,
} from './pickle-row.ts';

/** The class of the index that is made, and with what. */
const NEW_INDEX = /^\(pandas\.(?:core\.indexes\.\w+\.)?\w*Index, dict\)$/;

/** pandas 3, whose classes call themselves by their public names, and what its texts are made of. */
const PANDAS: readonly TierRow[] = [
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
    shapes: NEW_INDEX,
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

const PATHS = 'PosixPath WindowsPath PurePosixPath PureWindowsPath Path';
const TEXTS = /^\((?:str(?:, str)*(?:, …)?)?\)$/;

/** tokenizers makes an object of its model, and gives it its state in JSON. */
const MODEL = /^\((?:result)?\)$/;
const BYTES = /^(?:dict|bytes)$/;

/** A dictionary, or nothing and attributes one by one. */
const SLOTS = /^dict$|^\(none, dict\)$/;

/** Layers. The rest of `torch.nn.modules` has hooks, which call what they hold. */
const TORCH_LAYERS =
  /^torch\.nn\.modules\.(?:activation|adaptive|batchnorm|channelshuffle|container|conv|distance|dropout|flatten|fold|instancenorm|lazy|linear|loss|normalization|padding|pixelshuffle|pooling|rnn|sparse|transformer|upsampling)$/;

/** Models and their settings. Tokenizers read files that their state names. */
const TRANSFORMERS_MODELS = /^transformers\.models\.\w+\.(?:modeling|configuration)_\w+$/;

/** Estimators and what they are made of, without the parts that open sockets, fetch data sets, or test. */
const SKLEARN =
  /^sklearn\.(?:_loss|base|calibration|cluster|compose|covariance|cross_decomposition|cross_validation|decomposition|discriminant_analysis|dummy|ensemble|feature_extraction|feature_selection|frozen|gaussian_process|grid_search|impute|isotonic|kernel_approximation|kernel_ridge|lda|linear_model|manifold|metrics|mixture|model_selection|multiclass|multioutput|naive_bayes|neighbors|neural_network|pipeline|preprocessing|qda|random_projection|semi_supervised|svm|tree|utils\._metadata_requests|utils\._weight_vector)(?:\.(?!tests)\w+)*$/;

export const KNOWN_CLASSES: readonly TierRow[] = [
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
    states: THREE_AND_MORE,
  },
  {
    module: 'numpy.random.bit_generator',
    names: '__pyx_unpickle_SeedSequence',
    may: CALLED,
    states: THREE_AND_MORE,
  },
  { module: 'numpy.random.bit_generator', names: 'SeedSequence', may: NAME },
  { module: 'decimal', names: 'Decimal', may: CALL },
  { module: 'fractions', names: 'Fraction', may: CALL, shapes: /^\((?:str|int, int)\)$/ },
  { module: 'uuid', names: 'UUID', may: INSTANCE },
  { module: 'uuid', names: 'SafeUUID', may: CALL, shapes: /^\((?:int|none)\)$/ },
  { module: 'pathlib', names: PATHS, may: CALL, shapes: TEXTS },
  { module: 'pathlib._local', names: PATHS, may: CALL, shapes: TEXTS },
  {
    module: 'collections',
    names: 'deque',
    may: ['import', 'pass', 'call', 'append'],
    // The attacker's move: what else can be iterated, an instance that reads files as it goes.
    shapes: /^\((?:(?:list|tuple|\([^()]*\))(?:, (?:int|none))?)?\)$/,
  },
  { module: 'types', names: 'SimpleNamespace', may: CALLED_INSTANCE, shapes: /^\(\)$/ },
  { module: TORCH_LAYERS, names: CLASS_NAME, may: INSTANCE },
  { module: 'torch.nn.modules.module', names: 'Module', may: INSTANCE },
  // Functions that layers keep as their activation.
  { module: 'torch.nn.functional', names: 'relu gelu silu elu selu leaky_relu tanh sigmoid', may: NAME },
  { module: 'torch._C._nn', names: 'gelu', may: NAME },
  { module: 'torch.nn.quantized.', names: CLASS_NAME, may: INSTANCE },
  { module: 'torchvision.models.', names: CLASS_NAME, may: INSTANCE },
  { module: 'torchvision.ops.', names: CLASS_NAME, may: INSTANCE },
  // Layers and losses: other classes of these packages load weights from an address as soon as they are called.
  { module: 'ultralytics.nn.modules', names: CLASS_NAME, may: INSTANCE },
  { module: 'ultralytics.nn.modules.', names: CLASS_NAME, may: INSTANCE },
  { module: 'ultralytics.nn.tasks', names: CLASS_NAME, may: INSTANCE },
  { module: 'ultralytics.utils', names: 'IterableSimpleNamespace', may: INSTANCE },
  { module: 'ultralytics.yolo.utils', names: 'IterableSimpleNamespace', may: INSTANCE },
  { module: 'ultralytics.utils.loss', names: CLASS_NAME, may: INSTANCE },
  { module: 'ultralytics.yolo.utils.loss', names: CLASS_NAME, may: INSTANCE },
  { module: 'ultralytics.utils.tal', names: CLASS_NAME, may: INSTANCE },
  { module: 'ultralytics.yolo.utils.tal', names: CLASS_NAME, may: INSTANCE },
  { module: 'timm.models.', names: CLASS_NAME, may: INSTANCE },
  { module: 'timm.layers.', names: CLASS_NAME, may: INSTANCE },
  { module: 'tokenizers', names: CLASS_NAME, may: INSTANCE, makes: MODEL, states: BYTES },
  { module: 'tokenizers.', names: CLASS_NAME, may: INSTANCE, makes: MODEL, states: BYTES },
  { module: TRANSFORMERS_MODELS, names: CLASS_NAME, may: INSTANCE },
  { module: 'sentence_transformers.models.', names: CLASS_NAME, may: INSTANCE },
  { module: 'sentence_transformers.SentenceTransformer', names: 'SentenceTransformer', may: INSTANCE },
  { module: 'sklearn.utils', names: 'Bunch', may: [...INSTANCE, 'item'] },
  { module: 'sklearn.utils._bunch', names: 'Bunch', may: [...INSTANCE, 'item'] },
  { module: SKLEARN, names: CLASS_NAME, may: INSTANCE },
  { module: SKLEARN, names: CYTHON_UNPICKLER, may: CALL },
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
  { module: 'sklearn.tree._tree', names: 'Tree', may: CALLED_INSTANCE, shapes: /^\(int, result, int\)$/ },
  { module: SKLEARN, names: 'newObj', may: CALLED, shapes: /^\(global\)$/, states: THREE_AND_MORE },
  { module: 'sklearn.linear_model._sgd_fast', names: CLASS_NAME, may: CALLED, shapes: /^\((float)?\)$/ },
  { module: 'scipy.sparse.', names: CLASS_NAME, may: INSTANCE },
  { module: 'scipy.sparse.', names: /^dok_(matrix|array)$/, may: [...INSTANCE, 'item'] },
  { module: 'scipy.sparse.', names: /^(csr|csc|coo|bsr|dia|lil)_(matrix|array)$/, may: INSTANCE },
  // Their state sets attributes one by one, none of which does anything; what they call is called when they are used.
  { module: 'scipy.interpolate._cubic', names: CLASS_NAME, may: INSTANCE, states: SLOTS },
  { module: 'scipy.interpolate._interpolate', names: 'PPoly BPoly', may: INSTANCE, states: SLOTS },
  { module: 'scipy._lib.array_api_compat.numpy._aliases', names: 'asarray', may: NAME },
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
    shapes: /^\((?:tuple|\([result, …]*\)), list\)$/,
    states: /^\(list, list, list(?:, dict)?\)$/,
  },
  {
    module: 'pandas._libs.internals',
    names: '_unpickle_block',
    may: CALL,
    shapes: /^\(result, result, int\)$/,
  },
  { module: 'pandas.core.indexes.base', names: '_new_Index', may: CALL, shapes: NEW_INDEX },
  { module: 'pandas.core.indexes.', names: CLASS_NAME, may: NAME },
  // The classes set their state themselves.
  { module: 'pandas._libs.', names: CYTHON_UNPICKLER, may: CALLED, states: /^dict$|^\(.+\)$/ },
  ...PANDAS,
  { module: 'omegaconf.', names: CLASS_NAME, may: INSTANCE },
  { module: 'pytorch_lightning.utilities.parsing', names: 'AttributeDict', may: [...INSTANCE, 'item'] },
  { module: 'lightning_fabric.utilities.data', names: 'AttributeDict', may: [...INSTANCE, 'item'] },
  { module: 'pytorch_lightning.callbacks.', names: CLASS_NAME, may: INSTANCE },
  { module: 'lightning.pytorch.callbacks.', names: CLASS_NAME, may: INSTANCE },
];
