"""Every exception Verdict raises on purpose.

    VerdictError
    ├── SchemaError               a schema or a public-signal layout that cannot be
    ├── InputError                a feature value outside its schema: NaN, infinity, range, shape, dtype
    │   ├── UndecidedError        an input so close to a threshold that float32 rounding would decide
    │   └── UndefinedError        an input for which the model gives no number: the logarithm of -1
    ├── ModelError
    │   ├── ModelFileError        missing, truncated or hostile ONNX
    │   ├── ModelShapeError       shapes or dtypes that contradict each other
    │   ├── ModelTooLargeError    more constraints than this machine's memory holds
    │   └── UnsupportedOpError    an operator, or an attribute value of one, that Verdict does not prove
    ├── QuantizationError         a plan that cannot hold: a width, a scale, an output that does not fit
    │   └── UnreachableTargetError no plan has the error and the number of constraints asked for
    ├── CircuitError
    │   ├── MalformedCircuitError a constraint system that breaks one of its own rules
    │   └── UnsatisfiedError      a witness that violates a constraint
    ├── BundleError               a bundle with a missing, changed or foreign file
    ├── FormatError               bytes that are not what their format says (.r1cs .wtns .zkey .json)
    ├── ProvingKeyError
    │   ├── KeyMismatchError      a key for another circuit
    │   └── UnsafeKeyError        a key whose toxic waste is known (state ``initial``)
    ├── MalformedProofError       a call the on-chain verifier would revert on
    ├── BackendError              a proving backend that is missing or failed
    │   └── Cancelled             the caller's progress callback asked to stop
    ├── StorageError              a file that could not be written: full disk, permissions
    └── ChainError
        ├── NodeUnreachableError  no answer at the RPC URL
        ├── WrongChainError       the node is on another chain than the deployment or the signer expects
        ├── CompilerError         solc is missing or refused a source
        ├── DeploymentError       no deployment record, or code on chain that differs from the artifact
        ├── SignerError           no key, or a keystore that does not open
        └── TransactionReverted   a contract refused; carries the contract's own error name and arguments

A message names the thing that is wrong; ``hint`` says what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence


class VerdictError(Exception):
    """Root of the tree. ``str(error)`` is the message followed by the hint.

    Args:
        message: what is wrong, naming the tensor, node, file or contract.
        hint: what the user can do about it; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class SchemaError(VerdictError):
    """A schema or a public-signal layout that cannot be."""


class InputError(VerdictError):
    """A feature value outside its schema. Nothing is ever clamped or wrapped."""


class UndecidedError(InputError):
    """An input whose exact sum is closer to a threshold, or to another class's, than the model's own float32 rounding.

    Nothing is wrong with the input: the circuit refuses it, so that every decision it proves is the model's.
    """


class UndefinedError(InputError):
    """An input for which the model gives no number, because it leaves the domain of one of its functions."""


UNDEFINED_HINT = "narrow the ranges of the features that the node reads"
"""What to do about an UndefinedError."""

UNDECIDED_HINT = (
    "decide such inputs by hand, the report says how many of the samples they are; a tier's threshold may be moved by "
    "a millionth, and a label ties less often with an odd number of trees or leaves that are whole votes"
)
"""What to do about an UndecidedError."""


class ModelError(VerdictError):
    """A model that Verdict cannot load or prove."""


class ModelFileError(ModelError):
    """A missing, truncated or hostile ONNX file."""


class ModelShapeError(ModelError):
    """Shapes or dtypes in a model that contradict each other."""


class ModelTooLargeError(ModelError):
    """A model whose constraints this machine's memory does not hold, told before any work.

    Attributes:
        estimate: bytes it would take.
        available: bytes there are.
    """

    def __init__(self, message: str, hint: str = "", *, estimate: int = 0, available: int = 0) -> None:
        super().__init__(message, hint)
        self.estimate, self.available = estimate, available


class UnsupportedOpError(ModelError):
    """An operator, or an attribute value of one, that Verdict does not prove.

    Attributes:
        node: name of the node, or its first output when it has no name.
        op: operator type, for example ``"Gelu"``.
        domain: operator-set domain, ``"ai.onnx"`` for the default one.
        opset: version of that domain the model imports.
    """

    def __init__(
        self, message: str, hint: str = "", *, node: str = "", op: str = "", domain: str = "", opset: int = 0
    ) -> None:
        super().__init__(message, hint)
        self.node, self.op, self.domain, self.opset = node, op, domain, opset


class QuantizationError(VerdictError):
    """A plan that cannot hold: a width, a scale, an output that does not fit its slot."""


class UnreachableTargetError(QuantizationError):
    """No plan has the error and the number of constraints asked for.

    Attributes:
        nearest: the plans that come closest, as points of the search.
    """

    def __init__(self, message: str, hint: str = "", *, nearest: Sequence[object] = ()) -> None:
        super().__init__(message, hint)
        self.nearest = tuple(nearest)


class CircuitError(VerdictError):
    """A fault of a constraint system or of its witness."""


class MalformedCircuitError(CircuitError):
    """A constraint system that breaks one of its own rules. Always a bug of the compiler, never of the user."""


class UnsatisfiedError(CircuitError):
    """A witness that violates a constraint.

    Attributes:
        row: index of the first violated constraint.
        origin: the gadget and graph node that emitted it.
    """

    def __init__(self, message: str, hint: str = "", *, row: int = -1, origin: str = "") -> None:
        super().__init__(message, hint)
        self.row, self.origin = row, origin


class BundleError(VerdictError):
    """A bundle directory with a missing, changed or foreign file."""


class FormatError(VerdictError):
    """Bytes that are not what their format says."""


class ProvingKeyError(VerdictError):
    """A key that cannot be used."""


class KeyMismatchError(ProvingKeyError):
    """A key for another circuit."""


class UnsafeKeyError(ProvingKeyError):
    """A key whose toxic waste is known to everybody (state ``initial``)."""


class MalformedProofError(VerdictError):
    """A verification call the contract would revert on: a signal ≥ r, a coordinate ≥ q, a wrong length.

    A well-formed but invalid proof is never an error: ``verify`` returns False.
    """


class BackendError(VerdictError):
    """A proving backend that is missing or failed."""


class Cancelled(BackendError):  # noqa: N818 - it is an outcome the caller asked for
    """The caller's progress callback asked to stop. Nothing was written."""


class StorageError(VerdictError):
    """A file that could not be written. The file that stood there before is untouched."""


class ChainError(VerdictError):
    """Anything that goes wrong between us and a chain."""


class NodeUnreachableError(ChainError):
    """No answer at the RPC URL."""


class WrongChainError(ChainError):
    """The node is on another chain than the one expected."""


class CompilerError(ChainError):
    """solc is missing or refused a source."""


class DeploymentError(ChainError):
    """No deployment record, or code on chain that differs from the recorded artifact."""


class SignerError(ChainError):
    """No signing key, or a keystore that does not open."""


class TransactionReverted(ChainError):  # noqa: N818 - the name of the thing itself
    """A contract refused.

    Attributes:
        error: name of the contract's custom error, for example ``"StaleSequence"``; empty when it gave none.
        args_: decoded arguments of that error.
    """

    def __init__(self, message: str, hint: str = "", *, error: str = "", args_: Sequence[object] = ()) -> None:
        super().__init__(message, hint)
        self.error, self.args_ = error, tuple(args_)
