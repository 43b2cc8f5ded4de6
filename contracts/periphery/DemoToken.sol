// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Play money for demonstrations and tests: anybody mints. Never use it as anything of value.
contract DemoToken is ERC20 {
    constructor() ERC20("Verdict demo dollar", "vUSD") {}

    /// @notice Create `amount` for `to`. Open to everybody on purpose.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
