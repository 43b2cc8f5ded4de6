// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @dev An ERC-1271 wallet that asks its owner's key, as a multisig with one member would.
contract OwnedWallet {
    address public immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (address recovered, , ) = ECDSA.tryRecoverCalldata(digest, signature);
        return recovered == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @dev So that the wallet can register as an issuer, or borrow.
    function execute(address target, bytes calldata data) external returns (bytes memory) {
        (bool success, bytes memory result) = target.call(data);
        require(success, "execute");
        return result;
    }
}

/// @dev Burns all the gas it is given.
contract BurningWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        while (true) {}
        return 0;
    }
}

/// @dev Approves everything until it is told to burn instead.
contract MoodyWallet {
    bool public burns;

    function turn() external {
        burns = true;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        while (burns) {}
        return this.isValidSignature.selector;
    }
}

/// @dev Answers with the magic value and 100 kB behind it.
contract VerboseWallet {
    fallback() external {
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 100000)
        }
    }
}

/// @dev Answers with the magic value but only its four bytes: not an ABI word.
contract ShortWallet {
    fallback() external {
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 4)
        }
    }
}

/// @dev Answers with the magic value and dirty bytes behind it.
contract DirtyWallet {
    fallback() external {
        assembly {
            mstore(0, or(shl(224, 0x1626ba7e), 1))
            return(0, 32)
        }
    }
}

/// @dev The code an EOA delegates to (EIP-7702): it approves nothing.
contract RefusingDelegate {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0xffffffff;
    }
}

/// @dev Approves everything, after thinking about it for most of the gas it is due.
contract SlowWallet {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        while (start - gasleft() < 385_000) {}
        return this.isValidSignature.selector;
    }
}
