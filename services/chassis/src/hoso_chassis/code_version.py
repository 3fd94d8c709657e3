"""Whether code and database can live with each other: what the one has and the other demands; it changes neither."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hoso_chassis.policy import Halt
from hoso_chassis.postgres import Connection

_IS_KNOWN = "SELECT to_regclass('code_versions') IS NOT NULL"  # an older database demands nothing
_DEMANDS = "SELECT package, min_code_version FROM code_versions WHERE package = ANY($1)"
_APPLIED = "SELECT name FROM migrations"


class CodeTooOld(Halt):
    """The database has a migration that this code cannot live with; nothing but newer code helps."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One package of the code beside the database.

    Attributes:
        package: as in the names of its migrations, "hoso_dossier".
        have: the code's version, the number of its newest migration file.
        applied: the number of the newest migration in the database, also of one that this code does not have.
        need: the oldest version that the database allows; 0: any.
    """

    package: str
    have: int
    applied: int
    need: int

    @property
    def is_too_old(self) -> bool:
        """Whether the code may not run on this database."""
        return self.have < self.need

    @property
    def is_behind(self) -> bool:
        """Whether the database is newer than the code."""
        return self.have < self.applied


def versions(names: Sequence[str]) -> dict[str, int]:
    """The newest number of each package among names like "hoso_dossier/0007_drop_phone.sql"."""
    found: dict[str, int] = {}
    for name in names:
        package, _, file = name.partition("/")
        found[package] = max(found.get(package, 0), int(file[:4]))
    return found


async def compare(connection: Connection, have: Mapping[str, int]) -> list[Standing]:
    """How each package of the code stands; a package that only the database has is none of ours."""
    if not await connection.fetchval(_IS_KNOWN):
        return []
    applied = versions([row["name"] for row in await connection.fetch(_APPLIED)])
    need = {row["package"]: row["min_code_version"] for row in await connection.fetch(_DEMANDS, list(have))}
    return [Standing(name, own, applied.get(name, 0), need.get(name, 0)) for name, own in have.items()]


async def require_allowed(connection: Connection, have: Mapping[str, int]) -> list[Standing]:
    """Return the packages whose database is newer than the code and allows it.

    Raises:
        CodeTooOld: the database allows newer code only; says which, and what to do.
    """
    standings = await compare(connection, have)
    if too_old := list(_complaints(standings)):
        raise CodeTooOld("; ".join(too_old) + "; start the newer image (this one may come back only with a restore)")
    return [one for one in standings if one.is_behind]


def _complaints(standings: Sequence[Standing]) -> Iterator[str]:
    for one in standings:
        if one.is_too_old:
            yield (
                f"the database needs {one.package} of version {one.need} or newer and this is version {one.have} "
                f"(the database is at {one.applied})"
            )
