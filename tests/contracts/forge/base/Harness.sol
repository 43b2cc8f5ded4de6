// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "./Vm.sol";

/// @dev Base of test contracts and handlers: cheat codes, assertions, and what forge asks an invariant test about its
/// targets. Written here because the usual library comes from no package registry.
abstract contract Harness {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    error NotEqual(string what, uint256 actual, uint256 expected);
    error NotAtMost(string what, uint256 actual, uint256 limit);
    error Broken(string what);

    bool public constant IS_TEST = true;
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant START = 2_000_000_000 - (2_000_000_000 % 1 days);

    address[] private _targets;
    FuzzSelector[] private _selectors;

    function targetContracts() external view returns (address[] memory) {
        return _targets;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    /// @dev Let forge call these functions of `handler` and nothing else.
    function target(address handler, bytes4[] memory selectors) internal {
        _targets.push(handler);
        _selectors.push(FuzzSelector(handler, selectors));
    }

    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        unchecked {
            uint256 size = high - low + 1;
            return size == 0 ? value : low + (value % size);
        }
    }

    function equal(uint256 actual, uint256 expected, string memory what) internal pure {
        if (actual != expected) revert NotEqual(what, actual, expected);
    }

    function atMost(uint256 actual, uint256 limit, string memory what) internal pure {
        if (actual > limit) revert NotAtMost(what, actual, limit);
    }

    function holds(bool condition, string memory what) internal pure {
        if (!condition) revert Broken(what);
    }
}
