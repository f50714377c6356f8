"""Time a picture takes an encoder in batches, beside MobileNet v1 through onnxruntime.

    ARTSIM_WEIGHTS=WEIGHTS python -m benchmarks.encoder_rate [ENCODER ...]

The encoders take turns, so that a machine that slows down slows all of them; the median of the
rounds is printed. Pictures are ready at the input's size: decoding and shrinking are left out.
"""

from __future__ import annotations

import sys
import time
from statistics import median

import numpy as np

from artsim.encoders.devices import usable_cores
from artsim.encoders.registry import load_encoder

BASELINE = "onnx:tests/data/encoders/mobilenet-v1.json"
BATCH = 32
ROUNDS = 15


def main() -> None:
    """Print a line for each encoder."""
    specs = [*(sys.argv[1:] or ["builtin", "handcrafted"]), BASELINE]
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (BATCH, 224, 224, 3), dtype=np.uint8)
    encoders = [load_encoder(spec, device="cpu") for spec in specs]
    batches = [[encoder.prepare(one) for one in pictures] for encoder in encoders]
    times: dict[str, list[float]] = {spec: [] for spec in specs}
    for round_ in range(ROUNDS + 1):
        for spec, encoder, batch in zip(specs, encoders, batches, strict=True):
            started = time.perf_counter()
            if spec == "handcrafted":  # all of its work is in preparing
                batch = [encoder.prepare(one) for one in pictures]
            encoder.encode_prepared(batch)
            if round_:  # the first one warms up
                times[spec].append((time.perf_counter() - started) / BATCH)
    baseline = median(times[BASELINE])
    print(f"{usable_cores()} cores, batches of {BATCH}")
    for spec, taken in times.items():
        each = median(taken)
        print(f"{spec}: {1000 * each:.1f} ms a picture, {each / baseline:.2f} of MobileNet v1")


if __name__ == "__main__":
    main()
