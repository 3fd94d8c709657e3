"""What the service is told, and that building it opens nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from hoso_notify.app import build
from hoso_notify.sending import SEND_EMAIL, SEND_SMS
from hoso_notify.settings import NotifySettings

NEEDED: dict[str, Any] = {
    "database_url": "postgresql://notify@127.0.0.1:1/notify",
    "smtp_host": "127.0.0.1",
    "smtp_port": 1,
    "mail_sender": "Dịch vụ công <no-reply@hoso.example>",
    "smpp_host": "127.0.0.1",
    "smpp_port": 1,
    "smpp_system_id": "hoso",
    "smpp_password": "secret",
    "sms_sender": "HOSO",
}


def test_each_setting_without_default_must_be_given() -> None:
    for name in NEEDED:
        with pytest.raises(ValidationError):
            NotifySettings.model_validate({key: value for key, value in NEEDED.items() if key != name})


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail_sender": "nobody"},
        {"mail_sender": "A <a@b.vn>, B <b@b.vn>"},
        {"sms_sender": "TWELVELETTER"},
        {"sms_sender": "HỒ SƠ"},
        {"smpp_password": "longer-than-eight"},
        {"smtp_security": "perhaps"},
        {"portal_url": "javascript:alert(1)"},
        {"smtp_username": "portal-account", "smtp_password": "letmein-please"},
        {"smtp_username": "portal-account", "smtp_password": "letmein-please", "smtp_security": "none"},
    ],
)
def test_a_wrong_setting_is_refused_without_its_value(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        NotifySettings.model_validate({**NEEDED, **wrong})
    assert not any(value in str(refused.value) for name, value in wrong.items() if name != "smtp_security")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_travels_under_tls_only(security: str) -> None:
    """With `opportunistic`, whoever sits in between hides STARTTLS and is told the password."""
    given = {"smtp_username": "portal", "smtp_password": "secret", "smtp_security": security}
    assert NotifySettings.model_validate({**NEEDED, **given}).smtp_username == "portal"


def test_the_sender_has_a_name_and_a_domain() -> None:
    sender = NotifySettings.model_validate(NEEDED).sender
    assert (sender.display_name, sender.addr_spec, sender.domain) == (
        "Dịch vụ công",
        "no-reply@hoso.example",
        "hoso.example",
    )


def test_building_opens_nothing_and_sms_are_sent_at_most_once() -> None:
    parts = build(NotifySettings.model_validate(NEEDED))
    kinds = {kind.name: kind for kind in parts.kinds}
    assert {name: kind.at_most_once for name, kind in kinds.items()} == {SEND_EMAIL: False, SEND_SMS: True}
    assert {name: kind.target for name, kind in kinds.items()} == {SEND_EMAIL: "smtp", SEND_SMS: "smpp"}
    assert parts.database.max_ages == {name: kind.max_age for name, kind in kinds.items()}
    assert parts.inbound.topics == ("notification.requests.v1",)
    assert not parts.routers
