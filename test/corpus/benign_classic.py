"""Makes benign/classic/: what numpy, scipy, scikit-learn, joblib, pandas, xgboost, lightgbm, onnx, skops, safetensors,
gguf, h5py and the standard library write. Run by make-benign.sh in an environment that has them."""
import argparse
import collections
import datetime
import decimal
import fractions
import io
import json
import pathlib
import pickle
import re
import tempfile
import uuid
import warnings

import gguf
import h5py
import joblib
import lightgbm
import ml_dtypes
import numpy as np
import onnx
import onnx.helper as oh
import pandas as pd
import safetensors.numpy
import scipy
import scipy.interpolate
import scipy.sparse as sp
import skl2onnx
import sklearn
import skops.io
import xgboost
from sklearn import (cluster, compose, covariance, decomposition, discriminant_analysis, dummy, ensemble, feature_extraction,
                     feature_selection, gaussian_process, impute, isotonic, kernel_ridge, linear_model, manifold, mixture,
                     model_selection, multiclass, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm, tree)

from corpus import Part

warnings.filterwarnings("ignore")
RNG = np.random.default_rng(7)
X = RNG.normal(size=(24, 4))
Y = (X[:, 0] > 0).astype(int)
Z = X @ np.array([1.0, -2.0, 0.5, 0.0])
TEXTS = ["one two three", "two three four", "four five six one"] * 8


def dumped(thing, protocol=4):
    return pickle.dumps(thing, protocol)


def packed(thing, compress=0, protocol=None):
    target = io.BytesIO()
    joblib.dump(thing, target, compress=compress, protocol=protocol)
    return target.getvalue()


def saved(save):
    """What `save(path)` leaves behind."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "file"
        save(str(path))
        found = path if path.exists() else next(pathlib.Path(folder).iterdir())
        return found.read_bytes()


def arrays():
    yield from [
        ("float32", X.astype("f4")), ("float16", X.astype("f2")), ("int64", np.arange(12).reshape(3, 4)),
        ("bool", X > 0), ("complex64", X.astype("c8")), ("fortran", np.asfortranarray(X)), ("zero-d", np.array(3.0)),
        ("empty", np.zeros((0, 4))), ("big-endian", X.astype(">f4")), ("uint8", np.arange(32, dtype="u1")),
        ("structured", np.zeros(3, dtype=[("a", "<f4"), ("b", "<i8", (2,))])), ("unicode", np.array(["cat", "dog"])),
        ("bytes", np.array([b"cat", b"dog"])), ("datetime", np.array(["2024-01-01"], dtype="M8[D]")),
    ]


def numpy_files():
    for name, array in arrays():
        yield f"npy-{name}.npy", saved_npy(array), True, f"numpy.save of {name}"
    for name, array in list(arrays())[:7]:
        for protocol in (0, 2, 4, 5):
            yield f"numpy-{name}-p{protocol}.pkl", dumped({"w": array}, protocol), True, f"a dictionary of a {name} array, protocol {protocol}"
    yield "numpy-scalars.pkl", dumped({"lr": np.float32(0.1), "n": np.int64(3), "ok": np.bool_(True)}), True, "numpy scalars"
    yield "numpy-list.pkl", dumped([X[:3], X[3:5]], 2), True, "a list of arrays"
    yield "numpy-state.pkl", dumped(collections.OrderedDict(weight=X.astype("f4"), bias=Z.astype("f4"))), True, "an OrderedDict of arrays"
    yield "numpy-bfloat16.pkl", dumped({"w": X.astype(ml_dtypes.bfloat16)}), False, "an array of ml_dtypes' bfloat16"
    yield "numpy-random-state.pkl", dumped(np.random.RandomState(1)), False, "the state of a random generator"
    yield "numpy-generator.pkl", dumped(np.random.default_rng(1)), False, "a random generator"
    yield "numpy-masked.pkl", dumped(np.ma.masked_array(X, X > 1)), False, "a masked array"
    yield "numpy-objects.pkl", dumped({"names": np.array(["a", "bb", None], dtype=object)}), False, "an array of objects"
    yield "numpy-recarray.pkl", dumped(np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])), False, "a record array"
    for compressed, save in ((False, np.savez), (True, np.savez_compressed)):
        target = io.BytesIO()
        save(target, weight=X.astype("f4"), bias=Z, step=np.array(3))
        yield f"npz-{'compressed' if compressed else 'stored'}.npz", target.getvalue(), True, "three arrays in an .npz"


def saved_npy(array):
    target = io.BytesIO()
    np.save(target, array, allow_pickle=False)
    return target.getvalue()


def scipy_files():
    matrix = sp.random(20, 10, 0.2, random_state=1)
    for name in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
        yield f"scipy-{name}.pkl", dumped(matrix.asformat(name)), False, f"a sparse {name} matrix"
    yield "scipy-csr-array.pkl", dumped(sp.csr_array(matrix)), False, "a sparse array"
    target = io.BytesIO()
    sp.save_npz(target, matrix.tocsr())
    yield "scipy-save-npz.npz", target.getvalue(), True, "scipy.sparse.save_npz"
    yield "scipy-interp1d.pkl", dumped(scipy.interpolate.PchipInterpolator(range(6), Z[:6])), False, "an interpolator"
    yield "scipy-kdtree.pkl", dumped(scipy.spatial.cKDTree(X)), False, "a tree of points"
    yield "scipy-norm.pkl", dumped(scipy.stats.norm(0, 1)), False, "a distribution"


def estimators():
    yield from [
        linear_model.LogisticRegression(), linear_model.Ridge(), linear_model.Lasso(), linear_model.ElasticNet(),
        linear_model.SGDClassifier(), linear_model.BayesianRidge(), linear_model.HuberRegressor(), linear_model.Perceptron(),
        linear_model.LinearRegression(), linear_model.PassiveAggressiveClassifier(), linear_model.LogisticRegressionCV(max_iter=50),
        svm.SVC(probability=True), svm.LinearSVC(), svm.SVR(), svm.OneClassSVM(), tree.DecisionTreeClassifier(max_depth=3),
        tree.DecisionTreeRegressor(max_depth=3), ensemble.RandomForestClassifier(3, max_depth=3), ensemble.ExtraTreesRegressor(3, max_depth=3),
        ensemble.GradientBoostingClassifier(n_estimators=3, max_depth=2), ensemble.HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4),
        ensemble.AdaBoostClassifier(n_estimators=3), ensemble.BaggingClassifier(n_estimators=2), ensemble.IsolationForest(n_estimators=3),
        neighbors.KNeighborsClassifier(3), neighbors.KNeighborsRegressor(3, algorithm="ball_tree"), neighbors.NearestCentroid(),
        neighbors.LocalOutlierFactor(novelty=True), naive_bayes.GaussianNB(), naive_bayes.BernoulliNB(), neural_network.MLPClassifier((4,), max_iter=20),
        gaussian_process.GaussianProcessRegressor(), discriminant_analysis.LinearDiscriminantAnalysis(), kernel_ridge.KernelRidge(),
        cluster.KMeans(3, n_init=1), cluster.DBSCAN(), cluster.MiniBatchKMeans(3, n_init=1), cluster.AgglomerativeClustering(2),
        mixture.GaussianMixture(2), decomposition.PCA(2), decomposition.TruncatedSVD(2), decomposition.FastICA(2), decomposition.KernelPCA(2),
        manifold.Isomap(n_neighbors=4), dummy.DummyClassifier(), covariance.EllipticEnvelope(), preprocessing.StandardScaler(), preprocessing.MinMaxScaler(),
        preprocessing.PolynomialFeatures(2), preprocessing.QuantileTransformer(n_quantiles=8), preprocessing.KBinsDiscretizer(3),
        preprocessing.PowerTransformer(), impute.SimpleImputer(), impute.KNNImputer(), feature_selection.SelectKBest(k=2),
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression()), model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1.0]}, cv=2),
    ]


def pipelines():
    yield "pipeline", pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()).fit(X, Y)
    yield "union", pipeline.make_union(preprocessing.StandardScaler(), decomposition.PCA(2)).fit(X)
    yield "columns", compose.make_column_transformer((preprocessing.StandardScaler(), [0, 1]), remainder="passthrough").fit(X)
    yield "tfidf", pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(), linear_model.LogisticRegression()).fit(TEXTS, Y)
    yield "count", feature_extraction.text.CountVectorizer(ngram_range=(1, 2)).fit(TEXTS)
    yield "dict-vectorizer", feature_extraction.DictVectorizer().fit([{"a": 1}, {"b": 2}])
    yield "one-hot", preprocessing.OneHotEncoder().fit([["a"], ["b"]])
    yield "label-encoder", preprocessing.LabelEncoder().fit(["cat", "dog"])
    yield "ordinal", preprocessing.OrdinalEncoder().fit([["a"], ["b"]])
    yield "function-log", preprocessing.FunctionTransformer(np.log1p).fit(abs(X))
    yield "target", compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler()).fit(X, Z)
    yield "voting", ensemble.VotingClassifier([("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())]).fit(X, Y)
    yield "stacking", ensemble.StackingRegressor([("a", linear_model.Ridge())]).fit(X, Z)
    yield "calibrated", sklearn.calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2).fit(X, Y)
    yield "isotonic", isotonic.IsotonicRegression().fit(X[:, 0], Z)


def sklearn_files():
    compressors = [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("lz4", 3)]
    for index, estimator in enumerate(estimators()):
        name = type(estimator).__name__.lower()
        try:
            estimator.fit(X, Y)
        except ValueError:
            estimator.fit(X)
        compress = compressors[index % len(compressors)]
        if index % 2:
            yield f"sklearn-{name}.joblib", packed(estimator, compress), False, f"{type(estimator).__name__} by joblib, compress={compress}"
        else:
            yield f"sklearn-{name}.pkl", dumped(estimator, 2 + index % 4), False, f"{type(estimator).__name__} by pickle"
    for name, fitted in pipelines():
        yield f"sklearn-{name}.pkl", dumped(fitted), False, f"{name} by pickle"
        yield f"sklearn-{name}.joblib", packed(fitted, ("zlib", 3)), False, f"{name} by joblib, zlib"
    for compress in compressors:
        label = compress[0] if compress else "none"
        yield f"joblib-arrays-{label}.joblib", packed({"w": X, "b": Z}, compress), True, f"arrays by joblib, {label}"


def pandas_files():
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, None, 2.0], "c": ["x", "y", "z"], "d": pd.to_datetime(["2024-01-01"] * 3), "e": pd.Categorical(["u", "v", "u"])})
    things = {
        "frame": frame, "numeric": pd.DataFrame(X, columns=list("abcd")), "series": frame["a"], "multi-index": frame.set_index(["a", "c"]),
        "datetime-index": pd.Series(range(3), index=pd.date_range("2024-01-01", periods=3, tz="UTC")), "period": pd.Series(pd.period_range("2024", periods=2, freq="M")),
        "interval": pd.Series(pd.interval_range(0, 3)), "timedelta": pd.Series(pd.to_timedelta([1, 2], "s")), "nullable": pd.DataFrame({"i": pd.array([1, None], "Int64"), "s": pd.array(["a", None], "string")}),
        "sparse": pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1])}), "timestamp": pd.Timestamp("2024-01-01"), "range-index": pd.DataFrame({"x": [1.0]}).T,
    }
    for name, thing in things.items():
        yield f"pandas-{name}.pkl", dumped(thing), False, f"pandas: {name}"


def booster_files():
    classifier = xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(X, Y)
    yield "xgboost-classifier.pkl", dumped(classifier), False, "XGBClassifier by pickle"
    yield "xgboost-booster.pkl", dumped(classifier.get_booster()), False, "Booster by pickle"
    yield "xgboost-regressor.joblib", packed(xgboost.XGBRegressor(n_estimators=2, max_depth=2).fit(X, Z), 3), False, "XGBRegressor by joblib"
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("json", "ubj"):
            classifier.save_model(f"{folder}/m.{kind}")
            yield f"xgboost-model.{kind}", pathlib.Path(f"{folder}/m.{kind}").read_bytes(), False, f"XGBoost's own {kind}"
    light = lightgbm.LGBMClassifier(n_estimators=2, num_leaves=3, min_child_samples=2, verbose=-1).fit(X, Y)
    yield "lightgbm-classifier.pkl", dumped(light), False, "LGBMClassifier by pickle"
    yield "lightgbm-booster.joblib", packed(light.booster_, 3), False, "LightGBM's Booster by joblib"
    yield "lightgbm-model.txt", light.booster_.model_to_string().encode(), False, "LightGBM's own text"


def other_files():
    weights = {"w": X.astype("f4"), "b": np.zeros(4, "f4")}
    yield "model.safetensors", safetensors.numpy.save(weights), True, "safetensors by numpy"
    yield "metadata.safetensors", safetensors.numpy.save(weights, metadata={"format": "pt"}), True, "safetensors with metadata"
    yield "half.safetensors", safetensors.numpy.save({"w": X.astype("f2"), "i": np.arange(3), "z": np.zeros((0, 2))}), True, "safetensors of several types"
    yield "plain.gguf", gguf_file("llama", None), True, "GGUF without a template"
    yield "template.gguf", gguf_file("qwen2", "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"), True, "GGUF with a template"
    yield "h5py-datasets.h5", saved(h5_file), True, "datasets by h5py"
    yield "skl2onnx-logistic.onnx", skl2onnx.to_onnx(linear_model.LogisticRegression().fit(X, Y), X[:1].astype("f4")).SerializeToString(), False, "scikit-learn to ONNX"
    yield "skl2onnx-forest.onnx", skl2onnx.to_onnx(ensemble.RandomForestClassifier(2, max_depth=2).fit(X, Y), X[:1].astype("f4")).SerializeToString(), False, "a forest as ONNX"
    yield "onnx-linear.onnx", onnx_file(), False, "a linear model by onnx"
    for name, thing in (("logistic", linear_model.LogisticRegression().fit(X, Y)), ("pipeline", pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()).fit(X, Y))):
        yield f"skops-{name}.skops", skops.io.dumps(thing), False, f"skops: {name}"


def gguf_file(architecture, template):
    def save(path):
        writer = gguf.GGUFWriter(path, architecture)
        writer.add_block_count(1)
        writer.add_context_length(128)
        writer.add_token_list(["a", "b", "c"])
        writer.add_token_scores([0.0, -1.0, -2.0])
        if template:
            writer.add_chat_template(template)
        writer.add_tensor("token_embd.weight", X.astype("f4"))
        writer.add_tensor("output.weight", X.astype("f2"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return saved(save)


def h5_file(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("layer/weight", data=X.astype("f4"))
        file.create_dataset("layer/bias", data=np.zeros(4, "f4"), compression="gzip")
        file.attrs["format"] = "weights"


def onnx_file():
    weight = onnx.numpy_helper.from_array(X[:4].astype("f4"), "w")
    graph = oh.make_graph([oh.make_node("MatMul", ["x", "w"], ["y"])], "g", [oh.make_tensor_value_info("x", 1, [1, 4])], [oh.make_tensor_value_info("y", 1, [1, 4])], [weight])
    return oh.make_model(graph, opset_imports=[oh.make_opsetid("", 17)]).SerializeToString()


def python_files():
    things = {
        "state": {"epoch": 3, "lr": 0.1, "names": ["a", "b"], "done": True, "none": None, "nested": {"t": (1, 2.5, "x")}},
        "collections": [collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.Counter("abca"), collections.deque([1, 2], maxlen=3)],
        "sets": {"s": {1, 2}, "f": frozenset("ab"), "b": b"bytes", "ba": bytearray(b"x"), "r": range(3), "sl": slice(1, 2), "c": 1 + 2j},
        "datetime": [datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), datetime.date(2024, 1, 1), datetime.timedelta(1), datetime.time(3)],
        "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.UUID(int=7), 10**40],
        "namespace": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("/data/x"), data=pathlib.PosixPath("runs/1")),
    }
    for name, thing in things.items():
        for protocol in (0, 2, 5):
            yield f"python-{name}-p{protocol}.pkl", dumped(thing, protocol), False, f"the standard library: {name}, protocol {protocol}"
    yield "python-pattern-p4.pkl", dumped(re.compile(r"\d+")), False, "a regular expression"


VERSIONS = {"numpy": np, "npy": np, "npz": np, "scipy": scipy, "sklearn": sklearn, "joblib": joblib, "pandas": pd, "xgboost": xgboost, "lightgbm": lightgbm, "skl2onnx": skl2onnx, "onnx": onnx}
NAMES = {"npy": "numpy", "npz": "numpy", "sklearn": "scikit-learn"}


def made_by(name):
    stem = name.split("-")[0]
    if stem in VERSIONS:
        return f"{NAMES.get(stem, stem)} {VERSIONS[stem].__version__}"
    for ending, library in ((".safetensors", f"safetensors {safetensors.__version__}"), (".gguf", "gguf 0.19.0"), (".h5", f"h5py {h5py.__version__}"), (".skops", f"skops {skops.__version__}")):
        if name.endswith(ending):
            return library
    return "Python 3.11"


def main():
    part = Part("benign/classic", "benign", expect="clean")
    for make in (numpy_files, scipy_files, sklearn_files, pandas_files, booster_files, other_files, python_files):
        for name, data, weights, note in make():
            if len(data) > 20_000:
                print(f"left out, too large: {name} ({len(data)})")
                continue
            part.add(name, data, family=name.split("-")[0].split(".")[-1], weightsOnly=weights, madeBy=made_by(name), note=note)
    part.close()


if __name__ == "__main__":
    main()
