"""One stage of Verdict in a process of its own.

    verdict_job.py compile MODEL.onnx SAMPLES.npz SCHEMA.json|- BUNDLE
    verdict_job.py setup BUNDLE
    verdict_job.py export BUNDLE SAMPLES.npz FOLDER      circuit.r1cs, witness.wtns, key.zkey, verification_key.json
    verdict_job.py prove BUNDLE SAMPLES.npz REPEATS

Prints one JSON object: times in seconds, sizes in bytes.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import prover


def compile_bundle(model: Path, samples: Path, schema: str, folder: Path) -> dict[str, object]:
    """Compile and save."""
    rows = np.load(samples)["X"]
    start = time.perf_counter()
    bundle = prover.compile(model, schema=None if schema == "-" else schema, calibration=rows)
    seconds = time.perf_counter() - start
    bundle.save(folder)
    report = json.loads(bundle.report.to_json())
    return {"compile": seconds} | {name: report[name] for name in ("constraints", "domain", "gas")}


def make_keys(folder: Path) -> dict[str, object]:
    """Set up and save."""
    bundle = prover.load(folder)
    start = time.perf_counter()
    bundle = prover.setup(bundle)
    seconds = time.perf_counter() - start
    bundle.save(folder)
    return {
        "setup": seconds,
        "proving_key": (folder / "proving_key.zkey").stat().st_size,
        "verifying_key": len(bundle.verifying_key.data),
    }


def export(folder: Path, samples: Path, target: Path) -> dict[str, object]:
    """Write the circuit, one witness and the keys as iden3's files, for the tools that read those."""
    from prover.groth16.formats import write_r1cs, write_wtns

    bundle = prover.load(folder)
    write_r1cs(target / "circuit.r1cs", bundle.circuit.r1cs)
    write_wtns(target / "witness.wtns", _witness(bundle, np.load(samples)["X"][0]))
    shutil.copyfile(folder / "proving_key.zkey", target / "key.zkey")
    shutil.copyfile(folder / "verification_key.json", target / "verification_key.json")
    return {}


def prove(folder: Path, samples: Path, repeats: int) -> dict[str, object]:
    """Prove the first samples: from raw values to a verified proof, then each half on its own; verify once more."""
    from prover import groth16

    bundle = prover.load(folder)
    rows = np.load(samples)["X"]
    samples: dict[str, list[float]] = {}
    for row in rows[:repeats]:
        proof = _timed(samples, "prove", lambda row=row: prover.prove(bundle, row))
        witness = _timed(samples, "witness", lambda row=row: _witness(bundle, row))
        _timed(samples, "groth16", lambda w=witness: groth16.prove(bundle.proving_key, bundle.circuit.r1cs, w))
    del samples["witness_cpu"]
    start = time.perf_counter()
    if not prover.verify(bundle, proof):
        raise SystemExit("a proof was not accepted")
    return samples | {"verify": time.perf_counter() - start, "proof": len(proof.proof.data)}


def _timed(samples: dict[str, list[float]], name: str, work: Callable[[], Any]) -> Any:
    """Do the work, adding its wall time and its CPU time over all threads to the samples."""
    start, used = time.perf_counter(), time.process_time()
    answer = work()
    samples.setdefault(name, []).append(time.perf_counter() - start)
    samples.setdefault(f"{name}_cpu", []).append(time.process_time() - used)
    return answer


def _witness(bundle: prover.Bundle, row: Any) -> np.ndarray[Any, np.dtype[np.uint64]]:
    from prover.compiler import solve

    encoded = bundle.schema.encode(row)
    return solve(bundle.circuit, bundle.layout, encoded, salt=1, context=0).witness


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb == "compile":
        answer = compile_bundle(Path(words[0]), Path(words[1]), words[2], Path(words[3]))
    elif verb == "setup":
        answer = make_keys(Path(words[0]))
    elif verb == "export":
        answer = export(Path(words[0]), Path(words[1]), Path(words[2]))
    else:
        answer = prove(Path(words[0]), Path(words[1]), int(words[2]))
    print(json.dumps(answer))
