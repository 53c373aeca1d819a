"""The frozen prefix: pictures a second, files in and features out, against the ceiling of its engine."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SECONDS = 12  # of OpenVINO's own benchmark


def measure(dataset_id: str, fields: dict[str, Any], precision: str) -> dict[str, float]:
    """Pictures a second of this program's prefix, and of `benchmark_app` on the same network.

    The network's conversion is in neither: it is paid once, whatever the number of pictures.
    """
    import openvino as ov

    from dashboard.core.recipe import Recipe
    from dashboard.ml import classifier, features, material, weights
    from dashboard.ml import prefix as engine
    from dashboard.runs import cache

    shutil.rmtree(cache.root(), ignore_errors=True)
    recipe = Recipe(dataset=dataset_id, precision=precision, **fields)
    pictures = material.of_recipe(recipe)
    model = classifier.build(recipe, pictures.class_names)
    weights.load(model, recipe)
    prefix, _ = classifier.split(model, None)
    shas = list(pictures.manifest["sha256"])
    began = {"seconds": 0.0}
    ready = engine.open_engine

    def timed(*arguments: Any) -> Any:
        opened = ready(*arguments)
        began["seconds"] = time.perf_counter()
        return opened

    engine.open_engine = timed
    store = features.open_store(prefix, None, recipe, pictures.precision)
    seen: list[tuple[float, int]] = []
    features.fill(
        [features.Work(store, shas)],
        prefix,
        recipe,
        pictures.precision,
        lambda done, _total: seen.append((time.perf_counter(), done)),
    )
    # What was read while the engine was made ready is not counted: the pace of the second half is the steady one.
    middle = len(seen) // 2
    ours = (seen[-1][1] - seen[middle][1]) / (seen[-1][0] - seen[middle][0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prefix.xml"
        ov.save_model(engine.converted(prefix), path, compress_to_fp16=False)
        ceiling = _ceiling(path, recipe.image_size, precision)
    return {"ours": ours, "ceiling": ceiling, "pictures": float(len(shas))}


def _ceiling(network: Path, image_size: int, precision: str) -> float:
    """Frames a second of OpenVINO's own benchmark: the same network, batch and precision, and no pictures to read."""
    command = [
        str(Path(sys.executable).parent / "benchmark_app"),
        "-m",
        str(network),
        "-d",
        "CPU",
        "-hint",
        "throughput",
    ]
    command += ["-infer_precision", {"float32": "f32", "bfloat16": "bf16"}[precision], "-t", str(SECONDS)]
    command += ["-shape", f"[8,{image_size},{image_size},3]"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Throughput:\s+([\d.]+) FPS", done.stdout)
    if found is None:
        raise RuntimeError(f"benchmark_app printed no throughput:\n{done.stdout[-2000:]}")
    return float(found.group(1))


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])))
