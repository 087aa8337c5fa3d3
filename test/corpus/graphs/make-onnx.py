"""Writes the ONNX files of this folder with the real library: python make-onnx.py <folder>. Needs onnx and numpy."""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

out = sys.argv[1]


def model(nodes, initializers=(), **options):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), *options.pop("opsets", [])], **options)


w = numpy_helper.from_array(np.ones((4, 2), dtype="float32"), "w")
half = numpy_helper.from_array(np.ones((2,), dtype="float16"), "half")
small = helper.make_tensor("small", TensorProto.INT4, [3], [1, 2, 3])
linear = model([helper.make_node("MatMul", ["x", "w"], ["y"])], [w, half, small])
onnx.save(linear, os.path.join(out, "linear.onnx"))

branch = lambda op: helper.make_graph([helper.make_node(op, ["x"], ["z"])], op,
                                      [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)])
condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
onnx.save(model([helper.make_node("If", ["c"], ["y"], then_branch=branch("Relu"), else_branch=branch("Neg"))],
                [condition]), os.path.join(out, "branches.onnx"))

function = helper.make_function("local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                [helper.make_opsetid("", 18)])
onnx.save(model([helper.make_node("Twice", ["x"], ["y"], domain="local")], functions=[function],
                opsets=[helper.make_opsetid("local", 1)]), os.path.join(out, "function.onnx"))
onnx.save(model([helper.make_node("Mine", ["x"], ["y"], domain="com.mine")],
                opsets=[helper.make_opsetid("com.mine", 1)]), os.path.join(out, "custom.onnx"))


def external(name, **entries):
    outside = onnx.TensorProto()
    outside.CopyFrom(w)
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        entry = outside.external_data.add()
        entry.key, entry.value = key, value
    path = os.path.join(out, name)
    with open(path, "wb") as file:
        file.write(model([helper.make_node("MatMul", ["x", "w"], ["y"])], [outside]).SerializeToString())


external("external.onnx", location="weights.bin", offset="0", length="32")
external("external-traversal.onnx", location="../../etc/passwd", offset="0", length="32")
external("external-keys.onnx", location="weights.bin", __class__="x")
external("external-negative.onnx", location="weights.bin", offset="-1", length="32")
linear.graph.initializer[0].dims[0] = 1 << 40
with open(os.path.join(out, "huge.onnx"), "wb") as file:
    file.write(linear.SerializeToString())
