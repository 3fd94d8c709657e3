"""Whether a recipient can be written to by a channel, and in which form; it knows nobody and asks nobody."""

import re
from typing import Final

# One mailbox as SMTP takes it without extensions: ASCII, no quoting, no second address (RFC 5321, 4.1.2). A domain of
# one label, root@localhost, would be the mail server itself.
_MAILBOX: Final = re.compile(
    r"(?=.{3,254}$)(?!\.)(?!.*\.\.)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(?<!\.)@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
# A mobile number of Viet Nam: 9 digits after 0, 84 or +84 that begin with 3, 5, 7, 8 or 9. Numbers move between
# carriers, so nothing more is asked of a prefix. No other country: a form that anybody fills in would else have us send
# to numbers that cost as much as a thousand others.
_MOBILE: Final = re.compile(r"(?:\+?84|0)([35789][0-9]{8})")


def mailbox(recipient: str) -> str | None:
    """An e-mail address as it was given, or None when it is not one."""
    return recipient if _MAILBOX.fullmatch(recipient) else None


def mobile(recipient: str) -> str | None:
    """A mobile number of Viet Nam in E.164, "+84912345678", or None when it is not one."""
    found = _MOBILE.fullmatch(recipient)
    return f"+84{found[1]}" if found else None
