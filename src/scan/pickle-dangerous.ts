/**
 * Globals that run code, reach out, or lead to what does. The list only makes a finding sharper: what is neither
 * here nor permitted is not clean either.
 */

interface Family {
  /** Ends the sentence "it …". */
  readonly does: string;
  /** Modules, with everything below them. */
  readonly modules: string;
  /** Single names, `module.name`. */
  readonly names: string;
}

const FAMILIES: readonly Family[] = [
  {
    does: 'starts processes or runs code',
    modules:
      'os posix nt subprocess _posixsubprocess pty popen2 commands multiprocessing runpy code codeop marshal ' +
      'concurrent asyncio billiard sh pexpect invoke fabric paramiko',
    names:
      'builtins.eval builtins.exec builtins.compile builtins.execfile builtins.breakpoint builtins.input ' +
      'types.FunctionType types.CodeType types.LambdaType types.MethodType types.ModuleType platform.popen ' +
      'platform._syscmd_ver',
  },
  {
    does: 'finds any other function by its name',
    modules:
      'importlib imp pkgutil pydoc unittest _testcapi inspect gc zipimport modulefinder xml.etree test pytest nose',
    names:
      'builtins.__import__ builtins.setattr builtins.delattr builtins.globals builtins.locals builtins.vars ' +
      'builtins.type builtins.super operator.attrgetter operator.methodcaller operator.itemgetter operator.call ' +
      '_operator.attrgetter _operator.methodcaller _operator.itemgetter _operator.call numpy.testing._private.utils.runstring',
  },
  {
    does: 'calls what it is given',
    modules: 'atexit threading _thread sched signal faulthandler',
    names:
      'functools.reduce functools.partialmethod builtins.map builtins.filter builtins.iter builtins.next ' +
      'builtins.sorted builtins.max builtins.min itertools.starmap itertools.accumulate itertools.groupby ' +
      'contextlib.ExitStack weakref.finalize weakref.WeakMethod _functools.reduce',
  },
  {
    does: 'evaluates text as code',
    modules:
      'logging.config numpy.f2py numpy.testing numpy.distutils sympy yaml jinja2 timeit profile cProfile trace bdb pdb ' +
      'doctest idlelib lib2to3 cgitb turtledemo IPython numexpr dataclasses ast symtable code',
    names:
      'typing.get_type_hints typing.ForwardRef typing._eval_type collections.namedtuple typing.NamedTuple pandas.eval ' +
      'pandas.core.computation.eval.eval logging.Handler numpy.safe_eval',
  },
  {
    does: 'loads another file or pickle',
    modules:
      'pickle _pickle cPickle dill cloudpickle shelve dbm copy_reg mlflow keras tensorflow tf_keras skops ' +
      'pandas.io numpy.lib',
    names:
      'joblib.load joblib.numpy_pickle.load joblib._parallel_backends numpy.load numpy.loads numpy.fromfile ' +
      'numpy.genfromtxt numpy.loadtxt numpy.memmap pandas.read_pickle torch.load torch.serialization.load ' +
      'torch.storage.load torch.from_file transformers.pipeline transformers.AutoModel',
  },
  {
    does: 'compiles, fetches or runs code of a machine-learning framework',
    modules:
      'torch.hub torch.jit torch.package torch.fx torch._inductor torch._dynamo torch.utils.cpp_extension torch.distributed ' +
      'torch.ops torch._ops torch.utils.bottleneck torch.utils.collect_env torch.utils.data torch.testing torch.multiprocessing ' +
      'torch.library torch.export torch.onnx torch.classes torch._export torch.profiler torch.backends',
    names: 'torch.compile torch.utils._config_module.ConfigModule torch.utils.hipify.hipify_python.hipify',
  },
  {
    does: 'installs packages',
    modules: 'pip ensurepip venv virtualenv distutils setuptools pkg_resources wheel conda easy_install',
    names: '',
  },
  {
    does: 'reaches native code, the network or files',
    modules:
      'ctypes _ctypes cffi _cffi_backend socket _socket socketserver http urllib urllib2 httplib urllib3 requests httpx ' +
      'aiohttp smtplib ftplib poplib imaplib nntplib telnetlib xmlrpc ssl _ssl shutil io _io _pyio zipfile tarfile sqlite3 ' +
      '_sqlite3 webbrowser antigravity tempfile fileinput linecache mmap glob gzip bz2 lzma boto3 botocore fsspec smart_open ' +
      'huggingface_hub git wget pycurl select selectors wsgiref cgi readline',
    names: 'builtins.open builtins.file numpy.save numpy.savetxt torch.save pathlib.Path.write_text',
  },
  {
    does: 'changes the state of the interpreter or of a scanner',
    modules:
      'sys site sitecustomize usercustomize builtins.__dict__ picklescan fickling modelscan modelaudit copyreg.__dict__',
    names:
      'copyreg.add_extension copyreg.pickle copyreg.constructor copyreg.dispatch_table copyreg._extension_registry',
  },
];

/** Parts of a dotted name that lead somewhere else than the module it starts from. */
const LEADING_PARTS =
  /^_*(?:os|sys|subprocess|posix|nt|builtins|importlib|socket|shutil|ctypes|pickle|marshal|code|io|modules|eval|exec|system|popen|globals|dict|class|subclasses|base|bases|mro|import|getattribute|reduce|init|call|func|wrapped)_*$/;

const MODULES = new Map(
  FAMILIES.flatMap(({ modules, does }) => words(modules).map((module) => [module, does])),
);
const NAMES = new Map(FAMILIES.flatMap(({ names, does }) => words(names).map((name) => [name, does])));

/** What a dangerous global does ("starts processes or runs code"), or undefined where it is not a known one. */
export function dangerOf(module: string, name: string): string | undefined {
  const whole = `${module}.${name}`;
  const known = NAMES.get(whole);
  if (known !== undefined) return known;
  // A dotted name may name a submodule, or a class of a listed one: look at every prefix.
  for (let dot = whole.lastIndexOf('.'); dot > 0; dot = whole.lastIndexOf('.', dot - 1)) {
    const prefix = whole.slice(0, dot);
    const does = MODULES.get(prefix) ?? (prefix === module ? undefined : NAMES.get(prefix));
    if (does !== undefined) return does;
  }
  if (MODULES.has(whole)) return 'is a module that leads to code';
  if (name.includes('.') && name.split('.').some((part) => LEADING_PARTS.test(part)))
    return 'walks from a harmless name to another module';
  return undefined;
}

/** Names that are harmless or not depending on what they are given: never clean by themselves. */
export function neverByItself(module: string, name: string): boolean {
  return module === '__main__' || NEVER_BY_ITSELF.has(`${module}.${name}`);
}

const NEVER_BY_ITSELF = new Set([
  'builtins.getattr',
  'functools.partial',
  '_functools.partial',
  'torch.storage._load_from_bytes',
]);

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
