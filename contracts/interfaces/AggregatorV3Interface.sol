// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// The name is the published one.
// solhint-disable interface-starts-with-i

/// @title Chainlink's price feed interface, as published.
/// @notice Where collateral prices come from. Whoever reads a feed checks sign, age and scale of its answer.
interface AggregatorV3Interface {
    /// @notice Decimals of `answer`.
    /// @return The number of decimals.
    function decimals() external view returns (uint8);

    /// @notice What the feed is about, for people.
    /// @return For example "ETH / USD".
    function description() external view returns (string memory);

    /// @notice Version of the feed's code.
    /// @return The version.
    function version() external view returns (uint256);

    /// @notice One past round.
    /// @param roundId Id of the round.
    /// @return roundId_ Id of the round.
    /// @return answer The price.
    /// @return startedAt When the round started.
    /// @return updatedAt When the answer was given; zero for a round without one.
    /// @return answeredInRound Deprecated by Chainlink.
    function getRoundData(
        uint80 roundId
    )
        external
        view
        returns (uint80 roundId_, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice The latest round.
    /// @return roundId Id of the round.
    /// @return answer The price.
    /// @return startedAt When the round started.
    /// @return updatedAt When the answer was given.
    /// @return answeredInRound Deprecated by Chainlink.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
