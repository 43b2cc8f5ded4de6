// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ICreditLine} from "contracts/interfaces/ICreditLine.sol";
import {IDecisionRegistry} from "contracts/interfaces/IDecisionRegistry.sol";
import {IModelRegistry} from "contracts/interfaces/IModelRegistry.sol";

/// @dev Decides whatever it is told, for books that are tested over years: registry of decisions and of models in one.
contract OpenDecisions {
    bytes32 private _person;
    int256 private _tier = 1;
    bool private _broken;

    function choose(bytes32 person, int256 tier) external {
        (_person, _tier) = (person, tier);
    }

    function destroy() external {
        _broken = true;
    }

    function modelRegistry() external view returns (address) {
        return address(this);
    }

    function statusOf(uint256) external pure returns (IModelRegistry.ModelStatus) {
        return IModelRegistry.ModelStatus.Active;
    }

    function layoutOf(uint256) external pure returns (IModelRegistry.Layout memory outputs) {
        outputs.polarity = 1;
        outputs.reveal = 2;
        outputs.thresholds = new int256[](2);
    }

    function valueOf(
        uint256,
        address,
        address,
        address
    ) external view returns (IDecisionRegistry.Value memory) {
        require(!_broken, "destroyed");
        return IDecisionRegistry.Value(_tier, _person, uint64(block.timestamp), type(uint64).max);
    }
}

/// @dev Owner and borrower of a line: opens one loan of one unit for every term from `first` to `last`.
contract Ladder {
    function climb(ICreditLine line, OpenDecisions decisions, uint32 first, uint32 last) external {
        ICreditLine.ModelTerms memory terms;
        terms.tiers = new ICreditLine.Tier[](3);
        terms.tiers[1] = ICreditLine.Tier(type(uint128).max, 1_000);
        (terms.dailyCap, terms.maxDecisionAge) = (type(uint256).max, 1);
        for (uint32 term = first; term <= last; ++term) {
            terms.termDays = term;
            line.setModelTerms(1, terms);
            decisions.choose(bytes32(uint256(term)), 1);
            line.draw(1, address(this), 1 ether);
        }
    }

    function setUp(ICreditLine line) external {
        line.setCaps(type(uint256).max, type(uint256).max);
        line.setIssuerDailyCap(address(this), type(uint256).max);
    }
}

/// @dev A token of many vices, each switched on by whoever tests it.
contract MoodyToken is ERC20 {
    uint256 private _feeBps; // kept from what arrives
    uint256 private _surchargeBps; // taken from the sender on top

    constructor() ERC20("moody", "MOOD") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function charge(uint256 feeBps, uint256 surchargeBps) external {
        (_feeBps, _surchargeBps) = (feeBps, surchargeBps);
    }

    function rebase(address holder, uint256 less) external {
        super._update(holder, address(0), less);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from == address(0) || to == address(0)) return;
        if (_feeBps != 0) super._update(to, address(0), (amount * _feeBps) / 10_000);
        if (_surchargeBps != 0) super._update(from, address(0), (amount * _surchargeBps) / 10_000);
    }
}

/// @dev Moves money and returns nothing, as some old tokens do; or returns false and moves nothing.
contract SilentToken {
    mapping(address holder => uint256 amount) public balanceOf;
    bool private _refuses;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function refuse() external {
        _refuses = true;
    }

    function approve(address, uint256) external {}

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        if (_refuses) {
            assembly {
                mstore(0, 0)
                return(0, 32)
            }
        }
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev Notes what a line shows whenever it is asked to look.
contract Witness {
    uint256[] private _seen;

    function look(ICreditLine line) external {
        _seen.push(line.totalAssets());
        _seen.push(line.pocketed());
        _seen.push(line.convertToAssets(1e24));
        _seen.push(line.previewDeposit(1e18));
        _seen.push(line.totalSupply());
        _seen.push(line.cash());
    }

    function seen() external view returns (uint256[] memory) {
        return _seen;
    }
}

/// @dev Calls a witness before and after every transfer, like a token with ERC-777's two hooks.
contract WitnessedToken is ERC20 {
    Witness private _witness;
    ICreditLine private _line;

    constructor() ERC20("witnessed", "WIT") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function watch(Witness witness, ICreditLine line) external {
        (_witness, _line) = (witness, line);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (address(_witness) != address(0)) _witness.look(_line);
        super._update(from, to, amount);
        if (address(_witness) != address(0)) _witness.look(_line);
    }
}
