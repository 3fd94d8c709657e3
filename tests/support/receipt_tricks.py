"""What can be done with receipts, and the end of each: refused and where, or taken and what storage then finds."""

from typing import Final

from hoso_chassis.problems import ERRORS
from support.receipt_forgeries import FORGED, saying_else
from support.receipt_forgery import NEW_KEY, opened, saying
from support.receipt_trick import ABSENT, ASKED_AGAIN, BOUND, SUBMITTED, TAKEN, Papers, Trick, invalid, refused

_NOBODY: Final = "01938f6e-2222-7000-8000-00000000dead"


def _by_the_new_key(papers: Papers) -> list[str]:
    return [saying(papers.mandatory, NEW_KEY)]


MISUSED: Final = (
    Trick("another draft's", refused("receipt-of-other-draft"), lambda papers: [papers.elsewhere, papers.mandatory]),
    Trick("swapped between two drafts", refused("receipt-of-other-draft"), lambda papers: [papers.elsewhere]),
    Trick("swapped back", refused("receipt-of-other-draft"), lambda papers: [papers.mandatory], into="elsewhere"),
    Trick(
        "another person's for this draft",
        refused("receipt-of-other-person"),
        lambda papers: [papers.intruding, papers.mandatory],
    ),
    Trick(
        "another person's",
        "422 receipt-invalid /receipts/0 receipt-of-other-draft /receipts/0 receipt-of-other-person",
        lambda papers: [papers.strangers, papers.mandatory],
    ),
    Trick(
        "one's own for another person's draft",
        refused("receipt-of-other-draft"),
        lambda papers: [papers.astray, papers.mandatory],
    ),
    Trick(
        "taken from its owner",
        "422 receipt-invalid /receipts/0 receipt-of-other-draft /receipts/0 receipt-of-other-person",
        lambda papers: [papers.mandatory],
        into="strangers",
        by="stranger",
    ),
    Trick(
        "for the draft it was sent to, by who does not own it",
        "422 receipt-invalid /receipts/0 receipt-of-other-person",
        lambda papers: [papers.astray],
        into="strangers",
        by="stranger",
    ),
    Trick("handed in with somebody else's draft", ABSENT, lambda papers: [papers.intruding], by="stranger"),
    Trick("all that is right, by a stranger", ABSENT, lambda papers: [papers.mandatory], by="stranger"),
    Trick(
        "another component",
        refused("receipt-of-other-component"),
        lambda papers: [papers.unknown, papers.mandatory],
    ),
    Trick("expired", refused("receipt-expired", 0, 1), lambda papers: [papers.other, papers.mandatory], days=30),
    saying_else("expired long ago", "receipt-expired", exp=1_700_000_000),
    saying_else("ended before it began", "receipt-expired", exp=-1),
    Trick(
        "only for what need not be there", "422 component-missing /receipts component-missing", lambda one: [one.other]
    ),
    Trick("none", "422 component-missing /receipts component-missing", lambda _papers: []),
)

REPEATED: Final = (
    Trick("twice", refused("receipt-repeated", 1), lambda papers: [papers.mandatory, papers.mandatory]),
    Trick(
        "one attachment for two components",
        refused("receipt-repeated", 1),
        lambda papers: [papers.mandatory, saying(papers.mandatory, component="other")],
    ),
    Trick("50 times", refused("receipt-repeated", *range(1, ERRORS + 1)), lambda papers: [papers.mandatory] * 50),
    Trick("again after submission", SUBMITTED, lambda papers: [papers.mandatory], submitted=True),
    Trick("nothing after submission", SUBMITTED, lambda _papers: [], submitted=True),
    Trick(
        "for the next draft after submission",
        refused("receipt-of-other-draft"),
        lambda papers: [papers.mandatory],
        into="elsewhere",
        submitted=True,
    ),
)

MALFORMED: Final = (
    Trick("51", invalid("/receipts", "too-long"), lambda papers: [papers.mandatory] * 51),
    Trick("4097 characters", invalid("/receipts/0", "string-too-long"), lambda papers: ["x" * 4097, papers.mandatory]),
    Trick("a number", invalid("/receipts/1", "string-type"), lambda papers: [papers.mandatory, 5]),
    Trick("null", invalid("/receipts/0", "string-type"), lambda _papers: [None]),
    Trick("a list in the list", invalid("/receipts/0", "string-type"), lambda papers: [[papers.mandatory]]),
    Trick("its claims instead", invalid("/receipts/0", "string-type"), lambda papers: [opened(papers.mandatory)[1]]),
    Trick("one alone, in no list", invalid("/receipts", "list-type"), lambda papers: papers.mandatory),
    Trick("nothing", invalid("/receipts", "list-type"), lambda _papers: None),
)

TAKEN_IN: Final = (
    Trick("as it should be", BOUND, lambda papers: [papers.mandatory, papers.other]),
    Trick("on its last day", TAKEN, lambda papers: [papers.mandatory], days=29),
    Trick("issued by a clock that is ahead", TAKEN, lambda papers: [saying(papers.mandatory, iat=2**33)]),
    Trick("the old key, when there are two", BOUND, lambda papers: [papers.mandatory], keys="both"),
    Trick("the new key, when there are two", BOUND, _by_the_new_key, keys="both"),
    Trick("the new key, when it is the only one", BOUND, _by_the_new_key, keys="new"),
    Trick("another hash than the file", ASKED_AGAIN, lambda papers: [saying(papers.mandatory, sha256="a" * 64)]),
    Trick("a file that never was", ASKED_AGAIN, lambda papers: [saying(papers.mandatory, attachment=_NOBODY)]),
    Trick("another size than the file", BOUND, lambda papers: [saying(papers.mandatory, size=1)]),
)
ROTATED: Final = (
    Trick(
        "the old key, when it is gone",
        "422 receipt-invalid /receipts/0 receipt-forged /receipts component-missing",
        lambda papers: [papers.mandatory],
        keys="new",
    ),
    Trick(
        "the new key, before it is known",
        "422 receipt-invalid /receipts/0 receipt-forged /receipts component-missing",
        _by_the_new_key,
    ),
)

TRICKS: Final = (*FORGED, *MISUSED, *REPEATED, *MALFORMED, *ROTATED, *TAKEN_IN)
