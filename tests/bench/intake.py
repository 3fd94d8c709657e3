"""Submits a second through HTTP: token, whole validation, and every row of a submit durable.

Ours is one process of dossier's api role, asked by sixteen clients over kept connections; tokens, receipts and drafts
are made before. The limit (limits/intake.py) sends the statements of the same submits from sixteen connections, one
round trip each, their arguments made before: no HTTP, no token, no validation. The relay is frozen meanwhile. What
would make the ratio drop: a statement more, a validation that is made twice, a model more for each request.
"""

import os
import signal
import time
from functools import partial
from statistics import median
from typing import Final

from bench.measured import Bench, Run, alternate
from bench.places import Place, child, place
from bench.processes import cpu_of_all, own_cpu_ms, resident_mb
from bench.submits import fill, submit_all

SUBMITS: Final = int(os.environ.get("HOSO_BENCH_SUBMITS", "4000"))


async def main() -> None:
    """Measure."""
    bench = Bench(
        "intake",
        "submits/s",
        "the statements of the same submits, one round trip each, from 16 connections of asyncpg",
        0.25,
        0.40,
        conditions=f"{SUBMITS} submits a run, 16 clients, one api process, clients on the same cores",
    )
    with place("dossier-api", "dossier-relay") as servers:
        await submit_all(servers, await fill(servers, 200))
        relay = int(servers.env["PID_DOSSIER_RELAY"])
        os.kill(relay, signal.SIGSTOP)
        try:
            await alternate(bench, partial(_ours, servers), partial(_limit, servers))
        finally:
            os.kill(relay, signal.SIGCONT)


async def _ours(servers: Place) -> Run:
    drafts = await fill(servers, SUBMITS)
    pids = servers.servers | {"python": int(servers.env["PID_DOSSIER_API"])}
    before, since, mine = cpu_of_all(pids), time.perf_counter(), own_cpu_ms(os.getpid())
    took = sorted(await submit_all(servers, drafts))
    seconds, after = time.perf_counter() - since, cpu_of_all(pids)
    used = {name: (after[name] - before[name]) / SUBMITS for name in pids}
    used["clients"] = (own_cpu_ms(os.getpid()) - mine) / SUBMITS
    more = {"p50_ms": median(took) * 1000, "p99_ms": took[int(len(took) * 0.99)] * 1000}
    more["resident_mb"] = resident_mb(pids["python"])
    return Run(SUBMITS, seconds, used, more)


async def _limit(servers: Place) -> Run:
    return await child(servers, "bench.limits.intake", str(SUBMITS))
