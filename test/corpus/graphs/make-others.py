"""Writes the files of other libraries of this folder: python make-others.py <folder>.

Needs xgboost, lightgbm, catboost, flax, openvino, coremltools, pyreadr and numpy; what is missing is left out.
"""
import os
import sys

import numpy as np

out = sys.argv[1]
rng = np.random.default_rng(1)
x, y = rng.random((60, 4)), rng.integers(0, 2, 60)
path = lambda name: os.path.join(out, name)


def xgboost():
    import xgboost as xgb

    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2}, xgb.DMatrix(x, y), 2)
    booster.save_model(path("xgboost.json"))
    booster.save_model(path("xgboost.ubj"))


def lightgbm():
    import lightgbm as lgb

    params = {"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 2, "verbose": -1}
    lgb.train(params, lgb.Dataset(x, y), 2).save_model(path("lightgbm.txt"))


def catboost():
    import catboost

    model = catboost.CatBoostClassifier(iterations=2, depth=2, verbose=False, allow_writing_files=False)
    model.fit(x, y)
    model.save_model(path("catboost.cbm"))


def flax():
    from flax import serialization

    tree = {"params": {"Dense_0": {"kernel": np.ones((4, 2), "float32"), "bias": np.zeros(2, "float32")}},
            "step": 3, "scale": np.float32(2), "opt": [np.ones(2, "int32"), 1.5, "adam", None, True]}
    with open(path("flax.msgpack"), "wb") as file:
        file.write(serialization.to_bytes(tree))


def openvino():
    import openvino as ov
    from openvino import opset13 as ops

    parameter = ops.parameter([1, 4], np.float32, name="x")
    node = ops.relu(ops.matmul(parameter, ops.constant(np.ones((4, 2), "float32")), False, False))
    ov.save_model(ov.Model([node], [parameter], "m"), path("openvino.xml"), compress_to_fp16=False)


def coreml():
    from coremltools.models import MLModel
    from coremltools.models.datatypes import Array
    from coremltools.models.neural_network import NeuralNetworkBuilder

    builder = NeuralNetworkBuilder([("x", Array(4))], [("y", Array(2))], disable_rank5_shape_mapping=True)
    builder.add_inner_product("dense", np.ones((2, 4)), np.zeros(2), 4, 2, True, "x", "y")
    with open(path("coreml.mlmodel"), "wb") as file:
        file.write(builder.spec.SerializeToString())
    custom = builder.spec.neuralNetwork.layers.add()
    custom.name, custom.custom.className = "mine", "MyLayer"
    custom.input.append("y")
    custom.output.append("z")
    with open(path("coreml-custom.mlmodel"), "wb") as file:
        file.write(builder.spec.SerializeToString())


def coreml_program():
    import shutil

    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 40))])
    def program(x):
        return mb.softmax(x=mb.linear(x=x, weight=rng.random((30, 40), "float32"), bias=np.zeros(30, "float32")))

    package = "/tmp/weighlock-corpus.mlpackage"
    ct.convert(program, convert_to="mlprogram", skip_model_load=True).save(package)
    content = os.path.join(package, "Data", "com.apple.CoreML")
    shutil.copy(os.path.join(content, "model.mlmodel"), path("coreml-program.mlmodel"))
    shutil.copy(os.path.join(content, "weights", "weight.bin"), path("coreml-weights.bin"))


def r():
    import pandas
    import pyreadr

    frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": [True, False, True]})
    pyreadr.write_rds(path("frame.rds"), frame)
    pyreadr.write_rdata(path("frame.RData"), frame, df_name="frame")


for write in [xgboost, lightgbm, catboost, flax, openvino, coreml, coreml_program, r]:
    try:
        write()
    except ImportError as missing:
        print(f"left out: {missing}")
