"""Nonlinear building blocks that rules share: each appends the steps it needs and returns an affine tensor.

A block takes affine tensors whose elements are never NaN. One module a family: functions of one number, products,
quotients, comparisons, one-hot vectors, maxima. What each computes on integers is defined in
:mod:`prover.quantization.steps`.
"""
