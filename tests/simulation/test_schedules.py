"""Schedules of crashes, stops and lost answers, each by its seed, against the model of what must come out."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation import schedule
from support.form import sized

SEED = os.environ.get("HOSO_SIMULATION_SEED")
BLOCK = sized(100, 1000)
BLOCKS = [0] if SEED else range(sized(3, 100))


def digest(seed: int) -> str:
    """Of the whole trace."""
    return hashlib.sha256("\n".join(schedule.run(seed).trace).encode()).hexdigest()


@pytest.mark.parametrize("block", BLOCKS)
def test_whatever_fails_and_whenever_the_model_holds(block: int) -> None:
    for seed in [int(SEED)] if SEED else range(block * BLOCK, (block + 1) * BLOCK):
        verdict = schedule.run(seed)
        assert not verdict.breaches, verdict.words()


def test_a_seed_gives_the_same_schedule_to_the_byte() -> None:
    seeds = range(20)
    first = [digest(seed) for seed in seeds]

    assert [digest(seed) for seed in seeds] == first
    assert len(set(first)) == len(first)


def test_a_seed_gives_the_same_schedule_in_another_process() -> None:
    script = "from simulation.test_schedules import digest; print(*(digest(seed) for seed in range(5)))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[1])}
    there = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True, timeout=60)

    assert there.stdout.decode().split() == [digest(seed) for seed in range(5)]


def test_a_schedule_that_fails_says_how_to_see_it_again() -> None:
    verdict = schedule.run(3)
    verdict.breaches.append("something is lost")

    words = verdict.words().splitlines()
    assert words[:2] == ["something is lost", "replay it with HOSO_SIMULATION_SEED=3; its last steps:"]
    assert words[2:] == verdict.trace[-60:]
