import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { bytes, call, drive, global, proto, raw, short, stackGlobal } from '../../test/pickles.ts';
import { fileVerdict } from '../base/finding.ts';
import { parsePickle } from '../formats/pickle/parse.ts';
import { type PickleTier, pickleTier, scanPickle } from './pickle.ts';

function judged(input: Uint8Array) {
  const facts = drive(input, parsePickle({ sizeBytes: input.length }));
  const findings = scanPickle('model.bin', facts, 'archive/data.pkl');
  return { tier: pickleTier(facts), findings, verdict: fileVerdict(findings, facts.gaps) };
}

/** A call with an empty argument list. */
const bare = (module: string, name: string): Buffer => bytes(stackGlobal(module, name), ')R');
const whole = (...parts: readonly Uint8Array[]): Buffer => bytes(proto(4), ...parts, '.');

/** One callable of every family of gadgets: none may come to less than blocked. */
const GADGETS =
  `os.system posix.system nt.system subprocess.Popen pty.spawn multiprocessing.Process runpy.run_path code.interact
marshal.loads types.FunctionType types.CodeType builtins.eval builtins.exec builtins.compile builtins.__import__
importlib.import_module pkgutil.resolve_name pydoc.locate operator.attrgetter _operator.methodcaller builtins.setattr
unittest.mock._importer functools.reduce builtins.map itertools.starmap contextlib.ExitStack atexit.register
weakref.finalize threading.Timer typing.get_type_hints dataclasses.make_dataclass collections.namedtuple
logging.config.dictConfig numpy.f2py.crackfortran.getlincoef sympy.sympify pandas.eval yaml.unsafe_load jinja2.Template
timeit.timeit profile.run cProfile.run trace.Trace bdb.Bdb doctest.debug_script idlelib.pyshell.main lib2to3.main.main
pickle.loads _pickle.loads dill.loads joblib.load numpy.load pandas.read_pickle torch.load keras.models.load_model
mlflow.pyfunc.load_model torch.hub.load torch.jit.load torch.package.PackageImporter torch.fx.graph_module.reduce_graph_module
torch._inductor.codecache.PyCodeCache torch._dynamo.guards.GuardBuilder torch.utils.cpp_extension.load_inline
torch.distributed.rpc.remote pip.main pip._internal.main ensurepip.bootstrap venv.create distutils.core.run_setup
ctypes.CDLL _ctypes.dlopen cffi.FFI socket.socket http.client.HTTPConnection urllib.request.urlopen smtplib.SMTP
ftplib.FTP ssl.get_server_certificate shutil.rmtree io.open _io.open zipfile.ZipFile tarfile.open sqlite3.connect
webbrowser.open copyreg.add_extension sys.setrecursionlimit picklescan.scanner.scan`.split(/\s+/);

for (const gadget of GADGETS) {
  const dot = gadget.lastIndexOf('.');
  const [module, name] = [gadget.slice(0, dot), gadget.slice(dot + 1)];
  test(`${gadget} is blocked, whether called or imported`, () => {
    assert.equal(judged(whole(call(module, name))).verdict, 'blocked');
    assert.equal(judged(whole(stackGlobal(module, name))).verdict, 'blocked');
    assert.equal(judged(bytes(global(module, name), '.')).verdict, 'blocked');
  });
}

const CASES: readonly {
  name: string;
  input: Buffer;
  verdict: 'clean' | 'blocked' | 'inconclusive';
  tier: PickleTier;
}[] = [
  {
    name: 'a walk by dots',
    input: whole(call('random', '_os.system')),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  {
    name: 'a walk by dots from a permitted class',
    input: whole(call('collections', 'OrderedDict.__init__.__globals__')),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  {
    name: 'an unknown name with dots',
    input: whole(call('a', 'b.c')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'eval as Python 2 spells it',
    input: bytes('c__builtin__\neval\n.'),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  {
    name: 'an unknown function',
    input: whole(call('acme', 'make')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'an unknown import',
    input: whole(stackGlobal('acme', 'Make')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a class of the main program',
    input: whole(bare('__main__', 'Net')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  { name: 'getattr', input: whole(call('builtins', 'getattr')), verdict: 'inconclusive', tier: 'unknown' },
  {
    name: 'a call of what getattr returned',
    input: whole(call('builtins', 'getattr'), bytes(')R')),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  { name: 'an extension code', input: whole(bytes(0x82, 1)), verdict: 'inconclusive', tier: 'unknown' },
  {
    name: 'BUILD on an imported class',
    input: whole(stackGlobal('collections', 'OrderedDict'), bytes('}b')),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  {
    name: 'an item set on an imported dictionary',
    input: whole(stackGlobal('torch.nn.modules.linear', 'Linear'), bytes('NNs')),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  {
    name: 'a permitted function with other arguments',
    input: whole(stackGlobal('_codecs', 'encode'), short('x'), short('rot13'), bytes(0x86, 'R')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'the same with its own',
    input: whole(stackGlobal('_codecs', 'encode'), short('x'), short('latin1'), bytes(0x86, 'R')),
    verdict: 'clean',
    tier: 'weights-only',
  },
  {
    name: 'a loader of bytes that hold weights',
    input: whole(stackGlobal('torch.storage', '_load_from_bytes'), raw(whole(bytes('N'))), bytes(0x85, 'R')),
    verdict: 'clean',
    tier: 'weights-only',
  },
  {
    name: 'a loader of bytes that hold a gadget',
    input: whole(
      stackGlobal('torch.storage', '_load_from_bytes'),
      raw(whole(call('os', 'system'))),
      bytes(0x85, 'R'),
    ),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  {
    name: 'a loader of bytes that are no pickle',
    input: whole(stackGlobal('torch.storage', '_load_from_bytes'), raw(Buffer.from('zip')), bytes(0x85, 'R')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a loader handed on to a function that calls it',
    input: whole(
      stackGlobal('torch._tensor', '_rebuild_from_type_v2'),
      bytes('('),
      stackGlobal('torch.storage', '_load_from_bytes'),
      stackGlobal('torch', 'Tensor'),
      raw(Buffer.from('x')),
      bytes(0x85, 'NtR'),
    ),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a permitted class that a permitted function would construct',
    input: whole(
      stackGlobal('torch._tensor', '_rebuild_from_type_v2'),
      bytes('('),
      stackGlobal('ultralytics.nn.tasks', 'DetectionModel'),
      stackGlobal('torch', 'Tensor'),
      bytes('}', 0x85, 'NtR'),
    ),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a permitted class as the base of another',
    input: whole(
      stackGlobal('copyreg', '_reconstructor'),
      stackGlobal('torch.nn.modules.linear', 'Linear'),
      stackGlobal('ultralytics.nn.tasks', 'DetectionModel'),
      bytes('}', 0x87, 'R'),
    ),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a permitted class constructed with arguments',
    input: bytes('(', global('ultralytics.nn.tasks', 'DetectionModel'), '}o.'),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a permitted class called',
    input: whole(call('ultralytics.nn.tasks', 'DetectionModel')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a tensor subclass rebuilt as PyTorch does',
    input: whole(
      stackGlobal('torch._tensor', '_rebuild_from_type_v2'),
      bytes('('),
      stackGlobal('torch._utils', '_rebuild_tensor_v2'),
      stackGlobal('torch.nn.parameter', 'Parameter'),
      bytes(')}tR'),
    ),
    verdict: 'clean',
    tier: 'weights-only',
  },
  {
    name: 'a persistent id that names no storage',
    input: whole(short('x'), bytes('Q')),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
  {
    name: 'a dictionary of plain values',
    input: whole(bytes('}'), short('a'), bytes('K', 1, 's')),
    verdict: 'clean',
    tier: 'weights-only',
  },
  {
    name: 'a module of torch.nn',
    input: whole(stackGlobal('torch.nn.modules.linear', 'Linear'), bytes(')', 0x81, '}b')),
    verdict: 'clean',
    tier: 'known-classes',
  },
  {
    name: 'training arguments',
    input: whole(stackGlobal('transformers.training_args', 'TrainingArguments'), bytes(')', 0x81, '}b')),
    verdict: 'clean',
    tier: 'training-state',
  },
  {
    name: 'a payload behind STOP',
    input: bytes(whole(bytes('N')), whole(call('os', 'system'))),
    verdict: 'blocked',
    tier: 'dangerous',
  },
  {
    name: 'a pickle cut in the middle',
    input: bytes(proto(4), 'N'),
    verdict: 'inconclusive',
    tier: 'unknown',
  },
];

for (const { name, input, verdict, tier } of CASES) {
  test(`${name}: ${verdict}, ${tier}`, () => {
    const result = judged(input);
    assert.equal(result.verdict, verdict, JSON.stringify(result.findings));
    assert.equal(result.tier, tier);
  });
}

test('a finding says member, byte, call and arguments', () => {
  const [first] = judged(whole(call('posix', 'system', `curl ${'x'.repeat(200)}\u001b[2J`))).findings;
  assert.equal(first?.rule, 'pickle/dangerous-call');
  assert.equal(first.severity, 'critical');
  assert.equal(first.member, 'archive/data.pkl');
  assert.ok((first.offset ?? 0) > 0);
  assert.match(first.message, /^REDUCE calls posix\.system\(/);
  assert.ok(first.message.length < 250 && !first.message.includes('\u001b'));
});

test('ordinary values of the standard library are clean', () => {
  const script = `
import pickle, sys, collections, datetime, decimal, uuid, fractions, pathlib, argparse
value = [collections.OrderedDict(a=1), collections.Counter('aab'), collections.defaultdict(list, a=[1]), collections.deque([1]),
  datetime.datetime(2020, 1, 1), datetime.timedelta(1), datetime.timezone.utc, decimal.Decimal('1.5'), fractions.Fraction(1, 2),
  uuid.UUID(int=5), pathlib.PurePosixPath('a/b'), complex(1, 2), slice(1, 2), range(5), {1, 2}, frozenset([3]), bytearray(b'x'),
  b'bytes', argparse.Namespace(lr=0.1)]
for protocol in range(6):
    data = pickle.dumps(value, protocol)
    sys.stdout.buffer.write(len(data).to_bytes(4, 'little') + data)
`;
  const { stdout } = spawnSync('python3', ['-c', script]);
  let protocols = 0;
  for (let at = 0; at < stdout.length; protocols++) {
    const length = stdout.readUInt32LE(at);
    const { verdict, findings } = judged(stdout.subarray(at + 4, at + 4 + length));
    assert.equal(verdict, 'clean', `protocol ${protocols}: ${JSON.stringify(findings)}`);
    at += 4 + length;
  }
  assert.equal(protocols, 6);
});
