// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title An ERC-20 that remembers who held how much at the end of each UTC day.
/// @notice One checkpoint per account and day: loans fall due at the ends of days, so nothing finer is ever asked for,
/// and no number of transfers makes a day's history longer.
abstract contract ShareHistory is ERC20 {
    using Checkpoints for Checkpoints.Trace208;

    mapping(address account => Checkpoints.Trace208 balances) private _balances;
    Checkpoints.Trace208 private _supplies;

    /// @dev Zero for what was never held. Of a day that is not over: as it is now.
    function _sharesAtEndOf(uint256 day, address account) internal view returns (uint256) {
        return _balances[account].upperLookupRecent(_key(day));
    }

    /// @dev Likewise for all shares together.
    function _supplyAtEndOf(uint256 day) internal view returns (uint256) {
        return _supplies.upperLookupRecent(_key(day));
    }

    function _update(address from, address to, uint256 amount) internal virtual override {
        super._update(from, to, amount);
        uint48 today = _key(block.timestamp / 1 days);
        if (from == address(0) || to == address(0)) _supplies.push(today, SafeCast.toUint208(totalSupply()));
        if (from != address(0)) _balances[from].push(today, SafeCast.toUint208(balanceOf(from)));
        if (to != address(0)) _balances[to].push(today, SafeCast.toUint208(balanceOf(to)));
    }

    function _key(uint256 day) private pure returns (uint48) {
        return uint48(Math.min(day, type(uint48).max));
    }
}
