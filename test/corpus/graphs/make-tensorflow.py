"""Writes the TensorFlow and TFLite files of this folder with the real library: python make-tensorflow.py <folder>.

Needs tensorflow-cpu.
"""
import os
import shutil
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import tensorflow as tf

out = sys.argv[1]


def save(name, module, signatures=None):
    folder = os.path.join("/tmp", name)
    tf.saved_model.save(module, folder, signatures=signatures)
    shutil.copy(os.path.join(folder, "saved_model.pb"), os.path.join(out, name + ".pb"))
    return folder


class Linear(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.ones((4, 2)))

    @tf.function(input_signature=[tf.TensorSpec((None, 4))])
    def __call__(self, x):
        return tf.nn.relu(tf.matmul(x, self.weights)) if True else x


class Reader(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def __call__(self, path):
        return tf.io.read_file(path)


class Writer(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])
    def __call__(self, x):
        tf.io.write_file("/tmp/weighlock-inert", "inert")
        return x


class Python(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])
    def __call__(self, x):
        return tf.py_function(lambda value: value, [x], tf.float32)


folder = save("linear", Linear())
shutil.copy(os.path.join(folder, "fingerprint.pb"), os.path.join(out, "fingerprint.pb"))
shutil.copy(os.path.join(folder, "variables", "variables.index"), os.path.join(out, "variables.index"))
shutil.copy(os.path.join(folder, "variables", "variables.data-00000-of-00001"), os.path.join(out, "variables.data"))
save("reads-file", Reader())
save("writes-file", Writer())
save("calls-python", Python())

layers = keras.layers
model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3, activation="relu"), layers.MaxPooling2D(),
                          layers.Flatten(), layers.Dense(3, activation="softmax")])
concrete = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((1, 8, 8, 1)))
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

frozen = convert_variables_to_constants_v2(concrete)
with open(os.path.join(out, "frozen.pb"), "wb") as file:
    file.write(frozen.graph.as_graph_def().SerializeToString())

converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
with open(os.path.join(out, "conv.tflite"), "wb") as file:
    file.write(converter.convert())
converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
with open(os.path.join(out, "quantized.tflite"), "wb") as file:
    file.write(converter.convert())


@tf.function(input_signature=[tf.TensorSpec((4, 3), tf.float32)])
def cross(x):
    return tf.linalg.cross(x, x)


converter = tf.lite.TFLiteConverter.from_concrete_functions([cross.get_concrete_function()], None)
converter.allow_custom_ops = True
with open(os.path.join(out, "custom.tflite"), "wb") as file:
    file.write(converter.convert())

with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
    x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
    w = tf.compat.v1.get_variable("w", (4, 2), use_resource=False)
    tf.matmul(x, w, name="y")
    session.run(tf.compat.v1.global_variables_initializer())
    tf.compat.v1.train.Saver().save(session, "/tmp/v1-checkpoint/model")
    shutil.copy("/tmp/v1-checkpoint/model.meta", os.path.join(out, "checkpoint.meta"))
