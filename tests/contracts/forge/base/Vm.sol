// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev The cheat codes of forge's machine that these tests use.
interface Vm {
    function warp(uint256 timestamp) external;

    function prank(address sender) external;

    function assume(bool condition) external pure;

    function addr(uint256 key) external pure returns (address);

    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);

    function expectRevert(bytes4 selector) external;

    function expectPartialRevert(bytes4 selector) external;
}
