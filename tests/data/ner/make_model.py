#!/usr/bin/env python3
"""Writes the small entity model of the tests: model.onnx, tokenizer.json, config.json.

usage: make_model.py FOLDER   (needs the packages onnx and numpy)

A token classifier like those that exporters write, of a size that can be read:
each word is an embedding of four features, a convolution over the word and the
one before makes the scores. A surname counts after a given name, a street after
"on". It is for tests alone.
"""
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GIVEN = ["delphine", "marek", "yolanda"]
SURNAME = ["okafor", "brandt"]
STREET = ["larkspur", "tamarind"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
VOCABULARY = SPECIAL + ["on"] + GIVEN + SURNAME + STREET
LABELS = ["O", "B-PER", "I-PER", "B-STREET", "B-LOC"]


def features(word):
    return [word in GIVEN, word in SURNAME, word == "on", word in STREET]


def model():
    table = np.array([features(w) for w in VOCABULARY], np.float32)
    # classes x features x (before, now)
    kernel = np.zeros((len(LABELS), 4, 3), np.float32)
    kernel[1, 0, 1] = 9
    kernel[2, 1, 1], kernel[2, 0, 0] = 5, 5
    kernel[3, 3, 1], kernel[3, 2, 0] = 5, 5
    bias = np.array([4.5, 0, -1, -1, -4], np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Mul", ["embedded", "mask3"], ["seen"]),
        helper.make_node("Transpose", ["seen"], ["channels"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["channels", "kernel", "bias"], ["scores"], pads=[1, 1]),
        helper.make_node("Transpose", ["scores"], ["logits"], perm=[0, 2, 1]),
    ]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, [1, "n"]) for n in ("input_ids", "attention_mask")]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "n", len(LABELS)])
    constants = {"table": table, "kernel": kernel, "bias": bias, "last": np.array([2], np.int64)}
    tensors = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "entities", inputs, [output], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def tokenizer():
    special = [{"id": i, "content": w, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for i, w in enumerate(SPECIAL)]
    piece = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [piece("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, piece("[SEP]")],
            "pair": [piece("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, piece("[SEP]"),
                     {"Sequence": {"id": "B", "type_id": 1}}, piece("[SEP]")],
            "special_tokens": {n: {"id": n, "ids": [VOCABULARY.index(n)], "tokens": [n]} for n in ("[CLS]", "[SEP]")},
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(VOCABULARY)}, "unk_token": "[UNK]"},
    }


def main():
    folder = sys.argv[1]
    onnx.save(model(), f"{folder}/model.onnx")
    config = {"id2label": {str(i): label for i, label in enumerate(LABELS)}, "max_position_embeddings": 64}
    for name, value in (("tokenizer.json", tokenizer()), ("config.json", config)):
        with open(f"{folder}/{name}", "w") as f:
            json.dump(value, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
