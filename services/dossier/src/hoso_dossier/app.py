"""The composition root of dossier: the only place where its parts meet; importing it opens nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from hoso_chassis.database import Database, utc_now
from hoso_chassis.service import Parts, Periodic, Service
from hoso_dossier import housekeeping, watchdog
from hoso_dossier.code_blocks import CodeBlocks, as_it_is
from hoso_dossier.domain import Dossier
from hoso_dossier.dossiers_api import DossiersApi
from hoso_dossier.drafts_api import DraftsApi
from hoso_dossier.handlers import inbound
from hoso_dossier.housekeeping import Housekeeping
from hoso_dossier.policy import POLICY
from hoso_dossier.procedures import catalogue
from hoso_dossier.procedures_api import ProceduresApi
from hoso_dossier.receipts import NoReceiptKeys, ReceiptKeys
from hoso_dossier.settings import DossierSettings
from hoso_dossier.store import DossierStore
from hoso_dossier.submission import Submissions
from hoso_dossier.watchdog import Watchdog


def build(
    settings: DossierSettings,
    *,
    clock: Callable[[], datetime] = utc_now,
    read_clock: Callable[[datetime], datetime] = as_it_is,
) -> Parts[Dossier]:
    """Put the parts together; a test hands in clocks.

    Args:
        settings: what the environment says.
        clock: of this process.
        read_clock: how the database's clock is read.

    Raises:
        SystemExit: the receipt keys cannot be used.
    """
    try:
        keys = ReceiptKeys.load(settings.receipt_public_keys_file)
    except NoReceiptKeys as error:
        raise SystemExit(f"dossier: {error}") from None
    database = Database(settings.database_url.get_secret_value(), "/hoso/dossier", clock=clock)
    codes = CodeBlocks(database, settings.code_prefix, settings.code_block_size, settings.code_epoch, read_clock)
    database.recall = codes.recall
    submissions = Submissions(database, catalogue(), codes, keys, settings.identity_number_profile)
    store = DossierStore()
    periods = {
        "identity": settings.verification_overdue_seconds,
        "papers": settings.attachment_overdue_seconds,
        "notices": settings.notification_overdue_seconds,
    }
    return Parts(
        database=database,
        store=store,
        inbound=inbound,
        policy=POLICY,
        pings={"codes": codes.ping},
        routers=[
            ProceduresApi(catalogue()).router(),
            DraftsApi(database, catalogue(), submissions).router(),
            DossiersApi(database, catalogue(), store, settings.accept_not_scanned).router(),
        ],
        periodic=[
            *(
                Periodic(f"overdue-{one}", watchdog.EVERY, Watchdog(database, one, timedelta(seconds=period)).run)
                for one, period in periods.items()
            ),
            Periodic("expired-drafts", housekeeping.EVERY, Housekeeping(database).run),
        ],
    )


service: Final = Service(
    name="dossier", version="0.1.0", settings=DossierSettings, build=build, migrations=("hoso_dossier.sql",)
)
