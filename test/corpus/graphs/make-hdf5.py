"""Writes the HDF5 and Keras files of this folder with the real libraries: python make-hdf5.py <folder>.

Needs h5py, numpy and keras (KERAS_BACKEND=numpy is enough).
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "numpy")
import h5py
import keras
import numpy as np

out = sys.argv[1]


def h5(name, write, **options):
    with h5py.File(os.path.join(out, name), "w", **options) as file:
        write(file)


def plain(file):
    rng = np.random.default_rng(1)
    file.attrs["title"] = "weights"
    file["a/b/c"] = rng.random((8, 4), dtype="float32")
    file.create_dataset("chunked", data=np.arange(800, dtype="int32").reshape(50, 16), chunks=(25, 16),
                        compression="gzip", shuffle=True)
    file["names"] = np.array(["alpha", "beta"], dtype=h5py.string_dtype())
    file["fixed"] = np.array([b"ab", b"cd"])
    file.create_dataset("empty", shape=(0, 3), dtype="float64")
    file["soft"] = h5py.SoftLink("/a/b/c")
    file["hard"] = file["chunked"]
    for index in range(16):
        file.create_group(f"many/group_{index}").attrs["index"] = index


h5("plain.h5", plain)
h5("latest.h5", lambda file: (file.create_dataset("x", data=np.ones(16)), file.attrs.update({"a": 1, "b": "text"})),
   libver="latest")


def ordered(file):
    for index in range(30):
        file.create_dataset(f"w{index}", data=np.ones(4, dtype="float32"))
        file.attrs[f"a{index}"] = f"value {index}"


h5("ordered.h5", ordered, track_order=True)


def edited(file):
    for index in range(6):
        file[f"d{index}"] = np.arange(256)
    del file["d3"], file["d4"]
    file.attrs["model_name"] = "x" * 3000
    file.attrs["model_name"] = "y" * 5000


h5("edited.h5", edited)
h5("external-link.h5", lambda file: file.__setitem__("layer", h5py.ExternalLink("/etc/hostname", "/x")))
h5("external-data.h5", lambda file: file.create_dataset(
    "w", shape=(4,), dtype="uint8", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)]))


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", shape=(4,))
    file.create_virtual_dataset("v", layout)


h5("virtual.h5", virtual, libver="latest")

layers = keras.layers
inputs = keras.Input((8, 8, 3))
x = layers.Conv2D(4, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01))(inputs)
x = layers.Flatten()(x)
x = layers.Dense(3, activation=keras.activations.softmax, kernel_initializer="he_normal")(x)
functional = keras.Model(inputs, x)
functional.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
functional.save(os.path.join(out, "functional.keras"))
functional.save(os.path.join(out, "functional.h5"))
functional.save_weights(os.path.join(out, "functional.weights.h5"))
with open(os.path.join(out, "functional.json"), "w") as file:
    file.write(functional.to_json())

words = keras.Sequential([
    keras.Input((5,)), layers.Embedding(20, 4), layers.Bidirectional(layers.SimpleRNN(2)), layers.Dense(1, activation="sigmoid"),
])
words.save(os.path.join(out, "sequential.keras"))

attention = keras.Input((6, 8))
y = layers.Attention()([attention, attention])
y = layers.LayerNormalization()(layers.Add()([attention, y])) * 2.0 + 1.0
keras.Model(attention, y).save(os.path.join(out, "attention.keras"))

lamb = keras.Sequential([keras.Input((3,)), layers.Lambda(lambda t: t * 2)])
lamb.save(os.path.join(out, "lambda.keras"))
lamb.save(os.path.join(out, "lambda.h5"))
