"""Weights as src/detect/learned/net.rs reads them: the embedding in 8 bits, layers in 16."""

import struct

import numpy as np

import network


def quantised(values, most: int) -> tuple[float, np.ndarray]:
    values = np.asarray(values, np.float32)
    unit = float(np.abs(values).max() / most)
    return unit, np.clip(np.rint(values / unit), -most, most)


def rounded(weights: network.Weights) -> network.Weights:
    """The weights as they are after they went through the file."""
    out = {}
    for name, values in weights.items():
        if name.endswith("_bias"):
            out[name] = np.asarray(values, np.float32)
            continue
        unit, whole = quantised(values, 127 if name == "embedding" else 32767)
        out[name] = (whole * unit).astype(np.float32)
    return out


def layer(weights: network.Weights, name: str) -> bytes:
    unit, whole = quantised(weights[name], 32767)
    bias = np.asarray(weights[f"{name}_bias"], "<f4")
    return struct.pack("<f", unit) + whole.astype("<i2").tobytes() + bias.tobytes()


def file_of(weights: network.Weights) -> bytes:
    unit, embedding = quantised(weights["embedding"], 127)
    reaches = network.REACHES
    head = struct.pack(f"<8s4I{len(reaches)}If", b"unsaid02", network.ROWS, network.WIDTH, network.OUTPUTS,
                       len(reaches), *reaches, unit)
    blocks = (layer(weights, f"{part}{n}") for n in range(len(reaches)) for part in ("before", "after"))
    unit, vector = quantised(weights["vector"], 32767)
    projection = struct.pack("<f", unit) + vector.astype("<i2").tobytes()
    return head + embedding.astype("i1").tobytes() + projection + b"".join(blocks) + layer(weights, "last")
