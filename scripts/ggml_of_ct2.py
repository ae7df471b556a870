#!/usr/bin/env python3
"""A Whisper model of CTranslate2 (as faster-whisper has it) as whisper.cpp's ggml file.

usage: ggml_of_ct2.py MODEL_DIR OUT.bin [q8_0]

MODEL_DIR holds model.bin and tokenizer.json. The weights are written in 16 bits, or with q8_0 in 8 bits:
32 values in a row share a scale of 16 bits. CTranslate2 keeps the matrices of query, key and value in one,
and ggml keeps three. Needs numpy.
"""

import json
import struct
import sys
from pathlib import Path
from typing import BinaryIO, Iterator

import numpy as np

Weights = dict[str, np.ndarray]
# Type numbers of CTranslate2's files.
CT2_TYPES = [np.float32, np.int8, np.int16, np.int32, np.float16]
# Type numbers of ggml's tensors, and of its files; a file with quantised weights adds its version.
F32, F16, Q8_0 = 0, 1, 8
FILE_F16, FILE_Q8_0 = 1, 2007
BLOCK = 32
HEAD_WIDTH = 64
MULTILINGUAL_TOKENS = 51865
RATE, WINDOW = 16_000, 400


def read(path: Path) -> Weights:
    with path.open("rb") as file:
        def number(kind: str) -> int:
            return struct.unpack("<" + kind, file.read(struct.calcsize(kind)))[0]

        def text() -> str:
            return file.read(number("H")).rstrip(b"\0").decode()

        number("I"), text(), number("I")
        weights: Weights = {}
        for _ in range(number("I")):
            name = text()
            shape = [number("I") for _ in range(number("B"))]
            kind = CT2_TYPES[number("B")]
            weights[name] = np.frombuffer(file.read(number("I")), kind).reshape(shape)
        for _ in range(number("I")):
            alias, name = text(), text()
            weights[alias] = weights[name]
        return weights


def matrix(weights: Weights, name: str) -> np.ndarray:
    value = weights[name + "/weight"]
    if value.dtype == np.int8:
        scale = weights[name + "/weight_scale"].astype(np.float32)
        return value.astype(np.float32) / (scale[:, None] if scale.ndim else scale)
    return value.astype(np.float32)


def norm(weights: Weights, here: str, there: str) -> Iterator[tuple[str, np.ndarray]]:
    yield there + ".weight", weights[here + "/gamma"]
    yield there + ".bias", weights[here + "/beta"]


def linear(weights: Weights, here: str, there: str) -> Iterator[tuple[str, np.ndarray]]:
    yield there + ".weight", matrix(weights, here)
    yield there + ".bias", weights[here + "/bias"]


def parted(weights: Weights, here: str, there: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Whisper's keys have no bias."""
    matrices = np.split(matrix(weights, here), len(there))
    biases = np.split(weights[here + "/bias"], len(there))
    for name, weight, bias in zip(there, matrices, biases):
        yield name + ".weight", weight
        if not name.endswith(".key"):
            yield name + ".bias", bias
        elif np.any(bias):
            raise SystemExit(f"{here}: a key with a bias is no Whisper model")


def layers(weights: Weights, side: str) -> int:
    return sum(name.startswith(f"{side}/layer_") and name.endswith("/ffn/linear_0/bias") for name in weights)


def tensors(weights: Weights) -> Iterator[tuple[str, np.ndarray]]:
    yield "encoder.positional_embedding", weights["encoder/position_encodings/encodings"]
    for conv in ("conv1", "conv2"):
        yield f"encoder.{conv}.weight", matrix(weights, f"encoder/{conv}")
        yield f"encoder.{conv}.bias", weights[f"encoder/{conv}/bias"].reshape(-1, 1)
    yield "decoder.positional_embedding", weights["decoder/position_encodings/encodings"]
    yield "decoder.token_embedding.weight", matrix(weights, "decoder/embeddings")
    for side in ("encoder", "decoder"):
        for number in range(layers(weights, side)):
            here, there = f"{side}/layer_{number}", f"{side}.blocks.{number}"
            attention, cross = f"{there}.attn", f"{there}.cross_attn"
            yield from norm(weights, f"{here}/self_attention/layer_norm", f"{there}.attn_ln")
            three = [f"{attention}.query", f"{attention}.key", f"{attention}.value"]
            yield from parted(weights, f"{here}/self_attention/linear_0", three)
            yield from linear(weights, f"{here}/self_attention/linear_1", f"{attention}.out")
            if side == "decoder":
                yield from norm(weights, f"{here}/attention/layer_norm", f"{there}.cross_attn_ln")
                yield from parted(weights, f"{here}/attention/linear_0", [f"{cross}.query"])
                yield from parted(weights, f"{here}/attention/linear_1", [f"{cross}.key", f"{cross}.value"])
                yield from linear(weights, f"{here}/attention/linear_2", f"{cross}.out")
            yield from norm(weights, f"{here}/ffn/layer_norm", f"{there}.mlp_ln")
            yield from linear(weights, f"{here}/ffn/linear_0", f"{there}.mlp.0")
            yield from linear(weights, f"{here}/ffn/linear_1", f"{there}.mlp.2")
    yield from norm(weights, "encoder/layer_norm", "encoder.ln_post")
    yield from norm(weights, "decoder/layer_norm", "decoder.ln")


def mel_filters(count: int) -> np.ndarray:
    """Triangles on Slaney's mel scale, each of area 1 (Slaney, "Auditory Toolbox", 1998)."""
    step, knee = 200.0 / 3.0, 1000.0
    log_step = np.log(6.4) / 27.0

    def hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < knee / step, mel * step, knee * np.exp(log_step * (mel - knee / step)))

    top = knee / step + np.log(RATE / 2 / knee) / log_step
    edges = hertz(np.linspace(0.0, top, count + 2))
    bins = np.fft.rfftfreq(WINDOW, 1.0 / RATE)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0.0, np.minimum(rise, fall)) * area[:, None]).astype(np.float32)


def byte_of() -> dict[str, int]:
    """GPT-2's printable characters that stand for bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    table.update({chr(256 + at): byte for at, byte in enumerate(others)})
    return table


def tokens(folder: Path, vocabulary: int) -> list[bytes]:
    written = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    count = 50257 if vocabulary >= MULTILINGUAL_TOKENS else 50256
    table = byte_of()
    known = sorted((number, token) for token, number in written.items() if number < count)
    if [number for number, _ in known] != list(range(len(known))):
        raise SystemExit(f"{folder}/tokenizer.json leaves tokens out")
    return [bytes(table[character] for character in token) for _, token in known]


def quantised(value: np.ndarray) -> bytes:
    """Blocks of 32: a scale of 16 bits, then 32 whole numbers of 8 bits."""
    blocks = value.astype(np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(1) / 127.0
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    out = np.zeros(len(blocks), np.dtype([("scale", "<f2"), ("values", "i1", BLOCK)]))
    out["scale"] = scale
    scaled = blocks * inverse[:, None]
    # Halves are rounded away from zero, as ggml's own tool does.
    out["values"] = np.trunc(scaled + np.copysign(0.5, scaled))
    return out.tobytes()


def write_tensor(file: BinaryIO, name: str, value: np.ndarray, in_8_bits: bool) -> None:
    is_plain = value.ndim < 2 or name.endswith("positional_embedding") or name.endswith(".bias")
    if is_plain:
        kind, data = F32, np.ascontiguousarray(value, np.float32).tobytes()
    elif in_8_bits and value.ndim == 2:
        kind, data = Q8_0, quantised(value)
    else:
        kind, data = F16, np.ascontiguousarray(value, np.float16).tobytes()
    file.write(struct.pack("<3i", value.ndim, len(name), kind))
    file.write(struct.pack(f"<{value.ndim}i", *reversed(value.shape)))
    file.write(name.encode() + data)


def write(folder: Path, out: Path, in_8_bits: bool) -> None:
    weights = read(folder / "model.bin")
    vocabulary, width = weights["decoder/embeddings/weight"].shape
    mels = weights["encoder/conv1/weight"].shape[1]
    heads = width // HEAD_WIDTH
    side = lambda name: (len(weights[f"{name}/position_encodings/encodings"]), width, heads, layers(weights, name))
    words, filters = tokens(folder, vocabulary), mel_filters(mels)
    with out.open("wb") as file:
        file.write(b"lmgg")
        kind = FILE_Q8_0 if in_8_bits else FILE_F16
        file.write(struct.pack("<11i", vocabulary, *side("encoder"), *side("decoder"), mels, kind))
        file.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
        file.write(struct.pack("<i", len(words)))
        for word in words:
            file.write(struct.pack("<i", len(word)) + word)
        for name, value in tensors(weights):
            write_tensor(file, name, value, in_8_bits)


def main() -> None:
    if len(sys.argv) not in (3, 4) or sys.argv[3:] not in ([], ["q8_0"]):
        raise SystemExit(__doc__)
    write(Path(sys.argv[1]), Path(sys.argv[2]), bool(sys.argv[3:]))


if __name__ == "__main__":
    main()
