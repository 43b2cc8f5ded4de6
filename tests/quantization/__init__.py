"""Tests of :mod:`prover.quantization`."""
