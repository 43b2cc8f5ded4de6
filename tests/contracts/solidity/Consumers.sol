// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ICreditLine} from "contracts/interfaces/ICreditLine.sol";
import {IDecisionRegistry} from "contracts/interfaces/IDecisionRegistry.sol";
import {VerdictConsumer} from "contracts/periphery/VerdictConsumer.sol";

/// @dev The smallest consumer: what an integrator writes.
contract Reader is VerdictConsumer {
    constructor(IDecisionRegistry registry_) VerdictConsumer(registry_) {}

    function firstValue(uint256 modelId, address issuer, address subject) external view returns (int256) {
        return _decisionOf(modelId, issuer, subject).values[0];
    }

    function status(
        uint256 modelId,
        address issuer,
        address subject
    ) external view returns (IDecisionRegistry.DecisionStatus result) {
        (result, ) = _tryDecisionOf(modelId, issuer, subject);
    }
}

/// @dev A token that calls a credit line back in the middle of every transfer.
contract HookedToken is ERC20 {
    ICreditLine private _target;
    bytes private _data;

    constructor() ERC20("hooked", "HOOK") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function hook(ICreditLine target, bytes calldata data) external {
        _target = target;
        _data = data;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (address(_target) == address(0)) return;
        (bool success, bytes memory result) = address(_target).call(_data);
        if (!success) {
            assembly {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}
