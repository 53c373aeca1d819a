"""The frozen engine: what the prefix makes of pictures, in order, as fast as this machine can.

OpenVINO where it is installed and there is no GPU, because it is several times faster on a CPU; TensorFlow elsewhere.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

# OpenVINO reports every conversion to its makers, from a fork of this process, and the process waits for it at its end.
# What is computed here stays here: without this package it says nothing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

try:
    import openvino as ov
except ImportError:  # no wheel for this platform
    ov = None

BATCH = 8  # pictures; batches of 4 to 8 were fastest on two cores
IN_FLIGHT = 4  # batches OpenVINO works on at once

LARGE = 500_000_000  # bytes of weights; a graph that holds more of them as constants comes near TensorFlow's limit

HINTS = {"float32": "f32", "bfloat16": "bf16"}

Precision = Literal["float32", "bfloat16"]
Outputs = list[np.ndarray]  # one array a tensor of the cut, each of shape (batch, ...)


def use_openvino() -> bool:
    return ov is not None and not tf.config.list_physical_devices("GPU")


def best_precision() -> Precision:
    """bfloat16 where the processor computes in it, float32 otherwise."""
    if not use_openvino():
        return "float32"
    return "bfloat16" if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "float32"


def engine_name() -> str:
    """What computes, with its version: part of what features are kept under."""
    return f"openvino {ov.__version__}" if use_openvino() else f"tensorflow {tf.__version__}"


class TensorflowEngine:
    """Keras' own way. Computes in float32 whatever is asked."""

    def __init__(self, prefix: keras.Model) -> None:
        self.prefix = prefix
        self.compute = tf.function(lambda batch: prefix(batch, training=False), reduce_retracing=True)

    def outputs(self, batches: Iterable[np.ndarray]) -> Iterator[Outputs]:
        """As of `open_engine`."""
        for batch in batches:
            made = self.compute(tf.convert_to_tensor(batch))
            yield [np.asarray(each) for each in (made if isinstance(made, list) else [made])]


class OpenvinoEngine:
    """A network converted once; several batches are computed at the same time."""

    def __init__(self, prefix: keras.Model, precision: Precision) -> None:
        hints = {"INFERENCE_PRECISION_HINT": HINTS[precision], "PERFORMANCE_HINT": "THROUGHPUT"}
        self.compiled = ov.Core().compile_model(converted(prefix), "CPU", hints)

    def outputs(self, batches: Iterable[np.ndarray]) -> Iterator[Outputs]:
        """As of `open_engine`.

        Without callbacks: OpenVINO's threads would need Python's lock to run them, which whoever gives the network up
        holds while it waits for those threads. (Seen: neither goes on, ever.)
        """
        idle = [self.compiled.create_infer_request() for _ in range(IN_FLIGHT)]
        at_work: deque[Any] = deque()  # the oldest first

        def take() -> Outputs:
            request = at_work.popleft()
            request.wait()
            idle.append(request)
            return [np.array(tensor.data) for tensor in request.output_tensors]

        for batch in batches:
            if not idle:
                yield take()
            request = idle.pop()
            request.start_async({0: batch})
            at_work.append(request)
        while at_work:
            yield take()


def converted(prefix: keras.Model) -> Any:
    """A network as OpenVINO has it, with the outputs of the prefix in their order.

    Traced with constants in place of variables, where they are not too many: the converter looks up every variable for
    every operation, which takes three times as long for MobileNetV2.
    """
    values = [(each, each.numpy()) for each in prefix.variables]
    constant = sum(value.nbytes for _, value in values) <= LARGE

    def compute(pictures: tf.Tensor) -> Any:
        with keras.StatelessScope(state_mapping=[(each, tf.constant(value)) for each, value in values if constant]):
            return prefix(pictures, training=False)

    shape = tf.TensorSpec(prefix.inputs[0].shape, "float32")
    traced = tf.function(compute, autograph=False).get_concrete_function(shape)
    model = ov.convert_model(traced)
    # The converter takes every loose end for an output, and each swish has one: its own gradient's.
    results = [model.output(each.name).node for each in traced.outputs]
    return ov.Model(results, model.get_parameters(), "prefix")


Engine = OpenvinoEngine | TensorflowEngine


def open_engine(prefix: keras.Model, precision: Precision) -> Engine:
    """Make a prefix ready, which takes seconds for a deep network.

    Its `outputs(batches)` gives what the prefix makes of batches of resized pictures, batch by batch in their order:
    from arrays of shape (batch, image_size, image_size, 3), RGB 0..255, taken as fast as there is room, to float32
    arrays, one a tensor of the cut.

    Args:
        prefix: as of `classifier.split`.
        precision: what is computed in.
    """
    return OpenvinoEngine(prefix, precision) if use_openvino() else TensorflowEngine(prefix)
