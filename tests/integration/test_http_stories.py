"""Any order of the first story's requests, each also twice, too early or too late, is answered as a model says."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from support.dossier_samples import answers, receipt
from support.dossier_service import citizen, officer, seen
from support.form import sized
from support.fuzz_targets import Target, Targets
from support.fuzz_world import make_ready

pytestmark = pytest.mark.timeout(sized(180, 7200))
STORIES = settings(
    max_examples=sized(15, 1000),
    stateful_step_count=sized(25, 50),
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
# What leads on comes twice as often, or nothing would ever be accepted.
MOSTLY = st.sampled_from([True, True, False])
COMPLETE, PARTIAL = answers(), answers(full_name=None)


@dataclass
class Model:
    """What a draft is by now.

    Attributes:
        version: its own, or its dossier's.
        status: of its dossier; 0 while it is none.
        begun_by: the Idempotency-Key it was begun with.
    """

    id: UUID
    begun_by: str
    complete: bool = False
    version: int = 1
    status: int = 0
    ready: bool = False
    code: str = ""


class Story(RuleBasedStateMachine):
    """One citizen with some drafts, one officer."""

    models = Bundle("models")
    target: Target
    who = citizen()
    boss = officer()
    more = False

    @initialize(target=models, steps=st.integers(0, 3))
    def begin_and_go_on(self, steps: int) -> Model:
        """Most stories begin further on, or few would come to an end."""
        model = self.begin()
        for step in (self.fill, self.hand_in, self.hear)[:steps]:
            step(model)
        return model

    @precondition(lambda self: not self.more)
    @rule(target=models)
    def begin_another(self) -> Model:
        self.more = True
        return self.begin()

    def begin(self) -> Model:
        key = uuid4().hex
        begun = self._post("/v1/drafts", {"procedure": "1.004194"}, key)
        assert (begun.status_code, begun.headers["etag"]) == (201, '"1"')
        again = self._post("/v1/drafts", {"procedure": "1.004194"}, key)
        assert (again.status_code, again.content, again.headers["location"]) == (
            201,
            begun.content,
            begun.headers["location"],
        )
        return Model(UUID(begun.json()["id"]), key)

    @rule(model=models)
    def begin_with_a_used_key(self, model: Model) -> None:
        again = self._post("/v1/drafts", {"procedure": "1.004194"}, model.begun_by)
        assert (again.status_code, again.json()["id"]) == (201, str(model.id))

    @rule(model=models, complete=MOSTLY, current=MOSTLY)
    def answer(self, model: Model, complete: bool, current: bool) -> None:  # noqa: FBT001  # drawn
        self.try_to_answer(model, complete=complete, current=current)

    def try_to_answer(self, model: Model, *, complete: bool, current: bool) -> None:
        body = {"answers": COMPLETE if complete else PARTIAL | {"full_name": None}}
        tag = seen(model.version if current else model.version - 1)
        patched = self.target.http.patch(f"/v1/drafts/{model.id}", json=body, headers=self.who | tag)
        if model.status:
            assert patched.status_code == 404
        elif not current:
            assert (patched.status_code, patched.headers["etag"]) == (412, f'"{model.version}"')
        else:
            model.version, model.complete = model.version + 1, complete
            assert (patched.status_code, patched.headers["etag"]) == (200, f'"{model.version}"')

    def fill(self, model: Model) -> None:
        self.try_to_answer(model, complete=True, current=True)

    def hand_in(self, model: Model) -> None:
        self.try_to_submit(model, papers=True)

    def hear(self, model: Model) -> None:
        """Let the other services say what accepting needs."""
        if model.status == 1:
            make_ready(self.target.api, str(model.id))
            model.ready = True

    @rule(model=models, papers=MOSTLY)
    def submit(self, model: Model, papers: bool) -> None:  # noqa: FBT001  # drawn
        self.try_to_submit(model, papers=papers)

    def try_to_submit(self, model: Model, *, papers: bool) -> None:
        key, body = uuid4().hex, {"receipts": [receipt(model.id)] if papers else []}
        submitted = self._post(f"/v1/drafts/{model.id}/submit", body, key)
        if model.status:
            told = submitted.json()
            assert (submitted.status_code, told["code"], told["id"]) == (409, model.code, str(model.id))
        elif not model.complete:
            assert submitted.json()["type"] == "/problems/answers-invalid"
        elif not papers:
            assert submitted.json()["type"] == "/problems/component-missing"
        else:
            assert (submitted.status_code, submitted.headers["etag"]) == (201, '"1"')
            model.status, model.version, model.code = 1, 1, submitted.json()["code"]
        again = self._post(f"/v1/drafts/{model.id}/submit", body, key)
        assert again.status_code == submitted.status_code
        if again.is_success:
            assert again.content == submitted.content

    @rule(model=models)
    def hear_from_the_others(self, model: Model) -> None:
        self.hear(model)

    @rule(model=models, action=st.sampled_from(["accept", "refuse"]), current=MOSTLY)
    def decide(self, model: Model, action: str, current: bool) -> None:  # noqa: FBT001  # drawn
        key, body = uuid4().hex, {"reason": "Không đúng thẩm quyền"} if action == "refuse" else {}
        headers = self.boss | seen(model.version if current else model.version - 1)
        path = f"/v1/dossiers/{model.id}/{action}"
        decided = self._post(path, body, key, headers)
        if not model.status:
            assert decided.status_code == 404
        elif not current:
            assert (decided.status_code, decided.headers["etag"]) == (412, f'"{model.version}"')
        elif model.status != 1:
            assert (decided.status_code, decided.json()["dossier_status"]) == (409, model.status)
        elif action == "accept" and not model.ready:
            assert decided.json()["type"] == "/problems/not-ready"
        else:
            model.status, model.version = 2 if action == "accept" else 3, 2
            assert (decided.status_code, decided.json()["status"]) == (200, model.status)
        again = self._post(path, body, key, headers)
        assert again.status_code == decided.status_code
        if again.is_success:
            assert again.content == decided.content

    @rule(model=models)
    def look(self, model: Model) -> None:
        draft = self.target.http.get(f"/v1/drafts/{model.id}", headers=self.who)
        dossier = self.target.http.get(f"/v1/dossiers/{model.id}", headers=self.who)
        assert [draft.status_code, dossier.status_code] == ([404, 200] if model.status else [200, 404])
        found = dossier if model.status else draft
        assert found.headers["etag"] == f'"{model.version}"'
        if model.status:
            by_code = self.target.http.get("/v1/dossiers", params={"code": model.code}, headers=self.boss)
            told = by_code.json()
            assert (told["id"], told["status"]) == (str(model.id), model.status)
            assert told["ready_to_accept"] == (model.status == 1 and model.ready)

    def _post(self, path: str, body: Any, key: str, headers: dict[str, str] | None = None) -> httpx.Response:
        sent = (headers or self.who) | {"idempotency-key": key}
        answer = self.target.http.post(path, json=body, headers=sent)
        assert answer.status_code < 500
        return answer


def test_any_order_of_requests_is_answered_as_the_model_says(targets: Targets) -> None:
    class Here(Story):
        target = targets["dossier"]

    run_state_machine_as_test(Here, settings=STORIES)  # pyright: ignore[reportUnknownMemberType]
