"""Makes benign/nn/: what Keras, flax, tokenizers, sentencepiece, transformers and huggingface_hub write, and the chat
templates that axolotl ships for real model families. The wheel of axolotl is the first argument."""
import io
import json
import os
import pathlib
import sys
import tempfile
import zipfile

os.environ["KERAS_BACKEND"] = "jax"

import flax
import flax.serialization
import huggingface_hub
import jax.numpy as jnp
import keras
import numpy as np
import sentencepiece
import tokenizers
import transformers
from keras import layers
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from corpus import Part

WORDS = ["the quick brown fox", "jumps over the lazy dog", "weights and scales", "a lock for barges"] * 4


def written(write):
    """The files that `write(folder)` leaves behind."""
    with tempfile.TemporaryDirectory() as folder:
        write(pathlib.Path(folder))
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}


def keras_models():
    yield "dense", keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="relu"), layers.Dense(1)])
    yield "conv", keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.1), layers.Dense(2, activation="softmax")])
    yield "text", keras.Sequential([keras.Input((5,)), layers.Embedding(6, 2), layers.LSTM(2), layers.Dense(1, activation="sigmoid")])
    yield "attention", attention()
    yield "preprocess", keras.Sequential([keras.Input((4, 4, 3)), layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(), layers.Dense(1)])


def attention():
    inputs = keras.Input((3, 4))
    out = layers.MultiHeadAttention(1, 2)(inputs, inputs)
    return keras.Model(inputs, layers.Dense(1)(layers.LayerNormalization()(layers.Add()([inputs, out]))))


def keras_files():
    by = f"keras {keras.__version__}"
    for name, model in keras_models():
        model.compile("sgd", "mse")
        for ending in ("keras", "h5", "weights.h5"):
            save = model.save_weights if ending == "weights.h5" else model.save
            data = written(lambda folder: save(str(folder / f"m.{ending}")))[f"m.{ending}"]
            yield f"keras-{name}.{ending}", data, ending == "weights.h5", f"{name} as .{ending}", by
        yield f"keras-{name}.json", model.to_json().encode(), False, f"{name}'s configuration", by


def flax_files():
    by = f"flax {flax.__version__}"
    params = {"params": {"dense": {"kernel": jnp.ones((4, 2)), "bias": jnp.zeros(2)}}}
    yield "flax_model.msgpack", flax.serialization.to_bytes(params), True, "flax parameters", by
    yield "flax-bfloat16.msgpack", flax.serialization.to_bytes({"w": jnp.ones((3, 3), jnp.bfloat16)}), True, "flax parameters in bfloat16", by
    yield "flax-step.msgpack", flax.serialization.msgpack_serialize({"step": 3, "w": np.ones(3, "f4"), "name": "x"}), False, "flax training state", by


def trained(kind):
    model, trainer = {
        "bpe": (models.BPE(unk_token="<unk>"), trainers.BpeTrainer(vocab_size=60, special_tokens=["<unk>", "<s>", "</s>"])),
        "wordpiece": (models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=60, special_tokens=["[UNK]", "[CLS]", "[SEP]"])),
        "unigram": (models.Unigram(), trainers.UnigramTrainer(vocab_size=40, special_tokens=["<unk>"], unk_token="<unk>")),
    }[kind]
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel() if kind == "bpe" else pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(WORDS, trainer)
    return tokenizer


def tokenizer_files():
    for kind in ("bpe", "wordpiece", "unigram"):
        tokenizer = trained(kind)
        if kind == "wordpiece":
            pair = [("[CLS]", 1), ("[SEP]", 2)]
            tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=pair)
        yield f"tokenizer-{kind}.json", tokenizer.to_str(pretty=True).encode(), False, f"a {kind} tokenizer", f"tokenizers {tokenizers.__version__}"

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS), model_writer=model, vocab_size=40, hard_vocab_limit=False, minloglevel=2, normalization_rule_name="identity"
    )
    yield "tokenizer.model", model.getvalue(), False, "a sentencepiece model", f"sentencepiece {sentencepiece.__version__}"


FAMILIES = "Llama Mistral Mixtral Qwen2 Qwen3 Gemma Gemma2 Phi3 GPT2 GPTNeoX Bloom Falcon Bert Roberta DistilBert T5 Bart Whisper ViT CLIP DeepseekV3 Mamba Deberta Electra Albert Cohere Olmo StableLm Wav2Vec2 XLMRoberta".split()


def config_files():
    by = f"transformers {transformers.__version__}"
    for family in FAMILIES:
        config = getattr(transformers, f"{family}Config")()
        config.architectures = [f"{family}Model"]
        yield f"config-{family.lower()}.json", config.to_json_string(use_diff=False).encode(), False, f"{family}'s configuration", by
    yield "generation_config.json", transformers.GenerationConfig(temperature=0.6, top_p=0.95, do_sample=True).to_json_string().encode(), False, "how to generate", by


def card_files():
    by = f"huggingface_hub {huggingface_hub.__version__}"
    data = huggingface_hub.ModelCardData(language="en", license="apache-2.0", tags=["text"], datasets=["c4"], metrics=["accuracy"], model_name="Weigher", base_model="org/base")
    yield "README.md", str(huggingface_hub.ModelCard.from_template(data, model_id="weigher", model_description="Weighs.", developers="us")).encode(), False, "a model card", by
    yield "README-short.md", b"---\nlicense: mit\ntags:\n- x\n---\n# Model\n\n```python\nfrom transformers import AutoModel\nmodel = AutoModel.from_pretrained(\"org/name\")\n```\n", False, "a short model card", by
    yield ".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n*.safetensors filter=lfs diff=lfs merge=lfs -text\n", False, "what the Hub puts first into a repo", by


def template_files(wheel):
    version = pathlib.Path(wheel).name.split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".jinja"):
                yield f"template-{pathlib.Path(name).name}", archive.read(name), False, "a real family's template", f"axolotl {version}"
        chatml = archive.read("axolotl/utils/chat_templates/templates/chatml.jinja").decode()
    yield "tokenizer_config.json", json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": chatml, "bos_token": "<s>"}, indent=2).encode(), False, "a template in its configuration", f"axolotl {version}"


def repos():
    def tokenizer(folder):
        fast = transformers.PreTrainedTokenizerFast(tokenizer_object=trained("bpe"), bos_token="<s>", eos_token="</s>", chat_template="{% for m in messages %}{{ m['content'] }}{% endfor %}")
        fast.save_pretrained(folder)
        transformers.LlamaConfig(hidden_size=8, num_attention_heads=2, num_key_value_heads=2, vocab_size=60, architectures=["LlamaForCausalLM"]).save_pretrained(folder)
        transformers.GenerationConfig().save_pretrained(folder)
        (folder / "README.md").write_text("---\nlicense: mit\n---\n# Model\n")
        from safetensors.numpy import save_file
        save_file({"model.embed_tokens.weight": np.ones((60, 8), "f4")}, folder / "model.safetensors", metadata={"format": "pt"})
    yield "repo-llama", written(tokenizer), "a small model as transformers saves it"

    def processor(folder):
        transformers.CLIPImageProcessorPil().save_pretrained(folder)
        transformers.ViTConfig().save_pretrained(folder)
    yield "repo-vision", written(processor), "a processor's configuration"


def main():
    part = Part("benign/nn", "benign", expect="clean")
    made = [keras_files(), flax_files(), tokenizer_files(), config_files(), card_files(), template_files(sys.argv[1])]
    for name, data, weights, note, by in (row for rows in made for row in rows):
        if len(data) > 20_000:
            print(f"left out, too large: {name} ({len(data)})")
            continue
        part.add(name, data, family=by.split(" ")[0], weightsOnly=weights, madeBy=by, note=note)
    for name, files, note in repos():
        part.add_repo(name, files, family="transformers", weightsOnly=False, madeBy=f"transformers {transformers.__version__}", note=note)
    part.close()


if __name__ == "__main__":
    main()
