"""Bodies and headers of any kind, beyond what a schema can say: refused by name, or taken; never a fault of ours."""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from support.dossier_service import citizen, key, officer, seen
from support.form import sized
from support.fuzz_targets import Target, Targets
from support.leaks import Sent, repeated
from support.refusals import assert_bilingual

pytestmark = pytest.mark.timeout(sized(180, 1800))
FEW = settings(
    max_examples=sized(20, 2000),
    phases=[Phase.explicit, Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
).map(lambda value: json.dumps(value).encode())
ANY_BYTES = st.binary(max_size=300) | st.sampled_from(
    [b"", b" ", b"\xef\xbb\xbf{}", b"{}{}", b'"\\ud800"', b'{"a":1,"a":2}', b"[" * 10_000, b'{"\\u0000":1}', b"1e999"]
)
MEDIA_TYPES = st.sampled_from(
    ["application/json", "application/json; charset=utf-16", "APPLICATION/JSON", "application/merge-patch+json"]
)
ROUTES = (
    "POST /v1/drafts",
    "PATCH /v1/drafts/{draft_id}",
    "POST /v1/drafts/{draft_id}/submit",
    "POST /v1/dossiers/{dossier_id}/accept",
    "POST /v1/dossiers/{dossier_id}/refuse",
)
# What a field value may hold (RFC 9110, section 5.5), and no white space at its ends, which is none of its.
FIELD = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=300).map(
    lambda text: text.strip(" ").encode("latin-1")
)


def send(target: Target, route: str, headers: Mapping[str, str | bytes], body: bytes) -> httpx.Response:
    """Send it as somebody who may, and hold the answer against what all answers are."""
    method, _, path = route.partition(" ")
    for name, values in target.worlds.world.named.items():
        path = path.replace(f"{{{name}}}", values[0])
    who = officer() if "dossier_id" in route else citizen()
    raw = [(name.encode(), _bytes(value)) for name, value in {**who, **headers}.items()]
    answer = target.http.request(method, path, headers=raw, content=body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        problem: dict[str, Any] = answer.json()
        assert_bilingual(problem["title"], problem["title_en"])
        sent = Sent(target.worlds.world.known).take(body, *headers.values())
        assert not repeated(sent, answer.text + str(answer.headers))
    return answer


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


@pytest.mark.parametrize("route", ROUTES)
@FEW
@given(body=ANY_JSON | ANY_BYTES, media_type=MEDIA_TYPES)
def test_a_body_of_any_kind_is_taken_or_refused_by_name(
    targets: Targets, route: str, body: bytes, media_type: str
) -> None:
    target = targets["dossier"]
    answer = send(target, route, key() | seen(99) | {"content-type": media_type}, body)
    assert answer.status_code in {201, 200, 400, 412, 413, 415, 422}
    assert '"level":"error"' not in target.api.logged()


@FEW
@example(b"")
@example(b"a" * 255)
@example(b"a" * 256)
@given(FIELD)
def test_a_key_of_any_kind_is_one_or_is_called_malformed(targets: Targets, value: bytes) -> None:
    body = b'{"procedure": "1.004194"}'
    headers = {"idempotency-key": value, "content-type": "application/json"}
    answer = send(targets["dossier"], "POST /v1/drafts", headers, body)
    if re.fullmatch(rb"[\x21-\x7e]{1,255}", value):
        assert answer.status_code == 201
    else:
        assert answer.json()["type"] == "/problems/idempotency-key-malformed"


@FEW
@example(b"")
@example(b"*")
@example(b'W/"1"')
@example(b'"1", "2"')
@example(b'"01"')
@example(b'"' + b"9" * 18 + b'"')
@example(b'"' + b"9" * 19 + b'"')
@given(FIELD | st.from_regex(rb'"[0-9]{1,20}"', fullmatch=True))
def test_a_version_of_any_kind_is_one_or_is_called_malformed(targets: Targets, value: bytes) -> None:
    target = targets["dossier"]
    headers = {"if-match": value, "content-type": "application/json"}
    answer = send(target, "PATCH /v1/drafts/{draft_id}", headers, b"{}")
    if re.fullmatch(rb'"(0|[1-9][0-9]{0,17})"', value):
        assert answer.status_code in {200, 412, 404}
    else:
        assert answer.json()["type"] == "/problems/if-match-malformed"
