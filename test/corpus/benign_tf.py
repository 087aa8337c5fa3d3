"""Makes benign/tf/: SavedModels and TFLite files that TensorFlow writes."""
import os
import pathlib
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

from corpus import Part

BY = f"tensorflow {tf.__version__}"


class Linear(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable([[1.0], [2.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def __call__(self, x):
        return tf.matmul(x, self.w)


class Lookup(tf.Module):
    def __init__(self):
        super().__init__()
        self.b = tf.Variable([0.5, -0.5])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, x):
        return tf.cast(tf.strings.length(x), tf.float32)[:, None] + self.b


def main():
    part = Part("benign/tf", "benign", expect="clean", weightsOnly=False, family="tensorflow", madeBy=BY)
    for name, module in (("linear", Linear()), ("strings", Lookup())):
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder)
            files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}
            part.add_repo(f"saved-model-{name}", files, note=f"a SavedModel: {name}")
            if name == "linear":
                part.add("linear.tflite", tf.lite.TFLiteConverter.from_saved_model(folder).convert(), note="TFLite")
    with tempfile.TemporaryDirectory() as folder:
        tf.train.Checkpoint(w=tf.Variable([1.0, 2.0])).write(f"{folder}/ckpt")
        files = {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())}
        part.add_repo("checkpoint", files, weightsOnly=True, note="a checkpoint of variables")
    part.close()


if __name__ == "__main__":
    main()
