/**
 * What names of Python's standard library and of machine-learning packages can do, by family. A name that is not
 * here is ordinary; whether a use matters is the scanner's business.
 */

export type Family =
  | 'process'
  | 'code'
  | 'decode'
  | 'deserialise'
  | 'network'
  | 'files'
  | 'native'
  | 'reflection'
  | 'machine';

/** Exact dotted names, or prefixes that end in `.*`. The first family that fits counts. */
const FAMILIES: readonly (readonly [Family, readonly string[]])[] = [
  [
    'process',
    [
      'os.system',
      'os.popen',
      'os.fork',
      'os.forkpty',
      'os.startfile',
      'os.kill',
      'os.posix_spawn',
      'os.posix_spawnp',
      ...['l', 'le', 'lp', 'lpe', 'v', 've', 'vp', 'vpe'].flatMap((kind) => [
        `os.exec${kind}`,
        `os.spawn${kind}`,
      ]),
      'posix.*',
      'nt.*',
      'pty.*',
      'subprocess.*',
      '_posixsubprocess.*',
      'commands.*',
      'pexpect.*',
      'platform.popen',
      'popen2.*',
      'asyncio.create_subprocess_exec',
      'asyncio.create_subprocess_shell',
      'webbrowser.*',
      'pip.*',
      'pip._internal.*',
      'pydoc.pipepager',
      'pydoc.tempfilepager',
    ],
  ],
  [
    'code',
    [
      'eval',
      'exec',
      'compile',
      'runpy.*',
      'code.interact',
      'code.InteractiveInterpreter',
      'code.InteractiveConsole',
      'codeop.*',
      'types.FunctionType',
      'types.CodeType',
      'importlib.util.spec_from_file_location',
      'importlib.util.module_from_spec',
      'importlib.machinery.*',
      'imp.*',
      'timeit.*',
      'cProfile.run',
      'profile.run',
      'bdb.*',
      'pdb.run',
      'trace.Trace',
      'pandas.eval',
      'torch.utils.cpp_extension.*',
      'torch.hub.load',
      'zipimport.*',
    ],
  ],
  [
    'deserialise',
    [
      'pickle.load',
      'pickle.loads',
      'pickle.Unpickler',
      '_pickle.*',
      'cPickle.*',
      'dill.load',
      'dill.loads',
      'cloudpickle.load',
      'cloudpickle.loads',
      'joblib.load',
      'marshal.load',
      'marshal.loads',
      'shelve.open',
      'torch.load',
      'torch.serialization.load',
      'keras.models.load_model',
      'tensorflow.keras.models.load_model',
      'torch.jit.load',
      'torch.package.*',
      'torch.hub.load_state_dict_from_url',
      'numpy.load',
      'pandas.read_pickle',
      'yaml.load',
      'yaml.full_load',
      'yaml.unsafe_load',
      'jsonpickle.decode',
    ],
  ],
  [
    'network',
    [
      'socket.socket',
      'socket.create_connection',
      'socket.create_server',
      'socket.getaddrinfo',
      'socket.gethostbyname',
      '_socket.*',
      'urllib.request.*',
      'urllib.urlopen',
      'urllib.urlretrieve',
      'urllib2.*',
      'urllib3.*',
      'http.client.*',
      'httplib.*',
      'requests.*',
      'httpx.*',
      'aiohttp.*',
      'websocket.*',
      'websockets.*',
      'ftplib.*',
      'smtplib.*',
      'telnetlib.*',
      'xmlrpc.*',
      'paramiko.*',
      'wget.*',
      'asyncio.open_connection',
      'huggingface_hub.upload_file',
      'huggingface_hub.upload_folder',
      'huggingface_hub.login',
      'torch.hub.download_url_to_file',
    ],
  ],
  [
    'native',
    [
      'ctypes.*',
      '_ctypes.*',
      'cffi.*',
      'torch.ops.load_library',
      'torch.classes.load_library',
      'tensorflow.load_op_library',
      'tensorflow.load_library',
      'numpy.ctypeslib.*',
    ],
  ],
  [
    'decode',
    [
      'base64.*',
      'binascii.*',
      'zlib.decompress',
      'bz2.decompress',
      'lzma.decompress',
      'gzip.decompress',
      'codecs.decode',
      'codecs.escape_decode',
      'bytes.fromhex',
      'bytearray.fromhex',
    ],
  ],
  [
    'files',
    [
      'shutil.rmtree',
      'shutil.move',
      'shutil.chown',
      'os.remove',
      'os.unlink',
      'os.rmdir',
      'os.removedirs',
      'os.rename',
      'os.replace',
      'os.chmod',
      'os.chown',
      'os.symlink',
      'os.link',
      'os.write',
      'os.truncate',
    ],
  ],
  [
    'reflection',
    [
      '__builtins__',
      'builtins',
      '__loader__',
      '__spec__',
      '_frozen_importlib',
      '_frozen_importlib_external',
      '_imp',
      'inspect.getmembers',
      'sys.modules',
      'sys.meta_path',
      'sys.path_hooks',
      'sys.settrace',
      'sys.setprofile',
      'sys._getframe',
      'gc.get_objects',
      'gc.get_referrers',
    ],
  ],
];

const EXACT = new Map<string, Family>();
const PREFIXES = new Map<string, Family>();
for (const [family, names] of FAMILIES) {
  for (const name of names) {
    if (name.endsWith('.*')) PREFIXES.set(name.slice(0, -2), family);
    else if (!EXACT.has(name)) EXACT.set(name, family);
  }
}

/** Constants and types that dangerous modules export too: naming them does nothing. */
const HARMLESS_LAST =
  /^(?:PIPE|STDOUT|DEVNULL|(?:[A-Z]\w*)?(?:Error|Exception|Warning|Expired|Timeout|Response)|exceptions|codes|error|timeout|c_\w+|POINTER|sizeof|byref|Structure|adapters|b64encode|hexlify|crc32|encodebytes|standard_b64encode|urlsafe_b64encode|b2a_\w+)$/;

/** The names under which people import the packages above. */
const MODULE_ALIASES: ReadonlyMap<string, string> = new Map([
  ['np', 'numpy'],
  ['pd', 'pandas'],
  ['tf', 'tensorflow'],
]);

/** Roots whose dangerous functions count wherever the module is reached from: `random._os.system`. */
const CARRIED_ROOTS: ReadonlySet<string> = new Set([
  'os',
  'posix',
  'nt',
  'subprocess',
  'pty',
  'ctypes',
  'runpy',
  'marshal',
  'builtins',
]);

/** Built-ins that compute: compatibility code imports them by name. */
const PLAIN_BUILTINS =
  /^(?:int|float|bool|str|bytes|list|dict|tuple|set|range|len|zip|min|max|sum|round|object|super)$/;

/**
 * Texts that name what belongs to the machine and not to the model: variables by which every next process runs code,
 * and files with keys or with what runs at the next start.
 */
export const OF_THE_MACHINE =
  /^[A-Za-z]{0,2}["'](?:(LD_PRELOAD|LD_AUDIT|DYLD_INSERT_LIBRARIES|PYTHONSTARTUP|BASH_ENV)["']|[^"'\n]{0,120}(\/etc\/(?:passwd|shadow|sudoers|cron|ld\.so)|\.ssh\b|authorized_keys|id_rsa|\.aws\/credentials|\.netrc|\.kube\/config|\.docker\/config|\.git-credentials|\.bashrc|\.bash_profile|\.zshrc|\.profile\b|crontab|sitecustomize|usercustomize|\/proc\/self\/(?:mem|environ)|169\.254\.169\.254))/;

export interface Known {
  readonly family: Family;
  readonly name: string;
}

/** Answers kept: the same few names come again and again. Emptied when full. */
const ANSWERS_MAX = 10_000;
const answers = new Map<string, Known | undefined>();

/** The family of a resolved dotted name, with the name as it counts; undefined for ordinary names. */
export function familyOf(dotted: string): Known | undefined {
  if (answers.has(dotted)) return answers.get(dotted);
  if (answers.size >= ANSWERS_MAX) answers.clear();
  const answer = findFamily(dotted);
  answers.set(dotted, answer);
  return answer;
}

function findFamily(dotted: string): Known | undefined {
  const parts = dotted.split('.');
  const direct = lookUp(parts);
  if (direct !== undefined) return direct;
  // What a module of the repo hands on may be anything: `from .util import requests`.
  const own = parts[0] === '';
  for (let from = 1; from < parts.length; from += 1) {
    const root = parts[from]?.replace(/^_+/, '') ?? '';
    if (!own && !CARRIED_ROOTS.has(root)) continue;
    const carried = lookUp([root, ...parts.slice(from + 1)]);
    if (carried !== undefined) return carried;
  }
  return undefined;
}

function lookUp(given: readonly string[]): Known | undefined {
  const [first = '', ...rest] = given;
  if (first === 'builtins' || first === '__builtins__') {
    const inner = rest.length === 0 ? undefined : EXACT.get(rest.join('.'));
    if (inner === undefined && rest.length === 1 && PLAIN_BUILTINS.test(rest[0] ?? '')) return undefined;
    return { family: inner ?? 'reflection', name: rest.length === 0 ? first : rest.join('.') };
  }
  const parts = [MODULE_ALIASES.get(first) ?? first, ...rest];
  const name = parts.join('.');
  for (let length = parts.length; length > 0; length -= 1) {
    const prefix = parts.slice(0, length).join('.');
    const exact = EXACT.get(prefix);
    if (exact !== undefined) return { family: exact, name };
    const wild = length < parts.length ? PREFIXES.get(prefix) : undefined;
    if (wild !== undefined && !HARMLESS_LAST.test(parts[length] ?? '')) return { family: wild, name };
    if (wild !== undefined) return undefined;
  }
  return undefined;
}

/** Attributes through which Python code leaves whatever it was confined to. */
export const ESCAPE_ATTRIBUTES: ReadonlySet<string> = new Set([
  '__subclasses__',
  '__globals__',
  '__builtins__',
  '__code__',
  '__closure__',
  'f_globals',
  'f_builtins',
  'f_locals',
  'f_back',
  'gi_frame',
  'cr_frame',
  'tb_frame',
  'func_globals',
]);

/** Methods that write files whatever object they belong to. */
export const WRITING_METHODS: ReadonlySet<string> = new Set(['write_text', 'write_bytes', 'extractall']);

/** Modules of which an attribute chosen at run time may be anything. */
export const DANGEROUS_MODULES: ReadonlySet<string> = new Set([
  'os',
  'sys',
  'subprocess',
  'builtins',
  '__builtins__',
  'importlib',
  'shutil',
  'socket',
  'ctypes',
  'posix',
]);
