// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICreditLine} from "contracts/interfaces/ICreditLine.sol";
import {IIssuerRegistry} from "contracts/interfaces/IIssuerRegistry.sol";
import {CreditLine} from "contracts/lending/CreditLine.sol";
import {DemoToken} from "contracts/periphery/DemoToken.sol";
import {Harness} from "./Harness.sol";
import {World} from "./World.sol";

/// @dev Lenders and borrowers of a credit line, and books kept loan by loan that say what must be refused.
contract CreditHandler is Harness {
    struct Debt {
        uint256 person;
        uint256 principal;
        uint256 interest;
        uint256 rate;
        uint256 accruedAt;
        uint256 openedDay;
        uint256 dueAt;
        bool writtenOff;
    }

    struct Price {
        uint256 assets;
        uint256 shares;
    }

    uint256 public constant WALLETS = 3;
    uint256 public constant PERSONS = 2;
    uint256 public constant LENDERS = 2;
    uint256 public constant TERM = 14;
    uint256 public constant LOAN_CAP = 4_000e18;
    uint256 public constant PERSON_CAP = 5_000e18;
    uint256 public constant MODEL_DAY = 8_000e18;
    uint256 public constant ISSUER_DAY = 7_000e18;
    uint64 public constant MAX_DECISION_AGE = 7 days;

    World public immutable world;
    CreditLine public immutable line;
    DemoToken public immutable token;
    uint256 public cash;
    Debt[] public loans;
    mapping(uint256 day => uint256) public lentOn;
    uint256[] public days_;
    mapping(uint256 wallet => uint256) public tierOf;
    mapping(uint256 wallet => uint256) public judgedAt;
    mapping(uint256 wallet => bytes32) private _attestation;
    address[LENDERS] public lenders;
    address[WALLETS] public wallets;
    /// @dev What came in late, by due time, and what each lender claimed of it.
    mapping(uint256 dueAt => uint256) public recovered;
    mapping(uint256 dueAt => mapping(uint256 lender => uint256)) public claimed;
    uint256 public pocketed;
    uint256[] public dues;
    /// @dev Shares of the lenders before each due time, noted when it passes.
    mapping(uint256 dueAt => uint256[LENDERS]) private _held;
    mapping(uint256 dueAt => bool) private _noted;

    constructor(World world_) {
        world = world_;
        token = new DemoToken();
        line = new CreditLine(world_.decisions(), token, address(this));
        ICreditLine.Tier[] memory tiers = new ICreditLine.Tier[](3);
        tiers[1] = ICreditLine.Tier({limit: 1_000e18, annualRateBps: 3_000});
        tiers[2] = ICreditLine.Tier({limit: 6_000e18, annualRateBps: 1_000});
        line.setModelTerms(
            world_.modelId(),
            ICreditLine.ModelTerms({
                tiers: tiers,
                dailyCap: MODEL_DAY,
                maxDecisionAge: MAX_DECISION_AGE,
                termDays: uint32(TERM)
            })
        );
        line.setIssuerDailyCap(world_.issuer(), ISSUER_DAY);
        line.setCaps(LOAN_CAP, PERSON_CAP);
        for (uint256 i = 0; i < LENDERS; ++i) lenders[i] = address(uint160(0x1E4D + i));
        for (uint256 i = 0; i < WALLETS; ++i) wallets[i] = vm.addr(key(i));
        deposit(0, 12_000e18);
        decide(0, 2);
    }

    /// @dev Nothing anybody does makes a share worth less: losses come with time alone.
    modifier priced() {
        Price memory before = _price();
        _;
        Price memory after_ = _price();
        holds(after_.assets * before.shares >= before.assets * after_.shares, "the price fell");
    }

    function key(uint256 wallet) public pure returns (uint256) {
        return 0xB0B + wallet;
    }

    /// @dev The first two wallets are one person's.
    function personOf(uint256 wallet) public pure returns (uint256) {
        return wallet == 2 ? 1 : 0;
    }

    function personId(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("borrower", index));
    }

    function loanCount() external view returns (uint256) {
        return loans.length;
    }

    function dayCount() external view returns (uint256) {
        return days_.length;
    }

    // Lenders.

    function deposit(uint256 who, uint256 assets) public priced {
        address lender = lenders[who % LENDERS];
        assets = bound(assets, 0, 20_000e18);
        _provide(lender, assets);
        uint256 expected = line.previewDeposit(assets);
        bool allowed = assets <= line.maxDeposit(lender) && (expected != 0 || assets == 0);
        vm.prank(lender);
        try line.deposit(assets, lender) returns (uint256 shares) {
            holds(allowed, "deposit above the most");
            equal(shares, expected, "deposit as previewed");
            cash += assets;
        } catch {
            holds(!allowed, "deposit refused");
        }
    }

    function mint(uint256 who, uint256 shares) external priced {
        address lender = lenders[who % LENDERS];
        shares = bound(shares, 0, 20_000e24);
        uint256 expected = line.previewMint(shares);
        _provide(lender, expected);
        bool allowed = shares <= line.maxMint(lender);
        vm.prank(lender);
        try line.mint(shares, lender) returns (uint256 assets) {
            holds(allowed, "mint above the most");
            equal(assets, expected, "mint as previewed");
            cash += assets;
        } catch {
            holds(!allowed, "mint refused");
        }
    }

    function withdraw(uint256 who, uint256 assets) external priced {
        address lender = lenders[who % LENDERS];
        uint256 most = line.maxWithdraw(lender);
        assets = bound(assets, 0, most + 10);
        uint256 expected = line.previewWithdraw(assets);
        vm.prank(lender);
        try line.withdraw(assets, lender, lender) returns (uint256 shares) {
            holds(assets <= most, "withdrawal above the most");
            equal(shares, expected, "withdrawal as previewed");
            cash -= assets;
        } catch {
            holds(assets > most, "withdrawal refused");
        }
    }

    function redeem(uint256 who, uint256 shares) external priced {
        address lender = lenders[who % LENDERS];
        uint256 most = line.maxRedeem(lender);
        shares = bound(shares, 0, most + 10);
        uint256 expected = line.previewRedeem(shares);
        bool allowed = shares <= most && (expected != 0 || shares == 0);
        vm.prank(lender);
        try line.redeem(shares, lender, lender) returns (uint256 assets) {
            holds(allowed, "redemption above the most");
            equal(assets, expected, "redemption as previewed");
            cash -= assets;
        } catch {
            holds(!allowed, "redemption refused");
        }
    }

    /// @dev Shares sold leave their claims behind.
    function transfer(uint256 from, uint256 amount) external priced {
        address lender = lenders[from % LENDERS];
        amount = bound(amount, 0, line.balanceOf(lender));
        vm.prank(lender);
        line.transfer(lenders[(from + 1) % LENDERS], amount);
    }

    /// @dev Exactly the part of a day's late payments that the shares held then have, to whom its holder wants.
    function claim(uint256 which, uint256 who) external priced {
        if (dues.length == 0) return;
        who %= LENDERS;
        uint256 dueAt = dues[which % dues.length];
        uint256 expected = claimable(dueAt, who);
        uint256[] memory dueDays = new uint256[](2);
        (dueDays[0], dueDays[1]) = (dueAt / 1 days - 1, dueAt / 1 days - 1);
        equal(line.claimable(dueDays[0], lenders[who]), expected, "claimable");
        uint256 before = token.balanceOf(lenders[who]);
        vm.prank(lenders[who]);
        try line.claim(dueDays, lenders[who]) returns (uint256 amount) {
            equal(amount, expected, "claimed");
            equal(token.balanceOf(lenders[who]) - before, expected, "paid");
            claimed[dueAt][who] += amount;
            pocketed -= amount;
        } catch {
            equal(expected, 0, "a claim was refused");
        }
    }

    /// @dev Tokens sent unasked move no price at all.
    function donate(uint256 amount) external {
        Price memory before = _price();
        token.mint(address(line), bound(amount, 1, 1e30));
        Price memory after_ = _price();
        equal(after_.assets, before.assets, "a donation moved the price");
    }

    // Borrowers.

    function decide(uint256 wallet, uint256 tier) public {
        wallet %= WALLETS;
        tier %= 3;
        world.decide(key(wallet), personId(personOf(wallet)), tier, address(line), 20 days);
        (tierOf[wallet], judgedAt[wallet]) = (tier, block.timestamp);
        (, _attestation[wallet]) = world.decisions().lastAcceptedOf(world.issuer(), wallets[wallet], world.SCHEMA());
    }

    function revoke(uint256 wallet) external {
        wallet %= WALLETS;
        if (judgedAt[wallet] == 0) return;
        world.administer(
            abi.encodeCall(IIssuerRegistry.revokeAttestation, (world.issuer(), _attestation[wallet]))
        );
        judgedAt[wallet] = 0;
    }

    /// @dev A draw succeeds exactly when decision, caps, person and cash allow it.
    function draw(uint256 wallet, uint256 amount) external priced {
        wallet %= WALLETS;
        amount = bound(amount, 1, 5_000e18);
        bool allowed = mayDraw(wallet, amount);
        uint256 modelId = world.modelId();
        address issuer = world.issuer();
        vm.prank(wallets[wallet]);
        try line.draw(modelId, issuer, amount) returns (uint256 loanId) {
            holds(allowed, "a draw the books refuse");
            equal(loanId, loans.length + 1, "loan id");
        } catch {
            holds(!allowed, "a draw the books allow was refused");
            return;
        }
        uint256 day = block.timestamp / 1 days;
        loans.push(
            Debt({
                person: personOf(wallet),
                principal: amount,
                interest: 0,
                rate: tierOf[wallet] == 2 ? 1_000 : 3_000,
                accruedAt: block.timestamp,
                openedDay: day,
                dueAt: (day + TERM + 1) * 1 days,
                writtenOff: false
            })
        );
        if (lentOn[day] == 0) days_.push(day);
        lentOn[day] += amount;
        cash -= amount;
    }

    /// @dev Anybody may repay at any time, before and after everything.
    function repay(uint256 which, uint256 amount, uint256 who) external priced {
        if (loans.length == 0) return;
        Debt storage debt = loans[which % loans.length];
        amount = bound(amount, 1, 6_000e18);
        address payer = lenders[who % LENDERS];
        _provide(payer, amount);
        bool open = debt.principal != 0;
        vm.prank(payer);
        try line.repay((which % loans.length) + 1, amount) returns (uint256 paid) {
            holds(open, "a closed loan took a payment");
            uint256 interest = interestOf(debt);
            uint256 interestPaid = amount < interest ? amount : interest;
            uint256 principalPaid = amount - interestPaid < debt.principal ? amount - interestPaid : debt.principal;
            equal(paid, interestPaid + principalPaid, "paid");
            (debt.interest, debt.accruedAt) = (interest - interestPaid, block.timestamp);
            debt.principal -= principalPaid;
            if (debt.openedDay == block.timestamp / 1 days) lentOn[debt.openedDay] -= principalPaid;
            _enter(debt.dueAt, paid);
        } catch {
            holds(!open, "a repayment was refused");
        }
    }

    function writeOff(uint256 which) external priced {
        if (loans.length == 0) return;
        Debt storage debt = loans[which % loans.length];
        bool allowed = debt.principal != 0 && !debt.writtenOff && block.timestamp >= debt.dueAt + 30 days;
        try line.writeOff((which % loans.length) + 1) {
            holds(allowed, "written off too early");
            debt.writtenOff = true;
        } catch {
            holds(!allowed, "a write-off was refused");
        }
    }

    function wait(uint256 time) external {
        time = block.timestamp + bound(time, 1, 12 days);
        for (uint256 i = 0; i < loans.length; ++i) {
            uint256 dueAt = loans[i].dueAt;
            if (_noted[dueAt] || dueAt > time) continue;
            _noted[dueAt] = true;
            dues.push(dueAt);
            for (uint256 j = 0; j < LENDERS; ++j) _held[dueAt][j] = line.balanceOf(lenders[j]);
        }
        vm.warp(time);
    }

    // The books.

    function mayDraw(uint256 wallet, uint256 amount) public view returns (bool) {
        uint256 limit = tierOf[wallet] == 2 ? PERSON_CAP : 1_000e18;
        uint256 day = block.timestamp / 1 days;
        (uint256 owed, uint256 open, bool delinquent) = person(personOf(wallet));
        return
            tierOf[wallet] != 0 &&
            judgedAt[wallet] != 0 &&
            block.timestamp <= judgedAt[wallet] + MAX_DECISION_AGE &&
            amount <= LOAN_CAP &&
            owed + amount <= limit &&
            lentOn[day] + amount <= ISSUER_DAY &&
            !delinquent &&
            open < 8 &&
            amount <= line.cash();
    }

    function claimable(uint256 dueAt, uint256 who) public view returns (uint256) {
        uint256 supply = supplyAt(dueAt);
        return supply == 0 ? 0 : (recovered[dueAt] * _held[dueAt][who]) / supply - claimed[dueAt][who];
    }

    function supplyAt(uint256 dueAt) public view returns (uint256) {
        return _held[dueAt][0] + _held[dueAt][1];
    }

    function dueCount() external view returns (uint256) {
        return dues.length;
    }

    function person(uint256 index) public view returns (uint256 owed, uint256 open, bool delinquent) {
        for (uint256 i = 0; i < loans.length; ++i) {
            if (loans[i].person != index || loans[i].principal == 0) continue;
            owed += loans[i].principal;
            ++open;
            if (block.timestamp >= loans[i].dueAt) delinquent = true;
        }
    }

    /// @dev Debt in the vault's books, loan by loan, in BPS_YEAR-ths: exact until the end.
    function debts() external view returns (uint256 performing, uint256 delinquent) {
        uint256 year = 10_000 * 365 days;
        for (uint256 i = 0; i < loans.length; ++i) {
            Debt storage debt = loans[i];
            if (debt.writtenOff) continue;
            uint256 exact = (debt.principal + debt.interest) * year;
            exact += debt.principal * debt.rate * (block.timestamp - debt.accruedAt);
            if (block.timestamp < debt.dueAt) performing += exact;
            else delinquent += exact;
        }
        return (performing / year, delinquent / year);
    }

    function owedUp(uint256 index) external view returns (uint256) {
        return loans[index].principal + interestOf(loans[index]);
    }

    function interestOf(Debt storage debt) private view returns (uint256) {
        uint256 product = debt.principal * debt.rate * (block.timestamp - debt.accruedAt);
        uint256 year = 10_000 * 365 days;
        return debt.interest + product / year + (product % year == 0 ? 0 : 1);
    }

    /// @dev In time it is the vault's, late it is whose the shares were.
    function _enter(uint256 dueAt, uint256 paid) private {
        if (block.timestamp < dueAt || supplyAt(dueAt) == 0) {
            cash += paid;
            return;
        }
        recovered[dueAt] += paid;
        pocketed += paid;
    }

    function _price() private view returns (Price memory) {
        return Price(line.totalAssets() + 1, line.totalSupply() + 1e6);
    }

    function _provide(address who, uint256 amount) private {
        token.mint(who, amount);
        vm.prank(who);
        token.approve(address(line), type(uint256).max);
    }
}
