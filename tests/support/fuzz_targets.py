"""The api roles of dossier and storage under fire, with a world in each; what they print and trace is searched."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import requests

from support.api_processes import Api, dossier_api, new_database, storage_api
from support.fuzz_world import DossierWorld, StorageWorld, World
from support.leaks import repeated

Targets = Mapping[str, "Target"]
"""By service."""


@dataclass
class Target:
    """An api role, what is there, and everything that was sent to it."""

    api: Api
    worlds: DossierWorld | StorageWorld
    session: requests.Session
    http: httpx.Client
    sent: set[str] = field(default_factory=set[str])

    def world(self, route: str, caller: str) -> World:
        """Things that are there: new ones for whoever may use them up."""
        uses_up = caller in {"citizen", "officer"} and not route.startswith("GET ")
        return self.worlds.renewed() if uses_up else self.worlds.world


@contextmanager
def running(postgres: str, servers: Mapping[str, str], folder: Path) -> Generator[Targets]:
    """Both services on databases and a bucket of their own; in the end no span may repeat what was sent."""
    with ExitStack() as stack:
        urls = [stack.enter_context(new_database(postgres)) for _ in range(2)]
        dossier = stack.enter_context(dossier_api(urls[0], folder))
        storage = stack.enter_context(storage_api(urls[1], folder, servers))
        session = stack.enter_context(requests.Session())
        worlds = {"dossier": DossierWorld(dossier), "storage": StorageWorld(storage)}
        for world in worlds.values():
            stack.callback(world.close)
        targets = {
            api.name: Target(
                api, worlds[api.name], session, stack.enter_context(httpx.Client(base_url=api.url, timeout=30))
            )
            for api in (dossier, storage)
        }
        yield targets
        for target in targets.values():
            assert not repeated(target.sent, target.api.spans_told()), "a span repeats what was sent"
