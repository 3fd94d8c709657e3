"""A lease with expiry and a fencing number: one leader per name, also when a stopped process wakes up late."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from hoso_chassis.postgres import Connection

# The fence grows whenever the lease changes hands or had run out, so that an old holder can be told apart.
_HOLD = """
INSERT INTO leases AS l (name, holder, fence, expires_at) VALUES ($1, $2, 1, now() + $3)
ON CONFLICT (name) DO UPDATE
    SET holder = EXCLUDED.holder,
        expires_at = EXCLUDED.expires_at,
        fence = CASE WHEN l.holder = EXCLUDED.holder AND l.expires_at > now() THEN l.fence ELSE l.fence + 1 END
    WHERE l.holder = EXCLUDED.holder OR l.expires_at <= now()
RETURNING fence
"""
_HELD = "SELECT 1 FROM leases WHERE name = $1 AND holder = $2 AND fence = $3 FOR SHARE"
_RELEASE = "UPDATE leases SET expires_at = now() WHERE name = $1 AND holder = $2"


class LeaseLost(Exception):
    """Another relay has taken the lead while this one slept, or the database is not the one that it was."""


@dataclass(slots=True)
class Lease:
    """A named lease as one process sees it.

    Attributes:
        name: what is led.
        duration: how long it lasts without being renewed.
        fence: number under which it is held now; 0 when it is not.
    """

    name: str
    duration: timedelta = timedelta(seconds=5)
    holder: UUID = field(default_factory=uuid4)
    fence: int = 0

    async def hold(self, connection: Connection) -> bool:
        """Take or renew it; False when somebody else holds it."""
        self.fence = await connection.fetchval(_HOLD, self.name, self.holder, self.duration) or 0
        return self.fence > 0

    async def require(self, connection: Connection, fence: int) -> None:
        """Keep it under this fence until the transaction ends; to be its last statement, since others wait for it.

        Raises:
            LeaseLost: it has changed hands, or had run out, since it was taken under this fence.
        """
        if await connection.fetchval(_HELD, self.name, self.holder, fence) is None:
            raise LeaseLost

    async def release(self, connection: Connection) -> None:
        """Let it run out now, so that the next one need not wait."""
        if self.fence:
            await connection.execute(_RELEASE, self.name, self.holder)
            self.fence = 0
