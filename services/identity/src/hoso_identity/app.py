"""The composition root of identity: the only place where its parts are put together; nothing is opened here."""

from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Final

from hoso_chassis.database import Database, utc_now
from hoso_chassis.service import Parts, Periodic, Service
from hoso_chassis.target_limits import Limits
from hoso_identity.domain import Verification
from hoso_identity.handlers import inbound
from hoso_identity.policy import RECORDS
from hoso_identity.population import PopulationRegister
from hoso_identity.settings import IdentitySettings
from hoso_identity.store import VerificationStore, forget_old
from hoso_identity.verifying import verify_kind

_HOURLY: Final = 3600.0


def build(settings: IdentitySettings) -> Parts[Verification]:
    """Make the parts; the api role has no routes of its own."""
    register = PopulationRegister(
        settings.population_url, timeout=settings.population_timeout, connections=settings.population_concurrency
    )
    kind = verify_kind(
        register.person,
        utc_now,
        timeout=settings.population_timeout,
        concurrency=settings.population_concurrency,
    )
    limits = Limits(settings.population_at_once, settings.population_per_second)
    database = Database(settings.database_url.get_secret_value(), "/hoso/identity", max_ages={kind.name: kind.max_age})
    return Parts(
        database=database,
        store=VerificationStore(),
        inbound=inbound,
        policy=RECORDS,
        kinds=(replace(kind, limits=limits),),
        periodic=(Periodic("forget-verdicts", _HOURLY, partial(_forget_verdicts, database)),),
        resources=(register,),
    )


async def _forget_verdicts(database: Database) -> None:
    async with database.connection() as connection:
        await forget_old(connection)


service: Final = Service("identity", version("hoso-identity"), IdentitySettings, build, ["hoso_identity.sql"])
