"""Who can be written to by which channel."""

import pytest

from hoso_notify.recipients import mailbox, mobile


@pytest.mark.parametrize("written", ["+84912345678", "84912345678", "0912345678"])
def test_a_mobile_number_is_one_number_however_it_is_written(written: str) -> None:
    assert mobile(written) == "+84912345678"


@pytest.mark.parametrize(
    "written",
    ["", "01201234567", "0241234567", "+842438254000", "912345678", "0912345", "+0912345678", "09123456789", "an@b.vn"],
)
def test_what_is_no_mobile_number_is_refused(written: str) -> None:
    assert mobile(written) is None


@pytest.mark.parametrize("written", ["+4915112345678", "+85620123456", "+881612345678", "+979123456789"])
def test_a_number_of_another_country_is_refused(written: str) -> None:
    """Satellite, premium and far numbers cost as much as a thousand others: nobody shall have us write there."""
    assert mobile(written) is None


@pytest.mark.parametrize("address", ["an@mail.example", "nguyen.van+hoso@a-b.com.vn", "o'neil@b.vn"])
def test_a_plain_mailbox_is_taken_as_it_is(address: str) -> None:
    assert mailbox(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "", "an", "@b.vn", "an@", "a@b@c.vn", "a,b@c.vn", "<an@b.vn>", "an@b.vn\r\nRCPT", "an @b.vn", '"a b"@c.vn',
        "ân@b.vn", "an@bưu.vn", ".an@b.vn", "an.@b.vn", "a..n@b.vn", "an@-b.vn", "an@b-.vn", "root@localhost",
        "a" * 65 + "@b.vn", "an@" + "b" * 260 + ".vn",
    ],
)  # fmt: skip
def test_what_is_no_plain_mailbox_is_refused(address: str) -> None:
    assert mailbox(address) is None
