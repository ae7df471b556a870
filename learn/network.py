"""The network of src/detect/learned/net.rs, and how it is taught."""

import random
import time

import jax
import jax.numpy as jnp
import numpy as np

import features
import vary
import vectors
from cases import REASONS, UNTAUGHT, Case, Word

ROWS = 16384
WIDTH = 64
INNER = 2 * WIDTH
OUTPUTS = len(REASONS) + 1
REACHES = [1, 2, 4, 8, 16, 1]
EPSILON = 1e-5
# Lengths are rounded up to this, so that few shapes are compiled.
STEP = 64
BATCH = 32

Weights = dict[str, jax.Array]

VECTOR_OF, VECTORS = vectors.read()


def fresh(key: jax.Array) -> Weights:
    keys = iter(jax.random.split(key, 2 + 2 * len(REACHES)))
    normal = lambda *shape: jax.random.normal(next(keys), shape)
    weights = {"embedding": normal(ROWS, WIDTH) * 0.1}
    weights["vector"] = jax.random.normal(jax.random.fold_in(key, 1), (VECTORS.shape[1], WIDTH)) * 0.1
    for n in range(len(REACHES)):
        weights[f"before{n}"] = normal(3 * WIDTH, INNER) / np.sqrt(3 * WIDTH)
        weights[f"before{n}_bias"] = jnp.zeros(INNER)
        weights[f"after{n}"] = normal(INNER, WIDTH) * 0.5 / np.sqrt(INNER)
        weights[f"after{n}_bias"] = jnp.zeros(WIDTH)
    weights["last"] = normal(WIDTH, OUTPUTS) * 0.05
    weights["last_bias"] = jnp.zeros(OUTPUTS)
    return weights


def normalised(x):
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPSILON)


def moved(x, by: int):
    """Each word's value where the word `by` places later stands."""
    none = jnp.zeros_like(x[:, : abs(by)])
    return jnp.concatenate([none, x[:, :-by]], 1) if by > 0 else jnp.concatenate([x[:, -by:], none], 1)


def forward(weights: Weights, rows, there, key=None):
    """Logits. The last of a word's `rows` is its vector's. `key` drops features and values at random, while it is taught."""
    keep = lambda p, x, shape: x
    if key is not None:
        keys = iter(jax.random.split(key, 1 + len(REACHES)))
        keep = lambda p, x, shape: x * jax.random.bernoulli(next(keys), p, shape) / p
    vector = jnp.asarray(VECTORS)[rows[..., -1]] @ weights["vector"]
    seen = jnp.concatenate([weights["embedding"][rows[..., :-1]], vector[..., None, :]], -2)
    x = keep(0.7, seen, (*seen.shape[:3], 1)).sum(2) * there[..., None]
    for n, reach in enumerate(REACHES):
        near = normalised(x)
        near = jnp.concatenate([moved(near, reach), near, moved(near, -reach)], -1)
        inner = jax.nn.relu(near @ weights[f"before{n}"] + weights[f"before{n}_bias"])
        inner = keep(0.7, inner, inner.shape)
        x = (x + inner @ weights[f"after{n}"] + weights[f"after{n}_bias"]) * there[..., None]
    return normalised(x) @ weights["last"] + weights["last_bias"]


def loss(weights: Weights, rows, there, labels, key):
    logs = jax.nn.log_softmax(forward(weights, rows, there, key))
    right = jnp.take_along_axis(logs, jnp.maximum(labels, 0)[..., None], -1)[..., 0]
    taught = (labels != UNTAUGHT) * there
    return -(right * taught).sum() / taught.sum()


@jax.jit
def step(weights, mean, square, n, batch, key, rate):
    """Adam (Kingma and Ba, 2014, arXiv:1412.6980) with gradients of length 1 at most and decoupled decay."""
    value, slope = jax.value_and_grad(loss)(weights, *batch, key)
    length = jnp.sqrt(sum((g * g).sum() for g in slope.values()))
    slope = {k: g * jnp.minimum(1.0, 1.0 / length) for k, g in slope.items()}
    mean = {k: 0.9 * mean[k] + 0.1 * g for k, g in slope.items()}
    square = {k: 0.99 * square[k] + 0.01 * g * g for k, g in slope.items()}
    for k in weights:
        move = (mean[k] / (1 - 0.9**n)) / (jnp.sqrt(square[k] / (1 - 0.99**n)) + 1e-8)
        decay = 0.01 * weights[k] if weights[k].ndim > 1 else 0.0
        weights[k] = weights[k] - rate * (move + decay)
    return weights, mean, square, value


def batch_of(calls: list[list[Word]]):
    longest = -(-max(map(len, calls)) // STEP) * STEP
    rows = np.zeros((len(calls), longest, features.COUNT + 1), np.int32)
    there = np.zeros((len(calls), longest), np.float32)
    labels = np.full((len(calls), longest), UNTAUGHT, np.int32)
    for n, words in enumerate(calls):
        rows[n, : len(words), :-1] = features.of(words, ROWS)
        rows[n, : len(words), -1] = [VECTOR_OF.get(features.vector(word), 0) for word in words]
        there[n, : len(words)] = 1
        labels[n, : len(words)] = [word.label for word in words]
    return rows, there, labels


def batches(cases: list[Case], rng: random.Random):
    """Without end; calls of like length together."""
    while True:
        calls = sorted((vary.call(cases, rng) for _ in range(16 * BATCH)), key=len)
        groups = [calls[i : i + BATCH] for i in range(0, len(calls), BATCH)]
        rng.shuffle(groups)
        yield from map(batch_of, groups)


def teach(cases: list[Case], steps: int, seed: int = 0, most: float = 3e-3) -> Weights:
    rng, key = random.Random(seed), jax.random.PRNGKey(seed)
    weights = fresh(key)
    mean = {k: jnp.zeros_like(v) for k, v in weights.items()}
    square, total, began = dict(mean), 0.0, time.time()
    for n, batch in zip(range(1, steps + 1), batches(cases, rng)):
        key, now = jax.random.split(key)
        rate = most * min(1, n / 100) * (0.5 * (1 + np.cos(np.pi * n / steps)) + 0.01)
        weights, mean, square, value = step(weights, mean, square, n, batch, now, rate)
        total += float(value)
        if n % 500 == 0:
            print(f"{n} steps, {time.time() - began:.0f} s, loss {total / 500:.4f}", flush=True)
            total = 0.0
    return weights


likelihoods_of = jax.jit(lambda weights, rows, there: jax.nn.softmax(forward(weights, rows, there)))


def likelihoods(weights: Weights, words) -> np.ndarray:
    """Words × outputs."""
    rows, there, _ = batch_of([list(words)])
    return np.array(likelihoods_of(weights, rows, there))[0, : len(words)]
