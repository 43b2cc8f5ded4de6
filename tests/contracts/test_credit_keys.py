"""What reaches a draw first: changed terms, another decision; and an issuer's change of key."""

from __future__ import annotations

from tests.contracts.credit_lab import loan, past_due, provide, repay, set_terms, value
from tests.contracts.lab import DAY, PERSON, TERM_DAYS, UNIT, Lab, reverts


def within(lab: Lab, amount: int, rate: int, due: int) -> None:
    """Alice's draw with her bounds."""
    lab.send("CreditLine", "drawWithin", lab.tier_model, lab.issuer.address, amount, rate, due, by=lab.alice)


def test_a_draw_within_its_bounds(lab: Lab) -> None:
    lab.decided()
    due = (lab.network.now() // DAY + TERM_DAYS + 1) * DAY
    within(lab, UNIT, 1_000, due)
    assert (loan(lab)["annualRateBps"], loan(lab)["dueAt"]) == (1_000, due)
    with reverts("RateTooHigh", 999, 1_000):
        within(lab, UNIT, 999, due)
    with reverts("DueTooEarly", due + 1, due):
        within(lab, UNIT, 1_000, due + 1)
    with reverts("ZeroAmount"):
        within(lab, 0, 1_000, due)


def test_the_owner_is_first_with_worse_terms(lab: Lab) -> None:
    lab.decided()
    due = (lab.network.now() // DAY + TERM_DAYS + 1) * DAY
    set_terms(lab, 0, [(0, 0), (1_000 * UNIT, 100_000), (5_000 * UNIT, 100_000)])
    with reverts("RateTooHigh", 1_000, 100_000):
        within(lab, UNIT, 1_000, due)


def test_a_relayer_is_first_with_a_worse_tier(lab: Lab) -> None:
    """Alice has agreed to a second decision, whose tier is dearer; who submits it before her draw gains nothing."""
    lab.decided(2)
    lab.submit(lab.submission(1, sequence=2, nonce=1), by=lab.mallory)
    with reverts("RateTooHigh", 1_000, 1_500):
        within(lab, UNIT, 1_000, 0)


# A new key of an issuer.


def succeed(lab: Lab) -> str:
    """The relayer's key takes over from the issuer's; its address."""
    new = lab.relayer.address
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.relayer)
    lab.send("IssuerRegistry", "supersedeIssuer", lab.issuer.address, new, True, by=lab.admin)
    return new


def test_a_linked_key_counts_with_the_old_one(lab: Lab) -> None:
    """Limits of person and day do not double: what one key lent counts against the other's."""
    lab.decided()
    lab.draw(3_000 * UNIT)
    old, new = lab.issuer.address, succeed(lab)
    receipt = lab.send("CreditLine", "linkIssuer", new, old)
    assert lab.events(receipt, "CreditLine", "IssuerLinked") == [{"successor": new, "predecessor": old, "root": old}]
    assert lab.read("CreditLine", "issuerRootOf", new) == lab.read("CreditLine", "issuerRootOf", old) == old
    lab.decided(2, issuer=lab.relayer, nonce=3)
    with reverts("IssuerNotAccepted", new):
        lab.draw(1, issuer=new)
    lab.send("CreditLine", "setIssuerDailyCap", new, 9_000 * UNIT)
    with reverts("PersonCapExceeded", PERSON, 3_000 * UNIT, 2_001 * UNIT, 5_000 * UNIT):
        lab.draw(2_001 * UNIT, issuer=new)
    lab.send("CreditLine", "setIssuerDailyCap", new, 4_000 * UNIT)
    with reverts("IssuerDailyCapExceeded", new, 3_000 * UNIT, 1_001 * UNIT, 4_000 * UNIT):
        lab.draw(1_001 * UNIT, issuer=new)
    (event,) = lab.events(lab.draw(1_000 * UNIT, issuer=new), "CreditLine", "LoanDrawn")
    assert (event["issuer"], loan(lab, 2)["issuer"]) == (new, old)
    day = lab.network.now() // DAY
    for key in (old, new):
        assert value(lab, "outstandingOf", key, PERSON) == value(lab, "lentOnIssuer", key, day) == 4_000 * UNIT
        assert value(lab, "earliestDueOf", key, PERSON) == loan(lab)["dueAt"]
    provide(lab, 1_000 * UNIT)
    repay(lab, 2)
    assert value(lab, "lentOnIssuer", new, day) == value(lab, "outstandingOf", new, PERSON) == 3_000 * UNIT
    assert (value(lab, "issuerDailyCapOf", old), value(lab, "issuerDailyCapOf", new)) == (9_000 * UNIT, 4_000 * UNIT)


def test_a_late_person_stays_late_under_a_linked_key(lab: Lab) -> None:
    due = past_due(lab)
    new = succeed(lab)
    lab.send("CreditLine", "linkIssuer", new, lab.issuer.address)
    lab.send("CreditLine", "setIssuerDailyCap", new, 9_000 * UNIT)
    lab.decided(2, issuer=lab.relayer, nonce=3)
    with reverts("PersonDelinquent", PERSON, due):
        lab.draw(1, issuer=new)


def test_only_a_named_successor_is_linked(lab: Lab) -> None:
    new = succeed(lab)
    with reverts("NotSuccessor", lab.bob.address, lab.issuer.address):
        lab.send("CreditLine", "linkIssuer", lab.bob.address, lab.issuer.address)
    with reverts("NotSuccessor", lab.issuer.address, new):
        lab.send("CreditLine", "linkIssuer", lab.issuer.address, new)
    with reverts("OwnableUnauthorizedAccount", lab.mallory.address):
        lab.send("CreditLine", "linkIssuer", new, lab.issuer.address, by=lab.mallory)


def test_nobody_is_not_linked(lab: Lab) -> None:
    """The registry names nobody as the successor of every key that has none."""
    zero = "0x" + "00" * 20
    with reverts("NotSuccessor", zero, lab.bob.address):
        lab.send("CreditLine", "linkIssuer", zero, lab.bob.address)
    assert lab.read("CreditLine", "issuerRootOf", zero) == zero


def test_what_is_counted_already_is_not_moved(lab: Lab) -> None:
    """A key that has lent, one that is linked, one to which others are linked."""
    old, new, third = lab.issuer.address, succeed(lab), lab.bob.address
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.bob)
    lab.send("IssuerRegistry", "supersedeIssuer", new, third, True, by=lab.admin)
    lab.send("CreditLine", "linkIssuer", third, new)
    with reverts("IssuerCounted", new):
        lab.send("CreditLine", "linkIssuer", new, old)
    with reverts("IssuerCounted", third):
        lab.send("CreditLine", "linkIssuer", third, new)
    assert lab.read("CreditLine", "issuerRootOf", third) == new


def test_a_key_that_has_lent_is_not_linked(lab: Lab) -> None:
    new = succeed(lab)
    lab.send("CreditLine", "setIssuerDailyCap", new, 9_000 * UNIT)
    lab.decided(2, issuer=lab.relayer, nonce=3)
    lab.draw(UNIT, issuer=new)
    with reverts("IssuerCounted", new):
        lab.send("CreditLine", "linkIssuer", new, lab.issuer.address)


def test_a_chain_of_keys_counts_under_the_first(lab: Lab) -> None:
    old, new, third = lab.issuer.address, succeed(lab), lab.bob.address
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.bob)
    lab.send("IssuerRegistry", "supersedeIssuer", new, third, True, by=lab.admin)
    lab.send("CreditLine", "linkIssuer", new, old)
    lab.send("CreditLine", "linkIssuer", third, new)
    assert lab.read("CreditLine", "issuerRootOf", third) == old
