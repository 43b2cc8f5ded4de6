// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICollateralMarket, ILiquidationCallback} from "contracts/interfaces/ICollateralMarket.sol";

/// @dev A token of any scale.
contract MarketScaledToken is ERC20 {
    uint8 private immutable _scale;

    constructor(uint8 scale) ERC20("scaled", "SCALE") {
        _scale = scale;
    }

    function decimals() public view override returns (uint8) {
        return _scale;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @dev Misbehaves once told to: charges the receiver or the sender, shrinks a holder, or calls somebody.
contract FickleToken is ERC20 {
    uint256 public receiverFee;
    uint256 public senderFee;
    address private _target;
    bytes private _data;

    constructor() ERC20("fickle", "FICKLE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function charge(uint256 receiverFee_, uint256 senderFee_) external {
        (receiverFee, senderFee) = (receiverFee_, senderFee_);
    }

    function shrink(address holder, uint256 amount) external {
        _burn(holder, amount);
    }

    function hook(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from == address(0) || to == address(0)) return;
        if (receiverFee != 0) super._update(to, address(0), receiverFee);
        if (senderFee != 0) super._update(from, address(0), senderFee);
        if (_target == address(0)) return;
        (bool success, bytes memory result) = _target.call(_data);
        if (!success) {
            assembly {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}

/// @dev Returns nothing, as the oldest tokens do.
contract MarketSilentToken {
    uint8 public constant decimals = 18;
    mapping(address => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address, uint256) external {}

    function transfer(address to, uint256 amount) external {
        transferFrom(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev Moves nothing and says so.
contract MarketRefusingToken {
    uint8 public constant decimals = 18;

    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }

    function mint(address, uint256) external {}

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }
}

/// @dev A feed that, once told to, burns its gas, floods its caller, answers too little, or reverts.
contract HostileFeed {
    uint8 public constant decimals = 8;
    uint256 public mood;

    function turn(uint256 mood_) external {
        mood = mood_;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        uint256 now_ = mood;
        if (now_ == 1) while (true) {}
        assembly {
            if eq(now_, 2) {
                mstore(0x20, 20000000000)
                mstore(0x60, timestamp())
                return(0, 300000)
            }
            if eq(now_, 3) {
                return(0, 159)
            }
            if eq(now_, 4) {
                revert(0, 100000)
            }
        }
        return (1, 200e8, block.timestamp, block.timestamp, 1);
    }
}

/// @dev Passes every call on, until it is gone: a registry that is replaced or broken.
contract MortalRegistry {
    address private immutable _real;
    bool private _gone;

    constructor(address real) {
        _real = real;
    }

    function kill() external {
        _gone = true;
    }

    fallback() external {
        require(!_gone, "gone");
        (bool success, bytes memory result) = _real.call(msg.data);
        assembly {
            if success {
                return(add(result, 0x20), mload(result))
            }
            revert(add(result, 0x20), mload(result))
        }
    }
}

/// @dev Liquidates without money of its own: sells the collateral to a friend inside the callback.
contract MarketLiquidator is ILiquidationCallback {
    ICollateralMarket private immutable _market;
    IERC20 private immutable _loan;
    address private _friend;
    uint256 public seen;

    constructor(ICollateralMarket market, IERC20 loan) {
        _market = market;
        _loan = loan;
        loan.approve(address(market), type(uint256).max);
    }

    function run(bytes32 id, address borrower, address friend, bytes calldata data) external {
        _friend = friend;
        _market.liquidate(id, borrower, type(uint256).max, 0, data);
    }

    function onLiquidation(uint256 repaid, uint256 seized, bytes calldata data) external {
        seen = seized;
        if (data.length > 1) {
            (bool success, bytes memory result) = address(_market).call(data);
            if (!success) {
                assembly {
                    revert(add(result, 0x20), mload(result))
                }
            }
        }
        _loan.transferFrom(_friend, address(this), repaid);
    }
}

/// @dev Notes what the views say while a token is moving.
contract MarketWitness {
    ICollateralMarket private immutable _market;
    uint256 public supplied;
    uint256 public health;

    constructor(ICollateralMarket market) {
        _market = market;
    }

    function look(bytes32 id, address supplier, address borrower) external {
        supplied = _market.suppliedOf(id, supplier);
        health = _market.healthFactorOf(id, borrower);
    }
}
