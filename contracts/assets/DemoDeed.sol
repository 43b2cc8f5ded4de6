// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title Play deeds for demonstrations and tests: anybody mints. Never use it as anything of value.
contract DemoDeed is ERC721 {
    constructor() ERC721("Verdict demo deed", "vDEED") {}

    /// @notice Create the deed `tokenId` for `to`. Open to everybody on purpose.
    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }
}
