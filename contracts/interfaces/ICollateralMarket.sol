// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Isolated lending markets whose loan-to-value follows a proven risk tier.
/// @notice One contract holds all markets; anybody creates one, its parameters never change, and its id is their hash.
/// Suppliers lend one token, borrowers lock another. What an integrator may rely on, and must do itself:
/// - A decision gates NEW borrowing and nothing else. A position's liquidation threshold (LLTV) is fixed when its debt
///   goes from zero to positive, from the tier proven at that moment; only a further borrow of the borrower's own can
///   lower it. Such a borrow needs a valid decision too, and where today's tier has a lower LLTV, that is the position's
///   from then on (ThresholdLowered); a higher one needs the debt repaid first. supply, withdraw, repay,
///   supplyCollateral, withdrawCollateral, marginCall, cure and liquidate read no decision, no model and no issuer.
/// - Nobody owns a market, pauses it or changes it. Whoever supplies to a market trusts its tokens, its feeds, its
///   model and its issuer: read `paramsOf` before you do. A feed that stops answering stops borrowing, collateral
///   withdrawal with debt, margin calls and liquidations of its markets; repaying and supplying go on.
/// - Issuer and model are parameters too: a market follows no successor of a rotated key or of a model. Once its issuer
///   retired or was superseded, or its model is deprecated or frozen, no one borrows there any more; all else goes on,
///   and new borrowing needs a new market. An issuer whose keys must change is best a contract (ERC-1271) that keeps its
///   address.
/// - Margin calls: a position whose debt exceeds LLTV can be called by anybody. It can be liquidated from `grace`
///   seconds after the call until `window` seconds later, while it still is unhealthy; then a new call is needed. Above
///   the hard LLTV no call is needed. A call ends when the position is healthy again: at once after any action that
///   makes it so, or when anybody calls `cure` after the price came back. Without `cure`, a call outlives a recovery,
///   and an action that heals while a feed is late ends nothing either: call `cure` when there is a price again.
/// - An outage of the sequencer gives the whole grace anew: if it returns while a call holds, grace and window count
///   from the return. If it returns later than the call's own window ends, the call is over: a new one is needed.
/// - A liquidation repays at most the close factor of the debt, or all of it when the position is above the hard LLTV
///   or the rest would be below the smallest debt. It never raises the loan-to-value, except that collateral too small
///   to pay debt and incentive is sold whole: then what stays unpaid is lost to those who supply at that moment. So of a
///   debt that the collateral covers, but not with the incentive, a part becomes bad debt: the incentive comes first.
///   Bid type(uint256).max with `minCollateral`: a sum that fits one moment's debt leaves dust or falls short of a full
///   closing the next, after a unit of interest or of collateral.
/// - A debt is nothing or at least `minDebt`, after whatever is done to it (but for what the roundings of others take
///   off it), so that it is worth a liquidator's gas and a unit of rounding is nothing to a share's price. `minDebt` is
///   at least 1,000,000 smallest units: one whole token of 6 decimals, a million of a token without decimals. A repayment
///   of a sum that would leave less takes only what leaves that much (so nobody's small payment just before makes it
///   refused); one in shares, or a liquidation, is refused (DebtTooSmall). type(uint256).max pays all, and nothing
///   refuses it.
/// - When the last debt of a market is gone, what rounding left of the sum of debts is taken off what suppliers own, and
///   a unit paid above it is added (RoundingSettled): the interest on one smallest unit since there last was no debt.
/// - Prices: `collateralFeed` quotes one whole collateral token, `loanFeed` one whole loan token in the same currency;
///   without a loan feed the collateral feed quotes in loan tokens. Prices older than `maxPriceAge` open no debt and
///   release no collateral; margin calls and liquidations take prices up to `maxLiquidationPriceAge` old.
/// - Tokens have 0 to 30 decimals, and a market holds less than 2^128 / 10^6 smallest units of a loan token (340 whole
///   ones of 30 decimals); more is refused. A market that lost nearly all that was supplied is over: the shares left
///   make a new unit cost more shares than fit. Create another, with any parameter changed.
/// - Tokens that charge on transfer are refused when they arrive (UnexpectedTransfer), repayments too, should the charge
///   come later. A token whose balance here fell below what is tracked takes no new money (TokenShortfall), while repayment,
///   liquidation and withdrawal go on as long as there is some. Tokens sent here unasked belong to nobody. Tokens with
///   hooks meet a reentrancy guard, and all state is final before any token is called, so views hold in a hook.
/// - Supply and debt are counted in shares; interest compounds by the second whoever calls when. Roundings go against
///   the caller: debt up, supply down, seized collateral down.
/// - A market takes any token and any feed: whether the two belong together is its creator's to check, and the
///   supplier's to check again. For shares of an asset (IAssetShares, IAppraisalFeed): the code at `collateralToken` is
///   the genuine AssetShares; its `feed()` is `collateralFeed`, itself the genuine AppraisalFeed; its `quoteToken()` is
///   `loanToken`; its `collection()` cannot move or double the asset. `isSoundFor(collateralToken, loanToken)` of the
///   feed answers for feed and quote token; code, collection, surveyor and model are for people to look at.
/// - Rates, factors and thresholds are in basis points, 10_000 = 100 %.
interface ICollateralMarket {
    /// @notice What a market is. Its id is keccak256(abi.encode(params)).
    struct MarketParams {
        address loanToken;
        uint32 maxPriceAge; // seconds; for borrowing and for withdrawing collateral
        uint32 maxLiquidationPriceAge; // seconds, not below maxPriceAge; 2^32 - 1 is without limit in practice
        uint32 maxDecisionAge; // seconds since observation; on top of the registry's own limit
        address collateralToken;
        uint32 marginCallGrace; // seconds from a call to the first liquidation on it
        uint32 marginCallWindow; // seconds after the grace during which the call holds; above sequencerGrace
        uint32 sequencerGrace; // seconds after an L2 sequencer came back during which no price counts; zero without one
        address collateralFeed; // AggregatorV3Interface
        uint16 hardLltvBps; // above it a position is liquidated without a call
        uint16 closeFactorBps; // most of a debt that one liquidation repays
        uint16 incentiveBps; // collateral a liquidator gets above what it repays
        uint16 kinkBps; // utilisation at which the rate bends
        address loanFeed; // AggregatorV3Interface; zero: collateralFeed quotes in loan tokens
        uint32 baseRateBps; // annual rate at utilisation zero
        uint32 kinkRateBps; // annual rate at the kink
        uint32 fullRateBps; // annual rate at full utilisation
        address sequencerFeed; // Chainlink's L2 uptime feed; zero where there is no sequencer
        address issuer; // whose attestations count
        uint128 minDebt; // least that anything but full repayment may leave owed; below it a debt is liquidated whole
        uint256 modelId; // the model that proves tiers
        uint16[] lltvsBps; // by tier; lltvsBps[0] is zero: tier 0 is a refusal
    }

    /// @notice A market's sums.
    struct Market {
        uint128 totalSupplyAssets; // what suppliers own, interest included
        uint128 totalSupplyShares;
        uint128 totalBorrowAssets; // what borrowers owe, interest included
        uint128 totalBorrowShares;
        uint64 accruedAt; // interest is included up to here
        uint64 interestRemainder; // part of a smallest unit of interest, in 1e-18, kept for the next accrual
        int16 priceExponent; // power of ten between the feeds' scale and the tokens'
    }

    /// @notice What an account has in a market.
    struct Position {
        uint128 supplyShares;
        uint128 borrowShares;
        uint128 collateral;
        uint16 lltvBps; // fixed when the debt was opened, lowered by further borrows alone; zero without debt
        uint64 calledAt; // when its margin was called; zero when it is not
        bytes32 personId; // whose decision opened the debt; zero without debt
    }

    /// @notice What can happen to a position now.
    enum PositionState {
        NoDebt,
        Healthy,
        Callable, // unhealthy, without a call that holds
        Called, // unhealthy, the grace of its call is running
        Liquidatable // unhealthy after its grace, or above the hard LLTV
    }

    event MarketCreated(bytes32 indexed id, MarketParams params);
    event InterestAccrued(bytes32 indexed id, uint256 annualRate, uint256 interest);
    event Supplied(
        bytes32 indexed id,
        address indexed caller,
        address indexed onBehalf,
        uint256 assets,
        uint256 shares
    );
    event Withdrawn(
        bytes32 indexed id,
        address caller,
        address indexed onBehalf,
        address indexed receiver,
        uint256 assets,
        uint256 shares
    );
    event CollateralSupplied(bytes32 indexed id, address indexed caller, address indexed onBehalf, uint256 amount);
    event CollateralWithdrawn(
        bytes32 indexed id,
        address caller,
        address indexed onBehalf,
        address indexed receiver,
        uint256 amount
    );
    event Borrowed(
        bytes32 indexed id,
        address caller,
        address indexed onBehalf,
        address indexed receiver,
        uint256 assets,
        uint256 shares
    );
    /// @notice A debt went from zero to positive; until it is repaid only its borrower's further borrows lower its
    /// threshold.
    event PositionOpened(
        bytes32 indexed id,
        address indexed borrower,
        bytes32 indexed personId,
        uint256 tier,
        uint256 lltvBps
    );
    /// @notice A further borrow on a worse tier lowered the threshold of the whole debt to that tier's.
    event ThresholdLowered(bytes32 indexed id, address indexed borrower, uint256 tier, uint256 lltvBps);
    event Repaid(bytes32 indexed id, address indexed caller, address indexed onBehalf, uint256 assets, uint256 shares);
    event MarginCalled(
        bytes32 indexed id,
        address indexed borrower,
        address indexed caller,
        uint256 debt,
        uint256 collateralValue,
        uint256 liquidatableAt,
        uint256 expiresAt
    );
    event MarginCallEnded(bytes32 indexed id, address indexed borrower);
    event Liquidated(
        bytes32 indexed id,
        address indexed borrower,
        address indexed liquidator,
        uint256 repaid,
        uint256 repaidShares,
        uint256 seized,
        uint256 badDebt,
        uint256 badDebtShares
    );
    /// @notice The last debt is gone; suppliers own so much more than before, or less: what rounding had left.
    event RoundingSettled(bytes32 indexed id, int256 toSuppliers);
    event AuthorizationSet(address indexed authorizer, address indexed authorized, bool isAuthorized);

    /// @notice `field` of the parameters is out of its bounds, does not fit the model, or is not what it should be: a
    /// token or feed that does not answer `decimals()`, a feed whose `latestRoundData()` neither answers nor says why
    /// not, an issuer or a model that is not active.
    error InvalidParams(bytes32 field);
    error MarketExists(bytes32 id);
    error UnknownMarket(bytes32 id);
    error ZeroAmount();
    error ZeroAddress();
    /// @notice Exactly one of assets and shares must be given.
    error AmountOrShares(uint256 assets, uint256 shares);
    error Unauthorized(address owner, address caller);
    error UnexpectedTransfer(address token, uint256 expected, uint256 actual);
    error TokenShortfall(address token, uint256 tracked, uint256 balance);
    error InsufficientLiquidity(uint256 available, uint256 amount);
    error InsufficientShares(uint256 available, uint256 amount);
    error InsufficientCollateral(uint256 available, uint256 amount);
    error DecisionNegative(uint256 modelId, address borrower);
    error DecisionStale(uint64 observedAt, uint64 maxDecisionAge);
    /// @notice The debt was opened by another person's decision.
    error PersonMismatch(bytes32 expected, bytes32 actual);
    /// @notice `debt` would be left, which is less than `minDebt`: repay all with type(uint256).max, or leave `minDebt`.
    error DebtTooSmall(uint256 debt, uint256 minDebt);
    error LltvTooLow(uint256 minimum, uint256 actual);
    error BorrowLimitExceeded(uint256 debt, uint256 maxDebt);
    error PositionHealthy(uint256 debt, uint256 maxDebt);
    error PositionUnhealthy(uint256 debt, uint256 maxDebt);
    error MarginCallHolds(uint256 expiresAt);
    error NoDebt(address borrower);
    error NotCalled(address borrower);
    /// @notice The grace runs until `liquidatableAt`: from the call, or from a return of the sequencer while the call held.
    error GracePeriod(uint256 liquidatableAt);
    error MarginCallExpired(uint256 expiresAt);
    /// @notice The collateral cannot pay debt and incentive: it goes whole, for `required`.
    error FullClosingRequired(uint256 required, uint256 offered);
    error SlippageExceeded(uint256 minimum, uint256 actual);

    error PriceUnavailable(address feed);
    error PriceNotPositive(address feed, int256 answer);
    error RoundIncomplete(address feed);
    error PriceFromFuture(address feed, uint256 updatedAt);
    error PriceStale(address feed, uint256 updatedAt, uint256 maxAge);
    /// @notice The two answers, brought to one scale, do not fit a word.
    error PriceOutOfRange(uint256 collateralAnswer, uint256 loanAnswer);
    error SequencerDown(address feed);
    error SequencerGracePeriod(uint256 startedAt, uint256 grace);

    /// @notice Create a market. Anybody may.
    /// @dev Reverts unless the model is active, reveals tiers with higher being better and has one tier per LLTV;
    /// LLTVs do not fall with the tier and end below hardLltvBps; hardLltvBps * (1 + incentive) is at most 100 %, so
    /// that the incentive can be paid when a position first passes it; incentive above 0 and at most 25 %; close factor
    /// at least 10 %; grace 1 second to 30 days, window 1 hour to 365 days and above the sequencer's grace, which is 1
    /// second to 1 day where there is a sequencer; minDebt at least 1,000,000 smallest units; rates do not fall with
    /// utilisation and are at most 1,000 % a year.
    /// @param params What the market is.
    /// @return id Its id.
    function createMarket(MarketParams calldata params) external returns (bytes32 id);

    /// @notice Lend to a market.
    /// @param id The market.
    /// @param assets Loan tokens taken from the caller.
    /// @param onBehalf Who gets the shares.
    /// @return shares Supply shares, rounded down.
    function supply(bytes32 id, uint256 assets, address onBehalf) external returns (uint256 shares);

    /// @notice Take back what was lent, as far as it is not borrowed.
    /// @dev One of `assets` and `shares` is zero. Give shares to withdraw everything.
    /// @param id The market.
    /// @param assets Loan tokens to take; the shares they cost are rounded up.
    /// @param shares Shares to give; the loan tokens they bring are rounded down.
    /// @param onBehalf Whose shares. The caller's own, or of somebody who authorised the caller.
    /// @param receiver Who gets the tokens.
    /// @return assetsOut Loan tokens paid out.
    /// @return sharesIn Shares burned.
    function withdraw(
        bytes32 id,
        uint256 assets,
        uint256 shares,
        address onBehalf,
        address receiver
    ) external returns (uint256 assetsOut, uint256 sharesIn);

    /// @notice Lock collateral. Ends a margin call when the position becomes healthy by it.
    /// @param id The market.
    /// @param amount Collateral tokens taken from the caller.
    /// @param onBehalf Whose position.
    function supplyCollateral(bytes32 id, uint256 amount, address onBehalf) external;

    /// @notice Take collateral out. With debt, the position must be healthy afterwards, at a fresh price.
    /// @param id The market.
    /// @param amount Collateral tokens.
    /// @param onBehalf Whose position. The caller's own, or of somebody who authorised the caller.
    /// @param receiver Who gets the tokens.
    function withdrawCollateral(bytes32 id, uint256 amount, address onBehalf, address receiver) external;

    /// @notice Borrow against collateral, on a valid decision about `onBehalf`.
    /// @dev Reverts with the registry's Decision... error when there is no valid decision for this contract.
    /// @param id The market.
    /// @param assets Loan tokens.
    /// @param onBehalf Whose position. The caller's own, or of somebody who authorised the caller.
    /// @param receiver Who gets the tokens.
    /// @return shares Debt shares, rounded up.
    function borrow(bytes32 id, uint256 assets, address onBehalf, address receiver) external returns (uint256 shares);

    /// @notice `borrow`, unless the position's LLTV would be lower than this afterwards (LltvTooLow): for a borrower whom
    /// a worse decision, submitted by anybody, may reach first.
    /// @param id The market.
    /// @param assets Loan tokens.
    /// @param onBehalf Whose position. The caller's own, or of somebody who authorised the caller.
    /// @param receiver Who gets the tokens.
    /// @param minLltvBps Lowest LLTV accepted.
    /// @return shares Debt shares, rounded up.
    function borrowWithin(
        bytes32 id,
        uint256 assets,
        address onBehalf,
        address receiver,
        uint256 minLltvBps
    ) external returns (uint256 shares);

    /// @notice Pay a debt back; anybody may. More than is owed is not taken.
    /// @dev One of `assets` and `shares` is zero. type(uint256).max of either pays everything, and is never refused for
    /// its size. Of `assets` below the debt no more is taken than leaves `minDebt` (ZeroAmount if that is nothing);
    /// `shares` below the debt's must leave at least `minDebt` (DebtTooSmall).
    /// @param id The market.
    /// @param assets Loan tokens to pay; the shares they remove are rounded down.
    /// @param shares Debt shares to remove; the loan tokens they cost are rounded up.
    /// @param onBehalf Whose debt.
    /// @return assetsIn Loan tokens taken from the caller.
    /// @return sharesOut Debt shares removed.
    function repay(
        bytes32 id,
        uint256 assets,
        uint256 shares,
        address onBehalf
    ) external returns (uint256 assetsIn, uint256 sharesOut);

    /// @notice Call the margin of an unhealthy position; anybody may. Refused while an earlier call holds.
    /// @param id The market.
    /// @param borrower Whose position.
    function marginCall(bytes32 id, address borrower) external;

    /// @notice End the margin call of a position that is healthy again; anybody may.
    /// @param id The market.
    /// @param borrower Whose position.
    function cure(bytes32 id, address borrower) external;

    /// @notice Repay an unhealthy position's debt for its collateral at the feeds' price plus the incentive.
    /// @dev The collateral is sent first, then `onLiquidation` of the caller is called if `data` is not empty, then the
    /// loan tokens are taken.
    /// @param id The market.
    /// @param borrower Whose position.
    /// @param repayAssets Most loan tokens to pay; more than may be repaid is not taken. type(uint256).max is never too
    /// little for a full closing and never leaves dust.
    /// @param minCollateral Least collateral to get for it.
    /// @param data For the caller's callback; empty for none.
    /// @return repaid Loan tokens taken from the caller.
    /// @return seized Collateral sent to the caller.
    function liquidate(
        bytes32 id,
        address borrower,
        uint256 repayAssets,
        uint256 minCollateral,
        bytes calldata data
    ) external returns (uint256 repaid, uint256 seized);

    /// @notice Bring a market's interest up to date. Every other function does so itself.
    /// @param id The market.
    function accrueInterest(bytes32 id) external;

    /// @notice Let another account withdraw, borrow and withdraw collateral for the caller, in every market.
    /// @param authorized The other account.
    /// @param newIsAuthorized Whether it may.
    function setAuthorization(address authorized, bool newIsAuthorized) external;

    /// @notice Id of a market with these parameters, created or not.
    /// @param params What the market is.
    /// @return keccak256(abi.encode(params)).
    function idOf(MarketParams calldata params) external pure returns (bytes32);

    /// @notice Parameters of a market; empty if there is none.
    /// @param id The market.
    /// @return The parameters.
    function paramsOf(bytes32 id) external view returns (MarketParams memory);

    /// @notice A market's sums with interest up to now.
    /// @param id The market.
    /// @return The sums.
    function marketOf(bytes32 id) external view returns (Market memory);

    /// @notice Annual rate borrowers pay at the present utilisation.
    /// @param id The market.
    /// @return The rate, 1e18 = 100 %.
    function borrowRateOf(bytes32 id) external view returns (uint256);

    /// @notice What an account has in a market.
    /// @param id The market.
    /// @param account The account.
    /// @return Its position.
    function positionOf(bytes32 id, address account) external view returns (Position memory);

    /// @notice What an account owes now, rounded up.
    /// @param id The market.
    /// @param account The account.
    /// @return In the loan token's smallest unit.
    function debtOf(bytes32 id, address account) external view returns (uint256);

    /// @notice What an account's supply is worth now, rounded down. Withdrawable as far as it is not lent out.
    /// @param id The market.
    /// @param account The account.
    /// @return In the loan token's smallest unit.
    function suppliedOf(bytes32 id, address account) external view returns (uint256);

    /// @notice Price of the collateral's smallest unit in the loan token's, as a fraction; as liquidations see it.
    /// Reverts with the reason when no price counts.
    /// @param id The market.
    /// @return numerator Of the price.
    /// @return denominator Of the price; not zero.
    function priceOf(bytes32 id) external view returns (uint256 numerator, uint256 denominator);

    /// @notice How far a position is from a margin call. Reverts when no price counts.
    /// @param id The market.
    /// @param account The account.
    /// @return Collateral value times LLTV over debt, 1e18 = 1, rounded down; below 1e18 it is unhealthy. The largest
    /// number without debt.
    function healthFactorOf(bytes32 id, address account) external view returns (uint256);

    /// @notice What an account may borrow now: zero when no valid decision or no fresh price is there, or when the loan
    /// token has less here than it should (TokenShortfall).
    /// @param id The market.
    /// @param account The account.
    /// @return In the loan token's smallest unit, rounded down.
    function maxBorrowOf(bytes32 id, address account) external view returns (uint256);

    /// @notice What can happen to a position now. Reverts when no price counts and there is debt.
    /// @param id The market.
    /// @param account The account.
    /// @return state Healthy, callable, called or liquidatable.
    /// @return maxRepay Most that a liquidation would repay; zero unless liquidatable.
    function stateOf(bytes32 id, address account) external view returns (PositionState state, uint256 maxRepay);

    /// @notice Tokens of a kind that belong to somebody here, over all markets.
    /// @param token The token.
    /// @return Tracked sum, whatever the token says the balance is.
    function trackedOf(address token) external view returns (uint256);

    /// @notice Whether `authorized` may act for `authorizer`.
    /// @param authorizer The account acted for.
    /// @param authorized The account that acts.
    /// @return True if it may.
    function isAuthorized(address authorizer, address authorized) external view returns (bool);
}

/// @title What a liquidator implements to be called between receiving collateral and paying.
interface ILiquidationCallback {
    /// @notice Called by CollateralMarket during `liquidate` with data. The market is locked meanwhile.
    /// @param repaid Loan tokens the market takes when this returns.
    /// @param seized Collateral it has sent.
    /// @param data What the liquidator passed.
    function onLiquidation(uint256 repaid, uint256 seized, bytes calldata data) external;
}
