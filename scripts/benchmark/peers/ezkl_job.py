"""One ezkl run in a process of its own, so that its memory can be measured.

    ezkl_job.py prepare MODEL.onnx SAMPLES.npz FOLDER
    ezkl_job.py prove FOLDER REPEATS

Prints one JSON object: times in seconds, sizes in bytes. The input is private, the weights are fixed, the output is
public: what Verdict proves, less the commitment to the input and the bound context.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezkl
import numpy as np

CALIBRATION_ROWS = 20


def call(function: Callable[..., Any], *arguments: object, **named: object) -> float:
    """Seconds one call takes; some of ezkl's functions are coroutines.

    Raises:
        RuntimeError: it returned False.
    """

    async def run() -> Any:
        result = function(*arguments, **named)
        return await result if inspect.isawaitable(result) else result

    start = time.perf_counter()
    if asyncio.run(run()) is False:
        raise RuntimeError(f"{function.__name__} failed")
    return time.perf_counter() - start


def prepare(model: Path, samples: Path, folder: Path) -> dict[str, object]:
    """Settings, calibration, circuit, reference string and keys into ``folder``."""
    rows = np.load(samples)["X"].astype(float)
    _write_data(folder / "calibration.json", rows[:CALIBRATION_ROWS])
    _write_data(folder / "input.json", rows[:1])
    settings, compiled = str(folder / "settings.json"), str(folder / "model.compiled")
    arguments = ezkl.PyRunArgs()
    arguments.input_visibility, arguments.output_visibility, arguments.param_visibility = "private", "public", "fixed"
    seconds = call(ezkl.gen_settings, str(model), settings, py_run_args=arguments)
    seconds += call(ezkl.calibrate_settings, str(folder / "calibration.json"), str(model), settings, "resources")
    seconds += call(ezkl.compile_circuit, str(model), compiled, settings)
    described = json.loads((folder / "settings.json").read_text())
    logrows = int(described["run_args"]["logrows"])
    call(ezkl.gen_srs, str(folder / "srs"), logrows)
    proving, verifying = folder / "proving.key", folder / "verifying.key"
    setup = call(ezkl.setup, compiled, str(verifying), str(proving), str(folder / "srs"))
    return {
        "compile": seconds,
        "setup": setup,
        "constraints": int(described["num_rows"]),
        "domain": 2**logrows,
        "proving_key": proving.stat().st_size,
        "verifying_key": verifying.stat().st_size,
    }


def prove(folder: Path, repeats: int) -> dict[str, object]:
    """Witness and proof, ``repeats`` times, then one verification."""
    compiled, srs = str(folder / "model.compiled"), str(folder / "srs")
    witness, proof = str(folder / "witness.json"), folder / "proof.json"
    witness_times, prove_times, cpu_times = [], [], []
    for _ in range(repeats):
        witness_times.append(call(ezkl.gen_witness, str(folder / "input.json"), compiled, witness))
        used = time.process_time()
        prove_times.append(call(ezkl.prove, witness, compiled, str(folder / "proving.key"), str(proof), srs))
        cpu_times.append(time.process_time() - used)
    verify = call(ezkl.verify, str(proof), str(folder / "settings.json"), str(folder / "verifying.key"), srs)
    size = len(json.loads(proof.read_text())["proof"])
    return {"witness": witness_times, "prove": prove_times, "prove_cpu": cpu_times, "verify": verify, "proof": size}


def _write_data(path: Path, rows: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """ezkl takes flat samples, one list for each model input."""
    path.write_text(json.dumps({"input_data": [rows.reshape(-1).tolist()]}))


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[2:]]
    answer = prepare(*paths) if sys.argv[1] == "prepare" else prove(paths[0], int(sys.argv[3]))
    print(json.dumps(answer))
