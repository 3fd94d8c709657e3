"""What each failure means, as tables: of a record, of a mail server's and of an SMS centre's answer; no I/O."""

from collections.abc import Mapping
from typing import Final

from hoso_chassis.policy import Failure, Policy, Table
from hoso_chassis.work import NotThisOneYet, OutcomeUnknown, TargetRefused, TargetUnavailable
from hoso_notify.domain import AnotherDossier


class ProviderUnavailable(TargetUnavailable):
    """The provider surely did not take it and may take it later."""


class ProviderAsksToWait(ProviderUnavailable, NotThisOneYet):
    """The provider is well and did not take this one yet: greylisting, a full mailbox."""


class RejectedByProvider(TargetRefused):
    """The provider will never take this message to this recipient."""


class NotWritable(TargetRefused):
    """The message cannot be put into the form that the channel wants."""


_PERMANENT: Final = 500  # 5yz; 4yz is for a while
_CLOSING: Final = 421  # the server goes away, whatever was asked
_LOG_IN_FIRST: Final = frozenset({530, 534, 535, 538})  # RFC 4954, 6
_MAIL_SYSTEM: Final = "4.3."  # RFC 3463, 3.4: its disk is full, it takes nothing from anybody just now
_SECURITY_OR_POLICY: Final = "5.7."  # RFC 3463, 3.8: relaying denied, our address on a list, not authenticated

Answer = type[ProviderUnavailable | RejectedByProvider]

RECORDS: Final[Mapping[type[BaseException], Failure]] = {
    AnotherDossier: Failure.PERMANENT,
}
"""What is added to the chassis' own table."""

POLICY: Final = Policy(RECORDS)

SMTP: Final[Mapping[str, Answer]] = {
    "RCPT": RejectedByProvider,
    "DATA": RejectedByProvider,
}
"""What a 5xx means, of the SMTP commands whose answer speaks of this one mail (RFC 5321, 4.2). A 5xx to any other step,
the greeting, STARTTLS, AUTH or MAIL FROM, speaks of us: giving up each mail would turn one wrong setting into silence
for everybody. So does a 5xx to RCPT that wants a log-in, or that names security or policy (5.7.x): a relay that has
forgotten us says so to each recipient."""

SMPP: Final[Mapping[int, Answer]] = {
    0x00000001: RejectedByProvider,  # ESME_RINVMSGLEN: message length
    0x0000000B: RejectedByProvider,  # ESME_RINVDSTADR: destination address
    0x00000033: RejectedByProvider,  # ESME_RINVNUMDESTS: number of destinations
    0x00000040: RejectedByProvider,  # ESME_RINVDESTFLAG: destination flag
    0x00000050: RejectedByProvider,  # ESME_RINVDSTTON: type of the destination's number
    0x00000051: RejectedByProvider,  # ESME_RINVDSTNPI: plan of the destination's number
    0x00000065: RejectedByProvider,  # ESME_RX_P_APPN: permanent error of the receiving application
    0x00000066: RejectedByProvider,  # ESME_RX_R_APPN: rejected by the receiving application
}
"""Statuses of SMPP 3.4 (5.1.3) that speak of this one message. Every other one, throttled (0x58), queue full (0x14),
system error (0x08), a wrong source address or a status that is not known here, says that it was not taken, and speaks
of the way to the centre or of our settings: it is tried again until it is too old; the breaker spares the centre."""


SMTP_LOST: Final[Mapping[str, type[ProviderUnavailable | OutcomeUnknown]]] = {
    "CONNECT": ProviderUnavailable,
    "MAIL": ProviderUnavailable,
    "RCPT": ProviderUnavailable,
    "DATA": OutcomeUnknown,
}
"""What it means that a step has no answer: of the whole mail nobody knows, before it nothing was handed over."""

SMPP_LOST: Final[Mapping[str, type[ProviderUnavailable | OutcomeUnknown]]] = {
    "no session": ProviderUnavailable,
    "no answer to a message": OutcomeUnknown,
    "a later part refused": OutcomeUnknown,
}
"""What is no answer of the centre, or comes too late to be one."""

TABLES: Final = (
    POLICY.table(),
    Table("SMTP, 5xx to", SMTP, ProviderUnavailable),
    Table("SMTP, no answer to", SMTP_LOST, ProviderUnavailable),
    Table("SMPP, status", {f"{status:#010x}": means for status, means in SMPP.items()}, ProviderUnavailable),
    Table("SMPP", SMPP_LOST, OutcomeUnknown),
)
"""All of it, as the README shows it."""


def smtp_failure(command: str, code: int, words: str = "") -> Answer:
    """What an answer that is no success means: `command` is the SMTP verb or "CONNECT", `words` follow the code."""
    full = words.startswith(_MAIL_SYSTEM)
    of_us = command == "RCPT" and (code in _LOG_IN_FIRST or words.startswith(_SECURITY_OR_POLICY))
    if command not in SMTP or code == _CLOSING or of_us or (code < _PERMANENT and full):
        return ProviderUnavailable
    return SMTP[command] if code >= _PERMANENT else ProviderAsksToWait


def smpp_failure(status: int) -> Answer:
    """What a `command_status` that is not ESME_ROK means."""
    return SMPP.get(status, ProviderUnavailable)
