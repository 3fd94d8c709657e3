"""Another agency reads the public stream with nothing but the program in the contracts' README."""

import asyncio
import os
import re
import sys
from pathlib import Path

import httpx
import pytest

from support.stories import RunningStack

pytestmark = pytest.mark.stack

README = Path(__file__).parents[2] / "contracts/README.md"


async def test_the_readme_s_program_reads_each_move_of_a_dossier_in_order(
    stack: RunningStack, client: httpx.AsyncClient
) -> None:
    program = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[1]
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": stack.env()["KAFKA_BOOTSTRAP_SERVERS"]}
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        story = stack.story(client)
        await story.begin()
        await story.accept()
        assert reader.stdout is not None
        moves: list[str] = []
        async with asyncio.timeout(60):
            while len(moves) < 2:
                line = (await reader.stdout.readline()).decode().split()
                moves += [" ".join(line[1:])] if line and line[0] == story.dossier_id else []
        assert moves == ["1 DossierSubmitted", "2 DossierAccepted"]
    finally:
        reader.kill()
        await reader.wait()
