"""Whatever patches are sent, a draft becomes what RFC 7396 says; what cannot be kept is refused and changes nothing."""

from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from support.dossier_service import citizen, key, seen
from support.form import sized
from support.fuzz_targets import Targets
from support.leaks import texts

pytestmark = pytest.mark.timeout(sized(180, 1800))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
# Few names, so that a second patch meets what the first one made.
NAMES = st.sampled_from(["a", "b", "answers", "", "ạ", "a/b"]) | st.text(max_size=4)
PATCHES = st.recursive(
    JSON, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=10
).filter(lambda value: isinstance(value, dict))  # fmt: skip
FEW = settings(
    max_examples=sized(25, 2000),
    phases=[Phase.explicit, Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, line by line."""
    if isinstance(patch, dict):
        if not isinstance(target, dict):
            target = {}
        target = dict(cast("dict[str, Any]", target))
        for name, value in cast("dict[str, Any]", patch).items():
            if value is None:
                if name in target:
                    del target[name]
            else:
                target[name] = merge_patch(target.get(name), value)
        return target
    return patch


def inside(value: Any) -> list[Any] | None:
    """What an array or object holds; None for anything else."""
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else None


def depth(value: Any) -> int:
    inner = inside(value)
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@FEW
@example([{"a": {"b": 1}}, {"a": {"b": None, "c": [None]}}, {"a": 2}, {"a": {"b": {"d": None}}}])
@example([{"answers": {"answers": {"answers": None, "a": 1}}}])
@given(st.lists(PATCHES, min_size=1, max_size=4))
def test_patched_and_read_again_it_is_what_the_rfc_says(targets: Targets, patches: list[dict[str, Any]]) -> None:
    http, who = targets["dossier"].http, citizen()
    begun = http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=who | key())
    path, tag, expected = begun.headers["location"], begun.headers["etag"], {}
    for patch in patches:
        patched = http.patch(path, json={"answers": patch}, headers=who | seen(tag))
        wanted = merge_patch(expected, patch)
        if any("\0" in text for text in texts(patch)):
            assert patched.status_code == 400
        elif depth(wanted) > 20:
            assert patched.json()["type"] == "/problems/answers-too-deep"
        else:
            assert patched.status_code == 200, patched.text
            assert patched.json()["answers"] == wanted
            expected, tag = wanted, patched.headers["etag"]
        shown = http.get(path, headers=who)
        assert (shown.json()["answers"], shown.headers["etag"]) == (expected, tag)
