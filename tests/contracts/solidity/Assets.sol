// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {AggregatorV3Interface} from "contracts/interfaces/AggregatorV3Interface.sol";
import {IFraudGate} from "contracts/interfaces/IFraudGate.sol";

/// @dev A token whose every transfer asks a fraud gate first: what an integrator writes.
contract GatedToken is ERC20 {
    IFraudGate public immutable gate;

    constructor(IFraudGate gate_) ERC20("gated", "GATE") {
        gate = gate_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0)) gate.beforeTransfer(from, to, amount);
        super._update(from, to, amount);
    }
}

/// @dev Six decimals; keeps a part of every transfer when told to, and calls somebody back when told to.
contract AwkwardQuote is ERC20 {
    uint256 public feeBps;
    address private _target;
    bytes private _data;

    constructor() ERC20("awkward", "AWK") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFee(uint256 feeBps_) external {
        feeBps = feeBps_;
    }

    function hook(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0)) return super._update(from, to, amount);
        uint256 fee = (amount * feeBps) / 10_000;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(this), fee);
        if (_target == address(0)) return;
        (bool success, bytes memory result) = _target.call(_data);
        if (!success) {
            assembly {
                revert(add(result, 0x20), mload(result))
            }
        }
    }
}

/// @dev Deeds that stay where they are, whatever is transferred.
contract StuckDeed is ERC721 {
    constructor() ERC721("stuck", "STUCK") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }

    function transferFrom(address, address, uint256) public override {}
}

/// @dev A feed of an attacker's own: names any shares and says what it is told.
contract LyingFeed {
    address public immutable shares;
    uint8 public decimals = 8;
    uint256 public freshAppraisal;
    bool public constant hasLapsed = false;

    constructor(address shares_) {
        shares = shares_;
    }

    function say(uint256 appraisal, uint8 decimals_) external {
        (freshAppraisal, decimals) = (appraisal, decimals_);
    }
}

/// @dev Remembers what a feed said at a moment.
contract PriceProbe {
    AggregatorV3Interface public immutable feed;
    int256 public seen;

    constructor(AggregatorV3Interface feed_) {
        feed = feed_;
    }

    function look() external {
        (, seen, , , ) = feed.latestRoundData();
    }
}
