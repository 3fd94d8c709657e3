"""The failure tables, row by row."""

import pytest

from hoso_chassis.policy import Failure
from hoso_chassis.work import NotThisOneYet, TargetRefused, TargetUnavailable
from hoso_notify.domain import AnotherDossier
from hoso_notify.policy import (
    POLICY,
    RECORDS,
    SMPP,
    SMTP,
    Answer,
    NotWritable,
    ProviderAsksToWait,
    ProviderUnavailable,
    RejectedByProvider,
    smpp_failure,
    smtp_failure,
)


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        ("CONNECT", 421, ProviderUnavailable),
        ("CONNECT", 535, ProviderUnavailable),
        ("CONNECT", 554, ProviderUnavailable),
        ("MAIL", 451, ProviderUnavailable),
        ("MAIL", 550, ProviderUnavailable),
        ("RCPT", 421, ProviderUnavailable),
        ("RCPT", 450, ProviderAsksToWait),
        ("RCPT", 451, ProviderAsksToWait),
        ("RCPT", 550, RejectedByProvider),
        ("RCPT", 553, RejectedByProvider),
        ("DATA", 421, ProviderUnavailable),
        ("DATA", 451, ProviderAsksToWait),
        ("DATA", 552, RejectedByProvider),
        ("DATA", 554, RejectedByProvider),
    ],
)
def test_what_an_answer_of_a_mail_server_means(command: str, code: int, expected: Answer) -> None:
    assert smtp_failure(command, code) is expected


@pytest.mark.parametrize(
    ("command", "code", "words", "expected"),
    [
        ("RCPT", 554, "5.7.1 <an@mail.example>: Relay access denied", ProviderUnavailable),
        ("RCPT", 550, "5.7.26 not authenticated", ProviderUnavailable),
        ("RCPT", 530, "authentication required", ProviderUnavailable),
        ("RCPT", 535, "", ProviderUnavailable),
        ("RCPT", 550, "5.1.1 no such user", RejectedByProvider),
        ("RCPT", 550, "no such user 5.7.1", RejectedByProvider),
        ("DATA", 554, "5.7.1 looks like spam", RejectedByProvider),
        ("RCPT", 451, "4.7.1 greylisted, try again in five minutes", ProviderAsksToWait),
        ("RCPT", 452, "4.2.2 mailbox full", ProviderAsksToWait),
        ("RCPT", 452, "4.3.1 insufficient system storage", ProviderUnavailable),
        ("DATA", 451, "4.3.0 mail server temporarily rejected message", ProviderUnavailable),
    ],
)
def test_a_refusal_that_speaks_of_us_is_no_refusal_of_the_mail(
    command: str, code: int, words: str, expected: Answer
) -> None:
    """A relay that has forgotten us refuses every mail of the night: none of them may be given up for that."""
    assert smtp_failure(command, code, words) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x01, RejectedByProvider),  # message length
        (0x0B, RejectedByProvider),  # destination address
        (0x33, RejectedByProvider),  # number of destinations
        (0x40, RejectedByProvider),  # destination flag
        (0x50, RejectedByProvider),  # type of the destination's number
        (0x51, RejectedByProvider),  # plan of the destination's number
        (0x65, RejectedByProvider),  # permanent error of the receiving application
        (0x66, RejectedByProvider),  # rejected by the receiving application
        (0x04, ProviderUnavailable),  # not bound as it wants
        (0x08, ProviderUnavailable),  # system error
        (0x0A, ProviderUnavailable),  # source address: our setting
        (0x14, ProviderUnavailable),  # queue full
        (0x45, ProviderUnavailable),  # submit failed
        (0x58, ProviderUnavailable),  # throttled
        (0x64, ProviderUnavailable),  # temporary error of the receiving application
        (0xFF, ProviderUnavailable),  # unknown error
        (0x0401, ProviderUnavailable),  # of one vendor
    ],
)
def test_what_a_status_of_an_sms_centre_means(status: int, expected: Answer) -> None:
    assert smpp_failure(status) is expected


def test_every_row_is_tested() -> None:
    assert set(SMTP) == {"RCPT", "DATA"}
    assert set(SMPP) == {0x01, 0x0B, 0x33, 0x40, 0x50, 0x51, 0x65, 0x66}
    assert set(RECORDS) == {AnotherDossier}


def test_a_request_about_another_dossier_is_a_bad_record() -> None:
    assert POLICY.classify(AnotherDossier()) is Failure.PERMANENT


def test_each_failure_forces_its_decision() -> None:
    assert issubclass(ProviderUnavailable, TargetUnavailable)
    assert issubclass(ProviderAsksToWait, NotThisOneYet)
    assert issubclass(RejectedByProvider, TargetRefused)
    assert issubclass(NotWritable, TargetRefused)
