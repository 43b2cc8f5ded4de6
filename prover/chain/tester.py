"""The chain inside this process: eth-tester over py-evm, with the BN254 precompiles on the native core.

py-evm computes precompiles 6, 7 and 8 (EIP-196, EIP-197) with py_ecc, 0.8 s for one Groth16 verification; the
native core takes milliseconds. Only the arithmetic is replaced: the gas (EIP-1108) is consumed at the same moment
and a bad input raises the same ``VMError``, so a contract cannot tell the two apart. ``precompiles="py-evm"`` keeps
py-evm's own, for tests in which our pairing must not be its own judge.

The swap is a subclass of the Prague VM, not a change to py-evm's classes: other testers of the process keep theirs.
``_precompiles`` and ``_state_class`` are private names of py-evm, which is why its version is pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, cast

from eth.abc import ComputationAPI
from eth.exceptions import Revert, VMError
from eth.vm.forks.istanbul import constants as istanbul
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.spoof import SpoofTransaction
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.backends.pyevm.main import _get_vm_for_block_number
from eth_tester.exceptions import TransactionFailed, ValidationError
from eth_utils.exceptions import ValidationError as EvmValidationError
from web3.providers import EthereumTesterProvider
from web3.types import RPCEndpoint, RPCError, RPCResponse

from prover.errors import BackendError

Precompiles = Literal["auto", "native", "py-evm"]
"""Whose BN254 arithmetic the tester runs; ``auto`` is native when the core is built, py-evm's otherwise."""

TESTER_CHAIN_ID = 131277322940537
"""eth-tester's fixed chain id."""

FORK = "prague"


class Bn254(NamedTuple):
    """Precompiles 6, 7 and 8 as functions of their calldata; each raises ValueError on an invalid point."""

    ecadd: Callable[[bytes], bytes]
    ecmul: Callable[[bytes], bytes]
    ecpairing: Callable[[bytes], bytes]


def native_bn254() -> Bn254 | None:
    """The native core's BN254 arithmetic, or None when the extension is not built."""
    try:
        from prover import _native
    except ImportError:
        return None
    return Bn254(_native.ecadd, _native.ecmul, _native.ecpairing)


class RevertedCall(TransactionFailed):  # type: ignore[misc]
    """A failed call with its whole revert data, which eth-tester would flatten into the text of a bytes literal."""

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


class TesterBackend(PyEVMBackend):  # type: ignore[misc]
    """py-evm at fork Prague that reports revert data whole and estimates gas in a few runs instead of fifteen."""

    def __init__(self, precompiles: Precompiles = "auto") -> None:
        curve = None if precompiles == "py-evm" else native_bn254()
        if precompiles == "native" and curve is None:
            raise BackendError("the native core is not built", "pip install . with cargo, or use precompiles='py-evm'")
        self.precompiles: Literal["native", "py-evm"] = "py-evm" if curve is None else "native"
        vm = PragueVM if curve is None else _vm_with(curve)
        super().__init__(vm_configuration=((0, vm),))

    def call(self, transaction: Mapping[str, Any], block_number: Any = "latest") -> bytes:
        """``eth_call``. Raises RevertedCall."""
        gas = transaction.get("gas", self._max_available_gas())
        return self._run(transaction, gas, block_number).output

    def estimate_gas(self, transaction: Mapping[str, Any], block_number: Any = "latest") -> int:
        """A gas limit under which the call succeeds, at most an eighth above the smallest one of these.

        What a run consumes can be less than what it must be given (refunds, and the 63/64 that a call may pass on),
        so the limit grows until the run succeeds. Raises RevertedCall when even the block's limit is not enough.
        """
        ceiling = self._max_available_gas()
        computation = self._run(transaction, ceiling, block_number)
        gas: int = ceiling - computation.get_gas_remaining()
        while gas < ceiling:
            try:
                self._run(transaction, gas, block_number)
                return gas
            except RevertedCall:
                gas += gas // 8
        return int(ceiling)

    def send_raw_transaction(self, raw_transaction: bytes) -> bytes:
        """Refuses a transaction signed for another chain, as nodes do and eth-tester does not."""
        transaction = self.chain.get_vm().get_transaction_builder().decode(raw_transaction)
        if transaction.chain_id not in (None, TESTER_CHAIN_ID):
            raise ValidationError(f"the transaction is for chain {transaction.chain_id}, not {TESTER_CHAIN_ID}")
        return bytes(super().send_raw_transaction(raw_transaction))

    def _run(self, transaction: Mapping[str, Any], gas: int, block_number: Any) -> ComputationAPI:
        """Execute on a state that is then thrown away; as on a node, gas costs nothing here."""
        free = {**transaction, "gas": gas, "max_fee_per_gas": 0, "max_priority_fee_per_gas": 0}
        free.pop("gas_price", None)
        unsigned = self._get_normalized_and_unsigned_evm_transaction(free, block_number)
        with _get_vm_for_block_number(self.chain, block_number).in_costless_state() as state:
            computation = state.apply_transaction(SpoofTransaction(unsigned, from_=transaction["from"]))
        if computation.is_error:
            fault = computation.error
            if isinstance(fault, Revert):
                raise RevertedCall("execution reverted", bytes(fault.args[0]) if fault.args else b"")
            raise RevertedCall(f"execution reverted: {type(fault).__name__}", b"")
        return cast(ComputationAPI, computation)


class TesterProvider(EthereumTesterProvider):
    """eth-tester behind web3.py, answering as a node does: a revert is error 3 and its data, a refusal -32000."""

    def __init__(self, precompiles: Precompiles = "auto") -> None:
        self.backend = TesterBackend(precompiles)
        super().__init__(EthereumTester(self.backend))

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except TransactionFailed as error:
            origin: BaseException | None = error
            while origin is not None and not isinstance(origin, RevertedCall):
                origin = origin.__context__
            if origin is None:
                raise
            return _failure({"code": 3, "message": str(origin), "data": "0x" + origin.data.hex()})
        except (ValidationError, EvmValidationError, VMError) as error:
            return _failure({"code": -32000, "message": str(error) or type(error).__name__})


def _failure(error: RPCError) -> RPCResponse:
    return {"jsonrpc": "2.0", "id": None, "error": error}


def _vm_with(curve: Bn254) -> type[PragueVM]:
    """The Prague VM whose precompiles 6, 7 and 8 compute on ``curve``."""

    class Computation(PragueComputation):
        _precompiles = PragueComputation.get_precompiles() | _precompiles(curve)

    class State(PragueState):
        computation_class = Computation

    class VM(PragueVM):
        _state_class = State

    return VM


def _precompiles(curve: Bn254) -> dict[bytes, Callable[[ComputationAPI], ComputationAPI]]:
    """The three precompiles by address, each consuming its EIP-1108 gas before it looks at a point, as py-evm's do."""

    def ecadd(computation: ComputationAPI) -> ComputationAPI:
        computation.consume_gas(istanbul.GAS_ECADD, reason="ECADD Precompile")
        return _answer(computation, curve.ecadd, computation.msg.data_as_bytes[:128].ljust(128, b"\0"))

    def ecmul(computation: ComputationAPI) -> ComputationAPI:
        computation.consume_gas(istanbul.GAS_ECMUL, reason="ECMUL Precompile")
        return _answer(computation, curve.ecmul, computation.msg.data_as_bytes[:96].ljust(96, b"\0"))

    def ecpairing(computation: ComputationAPI) -> ComputationAPI:
        data = computation.msg.data_as_bytes
        if len(data) % 192:
            raise VMError("Invalid ECPAIRING parameters")
        pairs = len(data) // 192
        gas = istanbul.GAS_ECPAIRING_BASE + pairs * istanbul.GAS_ECPAIRING_PER_POINT
        computation.consume_gas(gas, reason="ECPAIRING Precompile")
        return _answer(computation, curve.ecpairing, data)

    return {number.to_bytes(20, "big"): function for number, function in ((6, ecadd), (7, ecmul), (8, ecpairing))}


def _answer(computation: ComputationAPI, function: Callable[[bytes], bytes], data: bytes) -> ComputationAPI:
    try:
        computation.output = function(data)
    except ValueError as error:
        raise VMError(f"invalid BN254 input: {error}") from error
    return computation
