"""The composition root of notify: the only place where its parts are put together; nothing is opened here."""

from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Final

from hoso_chassis.database import Database, utc_now
from hoso_chassis.service import Parts, Periodic, Service
from hoso_chassis.target_limits import Limits
from hoso_notify.domain import Notification
from hoso_notify.email import Mailer, MailServer
from hoso_notify.handlers import inbound
from hoso_notify.policy import POLICY
from hoso_notify.sending import email_kind, sms_kind
from hoso_notify.settings import NotifySettings
from hoso_notify.sms import SmsCentre, SmsSender
from hoso_notify.store import NotificationStore, forget_old
from hoso_notify.templates import Texts

_HOURLY: Final = 3600.0


def build(settings: NotifySettings) -> Parts[Notification]:
    """Make the parts; the api role has no routes of its own."""
    texts = Texts(settings.portal_url, settings.sms_accents)
    mailer = Mailer(_mail_server(settings), settings.sender, utc_now)
    sms = SmsSender(_sms_centre(settings), settings.sms_sender)
    kinds = (
        # Longer than each step's own time-out together, so that a call ends by what happened and not by the clock.
        email_kind(
            mailer.send, texts, utc_now, timeout=4 * settings.smtp_timeout, concurrency=settings.smtp_connections
        ),
        sms_kind(sms.send, texts, utc_now, timeout=3 * settings.smpp_timeout, concurrency=settings.smpp_window),
    )
    limits = (
        Limits(settings.smtp_at_once, settings.smtp_per_second),
        Limits(settings.smpp_at_once, settings.smpp_per_second),
    )
    database = Database(
        settings.database_url.get_secret_value(),
        "/hoso/notify",
        max_ages={kind.name: kind.max_age for kind in kinds},
    )
    return Parts(
        database=database,
        store=NotificationStore(),
        inbound=inbound,
        policy=POLICY,
        kinds=[replace(kind, limits=limit) for kind, limit in zip(kinds, limits, strict=True)],
        periodic=(Periodic("forget-notifications", _HOURLY, partial(_forget, database)),),
        resources=(mailer, sms),
    )


def _mail_server(settings: NotifySettings) -> MailServer:
    password = settings.smtp_password
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_username,
        None if password is None else password.get_secret_value(),
        settings.smtp_timeout,
    )


def _sms_centre(settings: NotifySettings) -> SmsCentre:
    return SmsCentre(
        settings.smpp_host,
        settings.smpp_port,
        settings.smpp_system_id,
        settings.smpp_password.get_secret_value(),
        settings.smpp_tls,
        settings.smpp_window,
        settings.smpp_timeout,
    )


async def _forget(database: Database) -> None:
    async with database.connection() as connection:
        await forget_old(connection)


service: Final = Service("notify", version("hoso-notify"), NotifySettings, build, ("hoso_notify.sql",))
"""What the command line runs."""
