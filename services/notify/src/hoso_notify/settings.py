"""What the service notify is told by its environment; it reads nothing itself."""

from email.headerregistry import Address
from email.utils import getaddresses
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from hoso_chassis.settings import ServiceSettings
from hoso_notify.recipients import mailbox


def _sender(value: str) -> str:
    """Take a name and an address, or an address alone."""
    addresses = getaddresses([value])
    if len(addresses) != 1 or mailbox(addresses[0][1]) is None:
        raise ValueError("not one mailbox")
    return value


class NotifySettings(ServiceSettings):
    """The settings of every service, and where mails and SMS are handed over."""

    smtp_host: str = Field(min_length=1, description="Mail server that takes all mails.")
    smtp_port: int = Field(ge=1, le=65535, description="Its port.")
    smtp_security: Literal["opportunistic", "starttls", "tls", "none"] = Field(
        "opportunistic", description="`opportunistic` (STARTTLS where offered), `starttls` (or nothing), `tls`, `none`."
    )
    smtp_username: str | None = Field(
        None, description="User name, where the mail server wants one; with `starttls` or `tls` only."
    )
    smtp_password: SecretStr | None = Field(None, description="Its password.")
    smtp_connections: int = Field(8, ge=1, le=256, description="Mails at a time in one worker.")
    smtp_at_once: int = Field(64, ge=1, description="Mails at a time in all workers together.")
    smtp_per_second: float | None = Field(None, gt=0, description="Mails begun a second in all workers together.")
    smtp_timeout: float = Field(10.0, gt=0, le=300, description="Seconds one answer of the mail server may take.")
    mail_sender: Annotated[str, AfterValidator(_sender)] = Field(
        description="`Name <address>`; the Message-ID has the address's domain."
    )
    smpp_host: str = Field(min_length=1, description="SMS centre.")
    smpp_port: int = Field(ge=1, le=65535, description="Its port.")
    smpp_tls: bool = Field(default=False, description="SMPP over TLS.")
    smpp_system_id: str = Field(min_length=1, max_length=15, description="Account at the SMS centre.")
    smpp_password: SecretStr = Field(min_length=1, max_length=8, description="Its password, at most 8 octets.")
    smpp_window: int = Field(8, ge=1, le=256, description="SMS at a time in one worker.")
    smpp_at_once: int = Field(64, ge=1, description="SMS at a time in all workers together.")
    smpp_per_second: float | None = Field(None, gt=0, description="SMS begun a second in all workers together.")
    smpp_timeout: float = Field(10.0, gt=0, le=300, description="Seconds one answer of the SMS centre may take.")
    sms_sender: str = Field(
        pattern=r"^([0-9]{3,15}|[A-Za-z0-9 ._-]{3,11})$", description="Brand name (3 to 11 characters) or number."
    )
    sms_accents: bool = Field(default=False, description="SMS with accents: UCS-2, two parts or more.")
    portal_url: str | None = Field(
        None, pattern=r"^https?://[^\s<>\"]+$", description="Shown in mails, where to follow a dossier; never in SMS."
    )

    @field_validator("smtp_username")
    @classmethod
    def _under_tls(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Keep the password from whoever sits in between and says that there is no STARTTLS."""
        if value is not None and info.data.get("smtp_security") not in {"starttls", "tls"}:
            raise ValueError("not without TLS")
        return value

    @property
    def sender(self) -> Address:
        """The sender of every mail."""
        ((name, address),) = getaddresses([self.mail_sender])
        return Address(name, addr_spec=address)
