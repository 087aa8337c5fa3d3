/** Gadgets by family: each is one call of one global, and none may pass. */
import { bytes, call, proto, stackGlobal } from '../pickles.ts';
import { type Answer, type Case, one } from './case.ts';

/** Families of the field's published gadgets, one name a word. */
const BLOCKED: Readonly<Record<string, string>> = {
  processes:
    'os.system posix.system nt.system posix.popen os.popen os.execv posix.posix_spawn os.spawnl subprocess.Popen subprocess.call subprocess.check_output subprocess.getoutput _posixsubprocess.fork_exec pty.spawn multiprocessing.Process asyncio.create_subprocess_shell distutils.spawn.spawn commands.getoutput',
  code: 'builtins.eval builtins.exec builtins.compile runpy.run_path runpy.run_module runpy._run_code code.interact marshal.loads types.FunctionType types.CodeType builtins.__import__ builtins.breakpoint',
  resolvers:
    'importlib.import_module pkgutil.resolve_name pydoc.locate operator.attrgetter operator.methodcaller builtins.setattr imp.load_source',
  'hidden eval':
    'timeit.timeit timeit.main cProfile.run profile.run trace.Trace bdb.Bdb pdb.run doctest.debug_script logging.config.dictConfig pandas.eval yaml.unsafe_load jinja2.Template sympy.sympify',
  loaders:
    'pickle.loads pickle.load _pickle.loads cPickle.loads dill.loads joblib.load cloudpickle.loads torch.load pandas.read_pickle keras.models.load_model',
  'ML code':
    'torch.hub.load torch.utils.cpp_extension.load torch.utils.cpp_extension.load_inline torch.jit.load torch.ops.load_library',
  packaging: 'pip.main pip._internal.main ensurepip.bootstrap',
  native: 'ctypes.CDLL ctypes.cdll.LoadLibrary',
  files: 'shutil.rmtree builtins.open io.open os.remove posix.unlink os.rename',
  network:
    'socket.create_connection socket.socket urllib.request.urlopen http.client.HTTPSConnection smtplib.SMTP ftplib.FTP requests.get webbrowser.open',
};

const NOT_CLEAN: Readonly<Record<string, string>> = {
  indirect:
    'builtins.getattr functools.partial functools.reduce builtins.map builtins.filter itertools.starmap contextlib.ExitStack atexit.register weakref.finalize threading.Thread threading.Timer concurrent.futures.ThreadPoolExecutor sched.scheduler',
  odd: 'typing.get_type_hints typing.ForwardRef dataclasses.make_dataclass collections.namedtuple numpy.f2py.crackfortran.myeval numpy.f2py.crackfortran.getlincoef numpy.testing._private.utils.runstring numpy.distutils.exec_command.exec_command numpy.load lib2to3.pgen2.grammar.Grammar idlelib.pyshell.ModifiedInterpreter idlelib.run.Executive site.execsitecustomize uuid._get_command_stdout platform.popen ctypes.util._findLib_gcc test.support.script_helper.assert_python_ok mailcap.findmatch cgitb.lookup shelve.open dbm.open sqlite3.connect zipfile.ZipFile tarfile.open linecache.getline fileinput.input tempfile.mktemp glob.glob string.Formatter gc.get_objects inspect.getsource ssl.get_server_certificate nntplib.NNTP poplib.POP3 telnetlib.Telnet xmlrpc.client.ServerProxy',
  'ML code':
    'torch.fx.graph_module._forward_from_src torch.fx._symbolic_trace.Tracer torch._inductor.codecache.PyCodeCache torch._dynamo.guards.GuardBuilder torch.distributed.rpc.rpc_sync torch.package.PackageImporter torch.utils.data.datapipes.utils.decoder.basichandlers torch.utils.bottleneck.__main__.run_cprofile torch.utils.collect_env.run transformers.pipelines.pipeline mlflow.pyfunc.load_model tensorflow.io.read_file keras.utils.get_file torch.serialization.load torch.storage.UntypedStorage.from_file',
  state:
    'copyreg.add_extension copyreg.constructor copyreg.pickle sys.setrecursionlimit sys.settrace builtins.delattr builtins.globals builtins.vars builtins.type builtins.super builtins.memoryview builtins.input builtins.print builtins.__build_class__ unittest.mock._importer unittest.mock.patch warnings.warn gettext.translation',
  unknown: '__main__.Net evil.Thing thismodule.antigravity antigravity.geohash this.s',
  dotted:
    'random._os.system posixpath.os.system collections.abc.sys.modules torch._C._os.system logging.os.system',
};

function gadgets(answer: Answer, families: Readonly<Record<string, string>>): Case[] {
  return Object.entries(families).flatMap(([family, names]) =>
    names.split(' ').map((name) => {
      const dot = name.lastIndexOf('.');
      const pickle = bytes(proto(4), call(name.slice(0, dot), name.slice(dot + 1)), '.');
      return one(`${family}: ${name}`, answer, 'pytorch_model.bin', pickle);
    }),
  );
}

/** The same names as attributes of a module: `random` and `_os.system`, resolved by protocol 4. */
const DOTTED = [
  ['random', '_os.system'],
  ['collections', '_sys.modules.get'],
  ['torch', 'nn.functional.__builtins__'],
  ['collections', 'OrderedDict.__init__.__globals__'],
  ['torch', 'Tensor.__class__'],
  ['numpy', 'core.multiarray.os.system'],
  ['builtins', 'object.__reduce_ex__'],
] as const;

export const GADGETS: readonly Case[] = [
  ...gadgets('blocked', BLOCKED),
  ...gadgets('not clean', NOT_CLEAN),
  ...DOTTED.map(([module, name]) =>
    one(`attributes: ${module} ${name}`, 'not clean', 'x.bin', bytes(proto(4), call(module, name), '.')),
  ),
  ...['os.system', 'subprocess.Popen', 'antigravity.x', 'this.s', 'evil.module'].map((name) => {
    const [module = '', attribute = ''] = name.split('.');
    const pickle = bytes(proto(4), stackGlobal(module, attribute), '.');
    return one(`imported only: ${name}`, 'not clean', 'x.bin', pickle);
  }),
];
