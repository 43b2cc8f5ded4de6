// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AggregatorV3Interface} from "../interfaces/AggregatorV3Interface.sol";

/// @title A price feed for demonstrations and tests: anybody sets its answer. Never use it as anything of value.
contract DemoFeed is AggregatorV3Interface {
    struct Round {
        int256 answer;
        uint256 startedAt;
        uint256 updatedAt;
    }

    error NoSuchRound(uint80 roundId);

    /// @inheritdoc AggregatorV3Interface
    uint8 public immutable decimals;
    /// @inheritdoc AggregatorV3Interface
    // solhint-disable-next-line const-name-snakecase
    uint256 public constant version = 1;
    /// @inheritdoc AggregatorV3Interface
    string public description;

    uint80 private _latest;
    mapping(uint80 roundId => Round round) private _rounds;

    event AnswerUpdated(int256 indexed answer, uint256 indexed roundId, uint256 updatedAt);

    constructor(uint8 decimals_, string memory description_, int256 answer) {
        decimals = decimals_;
        description = description_;
        _set(answer, block.timestamp, block.timestamp);
    }

    /// @notice Answer `answer` as of now. Open to everybody on purpose.
    function set(int256 answer) external {
        _set(answer, block.timestamp, block.timestamp);
    }

    /// @notice Answer with any times, for tests of late, early and unfinished rounds and of sequencers.
    function setRound(int256 answer, uint256 startedAt, uint256 updatedAt) external {
        _set(answer, startedAt, updatedAt);
    }

    /// @inheritdoc AggregatorV3Interface
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(_latest);
    }

    /// @inheritdoc AggregatorV3Interface
    function getRoundData(uint80 roundId) public view returns (uint80, int256, uint256, uint256, uint80) {
        if (roundId == 0 || roundId > _latest) revert NoSuchRound(roundId);
        Round memory round = _rounds[roundId];
        return (roundId, round.answer, round.startedAt, round.updatedAt, roundId);
    }

    function _set(int256 answer, uint256 startedAt, uint256 updatedAt) private {
        _rounds[++_latest] = Round(answer, startedAt, updatedAt);
        emit AnswerUpdated(answer, _latest, updatedAt);
    }
}
