"""What is fetched or built for the local stack is whole, is what was locked, and is made once."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from hoso_stack import minio
from hoso_stack.cache import DiskFull, cache_folder, check_room, making, whole
from hoso_stack.jars import Jar, RefusedDownload, check, locked_jars
from support.matrices import Covers

BYTES = b"what the lock says"
JAR = Jar("kafka", "group:name:1", hashlib.sha256(BYTES).hexdigest(), len(BYTES))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_folder()


def test_what_is_made_appears_whole(cache: Path) -> None:
    final = cache / "thing"
    with making(final) as folder:
        (folder / "part").write_text("one")
        assert not final.exists()
    assert (final / "part").read_text() == "one"


def test_what_could_not_be_made_leaves_nothing(cache: Path) -> None:
    def fail() -> None:
        with making(cache / "thing") as folder:
            (folder / "part").write_text("one")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(cache.iterdir()) == []


def test_what_a_killed_run_left_is_removed(cache: Path) -> None:
    (cache / "making-thing-left").mkdir()
    with making(cache / "thing"):
        pass
    assert sorted(path.name for path in cache.iterdir()) == ["thing", "thing.weight"]


@pytest.mark.parametrize("damage", ["shorter", "gone", "more", "unweighed"])
def test_an_entry_that_is_not_as_it_was_made_is_made_anew(cache: Path, damage: str, covers: Covers) -> None:
    covers("stack, stages x mishaps", "warm start", f"damaged cache entry: {damage}")
    with making(cache / "thing") as folder:
        (folder / "part").write_text("one")
    assert whole(cache / "thing")
    part = cache / "thing/part"
    {
        "shorter": lambda: part.write_text("on"),
        "gone": part.unlink,
        "more": (cache / "thing/more").touch,
        "unweighed": (cache / "thing.weight").unlink,
    }[damage]()
    assert not whole(cache / "thing")
    with making(cache / "thing") as folder:
        assert (cache / "thing").is_dir(), "a stack that runs may still read in it"
        (folder / "part").write_text("one")
    assert whole(cache / "thing")
    assert part.read_text() == "one"
    assert sorted(path.name for path in cache.iterdir()) == ["thing", "thing.weight"]


def test_what_the_disk_cannot_hold_is_not_begun(cache: Path) -> None:
    with pytest.raises(DiskFull, match=rf"a thing needs 999999999 MB below {cache}, and its disk has \d+ MB free"):
        check_room(cache, 999_999_999, "a thing")


def test_a_minio_that_is_not_what_the_pinned_source_gives_is_refused(tmp_path: Path, covers: Covers) -> None:
    covers("stack, stages x mishaps", "MinIO build", "corrupted download")
    (tmp_path / "minio").write_bytes(b"another")
    with pytest.raises(minio.BuildFailed, match="and was thrown away"):
        minio.check(tmp_path / "minio")


def test_two_at_once_share_one_build(cache: Path) -> None:
    words = (
        "import sys; from pathlib import Path; from hoso_stack.cache import cache_folder, locked, making\n"
        "with locked('thing'):\n"
        "    if not (cache_folder() / 'thing').exists():\n"
        "        with making(cache_folder() / 'thing'):\n"
        "            sys.stdin.readline(); print('built', flush=True)\n"
    )
    command = [sys.executable, "-c", words]
    builders = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for builder in builders:  # whichever has the lock waits for a word, so that the other meets a lock that is held
        assert builder.stdin is not None
        builder.stdin.write(b"go\n")
        builder.stdin.flush()
    said = [builder.communicate(timeout=60)[0] for builder in builders]
    assert sorted(said) == [b"", b"built\n"]
    assert (cache / "thing").is_dir()


@pytest.mark.parametrize("came", [b"what the lock sayz", b"what the lock says.", b""])
def test_a_download_that_is_not_what_was_locked_is_refused(tmp_path: Path, came: bytes) -> None:
    file = tmp_path / "came"
    file.write_bytes(came)
    with pytest.raises(RefusedDownload, match="group:name:1"):
        check(file, JAR)


def test_a_download_that_is_what_was_locked_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "came"
    file.write_bytes(BYTES)
    check(file, JAR)


def test_kafka_has_one_version_of_each_artifact() -> None:
    names = [jar.coordinate.rpartition(":")[0] for jar in locked_jars("kafka")]
    assert len(names) == len(set(names)) > 30
    versions = {
        jar.coordinate.rpartition(":")[2] for jar in locked_jars("kafka") if "org.apache.kafka:" in jar.coordinate
    }
    assert versions == {"4.3.1"}
