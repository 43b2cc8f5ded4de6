"""Tests of :mod:`prover.lowering` and :mod:`prover.compiler`."""
