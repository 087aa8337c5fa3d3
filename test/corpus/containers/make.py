"""Makes the files of this folder: containers as the real libraries write them, and as attackers pack their pickles.

The first word of each name is the verdict that is right. Needs joblib, scikit-learn, lz4, zstandard, py7zr and skops:

    python3 -m venv .peers/joblib && .peers/joblib/bin/pip install joblib scikit-learn lz4 zstandard py7zr skops
    .peers/joblib/bin/python test/corpus/containers/make.py

The payloads call `true`. Nothing here is ever unpickled, and this script reads no pickle.
"""

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import warnings
import zipfile
from pathlib import Path

import joblib
import lz4.frame
import numpy as np
import py7zr
import scipy.sparse
import skops.io
import zstandard
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
warnings.simplefilter("ignore")

# GLOBAL, MARK, a string, TUPLE, REDUCE, STOP: assembled by hand.
GADGET = b"\x80\x04cposix\nsystem\n(\x8c\x04truetR."


def write(name: str, data: bytes) -> None:
    assert len(data) < 20_000, name
    (HERE / name).write_bytes(data)


def dumped(value: object, **options: object) -> bytes:
    out = io.BytesIO()
    joblib.dump(value, out, **options)
    return out.getvalue()


def archived(members: dict[str, bytes], mode: str = "w", **options: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **options) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def sevenzipped(members: dict[str, bytes], filters: list[dict[str, int]] | None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=filters) as archive:
        for name, data in members.items():
            archive.writestr(data, name)
    return out.getvalue()


def joblib_files() -> None:
    x, y = load_iris(return_X_y=True)
    forest = RandomForestClassifier(2, max_depth=3, random_state=0).fit(x, y)
    write("clean-forest.joblib", dumped(forest))
    write("clean-pipeline.joblib", dumped(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(x, y)))
    write("clean-words.joblib", dumped(TfidfVectorizer().fit(["a b cc dd", "dd ee ff cc"])))
    words = np.array([["a", "b"], ["c", "d"]], dtype=object)
    write("clean-objects.joblib", dumped(OneHotEncoder().fit(words)))
    write("clean-sparse.joblib", dumped(scipy.sparse.eye(30, format="csr")))
    kinds = {
        "records": np.zeros(2, dtype=[("x", "i4"), ("y", "f8")]),
        "dates": np.array(["2020"], dtype="M8[D]"),
        "text": np.array(["ab", "c"]),
        "none": np.zeros((0, 3)),
        "one": np.array(3),
        "fortran": np.asfortranarray(np.ones((3, 4))),
    }
    write("clean-kinds.joblib", dumped(kinds))
    for protocol in (2, 3, 4, 5):
        write(f"clean-protocol-{protocol}.joblib", dumped({"a": np.arange(30.0)}, protocol=protocol))
    for method in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        write(f"clean-{method}.joblib", dumped(forest, compress=(method, 3)))
    write("blocked-behind-array.joblib", dumped(np.arange(9.0), protocol=2)[:-1] + b"0" + GADGET[2:])


def compressed_files() -> None:
    packers = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
        "lz4": lz4.frame.compress,
        "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    }
    for name, pack in packers.items():
        write(f"blocked-gadget.pkl.{name}", pack(GADGET))
        write(f"blocked-second-stream.pkl.{name}", pack(GADGET[:9]) + pack(GADGET[9:]))
        write(f"inconclusive-trailing.pkl.{name}", pack(pickle.dumps([1, 2], 4)) + b"more")
    write("blocked-three-times.pkl", gzip.compress(bz2.compress(lzma.compress(GADGET))))


def archive_files() -> None:
    config = b"target: nemo.collections.asr.models.EncDecCTCModel\nsample_rate: 16000\n"
    weights = zipped({"model/data.pkl": b"\x80\x02}.", "model/version": b"3\n"})
    nemo = {"./model_config.yaml": config, "./model_weights.ckpt": weights}
    write("clean-model.nemo", archived(nemo))
    write("clean-model-packed.nemo", archived(nemo, "w:gz"))
    evil = {**nemo, "./model_weights.ckpt": zipped({"model/data.pkl": GADGET, "model/version": b"3\n"})}
    write("blocked-model.nemo", archived(evil, "w:gz"))
    kinds = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
    for name, kind in kinds.items():
        long = "folder/" + "n" * (90 if name == "ustar" else 150) + ".json"
        members = {long: b'{"a": 1}\n', "weights.pkl": pickle.dumps([1.0], 4)}
        write(f"clean-{name}.tar", archived(members, format=kind))
        write(f"blocked-{name}.tar", archived({**members, "z": GADGET}, format=kind))
    filters = {
        "usual": None,
        "copy": [{"id": py7zr.FILTER_COPY}],
        "lzma": [{"id": py7zr.FILTER_LZMA}],
        "lzma2": [{"id": py7zr.FILTER_LZMA2, "preset": 6}],
        "deflate": [{"id": py7zr.FILTER_DEFLATE}],
        "bzip2": [{"id": py7zr.FILTER_BZIP2}],
        "zstd": [{"id": py7zr.FILTER_ZSTD, "level": 3}],
    }
    for name, chain in filters.items():
        members = {"weights.pkl": pickle.dumps([1.0], 4), "README.md": b"# A model\n"}
        write(f"clean-{name}.7z", sevenzipped(members, chain))
        write(f"blocked-{name}.7z", sevenzipped({**members, "z.bin": GADGET}, chain))
    methods = {"stored": 0, "deflated": 8, "bzip2": 12, "lzma": 14}
    for name, method in methods.items():
        write(f"clean-{name}.zip", zipped({"a.pkl": pickle.dumps([1.0], 4)}, method))
        write(f"blocked-{name}.zip", zipped({"a.pkl": GADGET}, method))


def skops_files() -> None:
    x, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(x, y)
    out = skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED)
    write("clean-model.skops", out)


joblib_files()
compressed_files()
archive_files()
skops_files()
