"""Makes benign/torch/: what Debian's torch, transformers' TrainingArguments and model libraries over torch write."""
import collections
import importlib
import io
import pathlib
import pickle
import struct
import sys
import tempfile

import torch
from torch import nn

import boxes
from corpus import Part

torch.manual_seed(3)
LAYERS = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
VERSION = f"torch {torch.__version__} (Debian)"


def saved(thing, legacy=False, **more):
    target = io.BytesIO()
    torch.save(thing, target, _use_new_zipfile_serialization=not legacy, **more)
    return target.getvalue()


def trained():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    for _ in range(3):
        model(torch.randn(8, 4)).sum().backward()
        optimizer.step()
        schedule.step()
    return model, optimizer, schedule


def tensors():
    base = torch.randn(6, 4)
    yield "float", base
    yield "half", base.half()
    yield "bfloat16", base.bfloat16()
    yield "double", base.double()
    yield "integers", torch.arange(10)
    yield "int8", torch.arange(10, dtype=torch.int8)
    yield "bool", base > 0
    yield "complex", torch.randn(3, dtype=torch.complex64)
    yield "scalar", torch.tensor(2.5)
    yield "empty", torch.zeros(0, 3)
    yield "transposed", base.t()
    yield "slice", base[1:3, ::2]
    yield "expanded", torch.ones(1, 3).expand(5, 3)
    yield "conjugate", torch.randn(3, dtype=torch.complex64).conj()
    yield "requires-grad", torch.randn(3, requires_grad=True)
    yield "parameter", nn.Parameter(base)
    yield "channels-last", torch.randn(1, 3, 4, 4).to(memory_format=torch.channels_last)
    yield "shared", {"a": base, "b": base, "c": base[2:]}
    yield "sparse", base.relu().to_sparse()
    yield "sparse-csr", base.relu().to_sparse_csr()
    yield "quantized", torch.quantize_per_tensor(base, 0.1, 10, torch.quint8)
    yield "quantized-channels", torch.quantize_per_channel(base, torch.ones(6), torch.zeros(6), 0, torch.qint8)
    yield "many", [torch.randn(2) for _ in range(20)]


def states():
    model, optimizer, schedule = trained()
    yield "state-dict", LAYERS.state_dict()
    yield "state-dict-norm", model.state_dict()
    yield "optimizer", optimizer.state_dict()
    yield "sgd", torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9).state_dict()
    yield "schedule", schedule.state_dict()
    yield "checkpoint", {"epoch": 3, "loss": 0.25, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "args": {"lr": 0.1, "name": "x", "sizes": torch.Size([1, 2])}}
    yield "dtype-device", {"dtype": torch.float16, "device": torch.device("cpu"), "w": torch.ones(2)}
    yield "generator-state", torch.get_rng_state()
    yield "lora", collections.OrderedDict((f"base_model.layers.{n}.lora_{s}.weight", torch.randn(2, 4)) for n in range(3) for s in "AB")


def modules():
    yield "linear", nn.Linear(3, 2)
    yield "sequential", LAYERS
    yield "conv", nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.1))
    yield "lstm", nn.LSTM(4, 3, 1)
    yield "gru", nn.GRU(4, 3, 1)
    yield "embedding", nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm(4), nn.GELU(), nn.Softmax(-1))
    yield "attention", nn.MultiheadAttention(4, 2)
    yield "transformer", nn.TransformerEncoderLayer(4, 2, 8)
    yield "module-list", nn.ModuleList([nn.Linear(2, 2), nn.Identity()])
    yield "module-dict", nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Tanh()})
    yield "parameter-list", nn.ParameterList([nn.Parameter(torch.ones(2))])
    yield "loss", nn.CrossEntropyLoss()


def torch_files():
    for name, thing in tensors():
        yield f"tensor-{name}.pt", saved({"w": thing}), True, f"a tensor: {name}"
    for name, thing in list(tensors())[:19:2]:
        yield f"legacy-{name}.pt", saved({"w": thing}, legacy=True), True, f"a tensor in the legacy format: {name}"
    for name, thing in states():
        yield f"{name}.bin", saved(thing), True, f"{name}, new format"
        yield f"legacy-{name}.bin", saved(thing, legacy=True), True, f"{name}, legacy format"
    yield "protocol-4.pt", saved(LAYERS.state_dict(), pickle_protocol=4), True, "a state dictionary, protocol 4"
    yield "legacy-protocol-4.pt", saved(LAYERS.state_dict(), legacy=True, pickle_protocol=4), True, "a legacy state dictionary, protocol 4"
    yield "plain-pickle.pkl", pickle.dumps(LAYERS.state_dict()), True, "a state dictionary by pickle alone: storages as nested checkpoints"
    yield "tar.pt", tar_checkpoint(), True, "the oldest format, a tar"
    for name, module in modules():
        yield f"module-{name}.pt", saved(module), False, f"a whole module: {name}"
    yield "legacy-module-sequential.pt", saved(LAYERS, legacy=True), False, "a whole module in the legacy format"
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(LAYERS), script)
    yield "scripted.pt", script.getvalue(), False, "TorchScript by script"
    trace = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)), trace)
    yield "traced.pt", trace.getvalue(), False, "TorchScript by trace"


def tar_checkpoint():
    """As torch 0.1 wrote it, from the loader that torch still has; it is loaded again below, to be sure."""
    numbers = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    raw = numbers.numpy().tobytes()
    storages = pickle.dumps(1, 2) + pickle.dumps((0, "cpu", torch.FloatStorage), 2) + struct.pack("<q", 6) + raw + pickle.dumps([], 2)
    about = struct.pack("<i", 2) + b"\0" * 4 + struct.pack("<qq", 2, 3) + struct.pack("<qq", 3, 1) + struct.pack("<q", 0)
    whole = pickle.dumps(1, 2) + pickle.dumps((1, 0, torch.FloatTensor), 2) + about
    target = io.BytesIO()
    pickler = pickle.Pickler(target, 2)
    pickler.persistent_id = lambda thing: "1" if thing is numbers else None
    pickler.dump({"w": numbers})
    system = pickle.dumps({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    data = boxes.tarred([("sys_info", system), ("pickle", target.getvalue()), ("tensors", whole), ("storages", storages)])
    with tempfile.NamedTemporaryFile() as file:
        pathlib.Path(file.name).write_bytes(data)
        assert torch.equal(torch.load(file.name)["w"], numbers)
    return data


def package_file():
    from torch.package import PackageExporter
    target = io.BytesIO()
    with PackageExporter(target) as exporter:
        exporter.extern("**")
        exporter.save_pickle("model", "model.pkl", LAYERS.state_dict())
    yield "package.pt", target.getvalue(), False, "torch.package with a state dictionary"


def transformers_files():
    from transformers import Seq2SeqTrainingArguments, TrainingArguments
    from transformers.trainer_callback import TrainerState
    import transformers
    # The default names this machine and this minute.
    runs = {"output_dir": "out", "logging_dir": "out/runs"}
    for name, args in {
        "training-args": TrainingArguments(**runs), "training-args-many": TrainingArguments(**runs, evaluation_strategy="epoch", save_strategy="epoch", optim="adafactor", lr_scheduler_type="cosine", report_to=[]),
        "training-args-seq2seq": Seq2SeqTrainingArguments(**runs, predict_with_generate=True),
    }.items():
        yield f"{name}.bin", saved(args), False, "TrainingArguments as Trainer writes them", f"transformers {transformers.__version__}"
        yield f"{name}.pkl", pickle.dumps(args), False, "TrainingArguments by pickle", f"transformers {transformers.__version__}"
    yield "trainer-state.pkl", pickle.dumps(TrainerState()), False, "the trainer's state", f"transformers {transformers.__version__}"
    config = transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, vocab_size=16, max_position_embeddings=8)
    yield "bert-state.bin", saved(transformers.BertModel(config).state_dict()), True, "BERT's state dictionary", f"transformers {transformers.__version__}"


def safetensors_files():
    import safetensors
    import safetensors.torch
    by = f"safetensors {safetensors.__version__}"
    yield "model.safetensors", safetensors.torch.save(LAYERS.state_dict()), True, "safetensors by torch", by
    yield "bfloat16.safetensors", safetensors.torch.save({"w": torch.randn(4, 4).bfloat16()}, {"format": "pt"}), True, "bfloat16 in safetensors", by


def vision_files():
    """Detectors and backbones pickle whole modules of their own; the largest part of real false alarms."""
    timm = importlib.import_module("timm")
    from timm.models.layers import DropPath, PatchEmbed
    yield "timm-layers.pt", saved(nn.Sequential(PatchEmbed(8, 4, 1, 8), DropPath(0.1))), False, "layers of timm", f"timm {timm.__version__}"
    ultralytics = importlib.import_module("ultralytics")
    from ultralytics.nn.modules import C2f, Conv, SPPF
    block = nn.Sequential(Conv(3, 4, 3), C2f(4, 4, 1))
    by = f"ultralytics {ultralytics.__version__}"
    yield "ultralytics-blocks.pt", saved({"epoch": -1, "model": block.half(), "optimizer": None, "train_args": {"lr0": 0.01}, "date": "2024-01-01T00:00:00"}), False, "a checkpoint of blocks", by
    yield "ultralytics-sppf.pt", saved(SPPF(4, 4)), False, "a block", by


def main():
    part = Part("benign/torch", "benign", expect="clean")
    for make in (torch_files, package_file, transformers_files, safetensors_files, vision_files):
        try:
            for name, data, weights, note, *by in make():
                if len(data) > 20_000:
                    print(f"left out, too large: {name} ({len(data)})")
                    continue
                part.add(name, data, family=by[0].split(" ")[0] if by else "torch", weightsOnly=weights, madeBy=by[0] if by else VERSION, note=note)
        except ImportError as error:
            print(f"left out, {make.__name__}: {error}", file=sys.stderr)
    part.close()


if __name__ == "__main__":
    main()
