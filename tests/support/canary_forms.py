"""The hunted person's data in everything that is refused as a value, a receipt or a token, at the running stack."""

import json
import time
from typing import Any, Final, cast
from uuid import uuid4

from joserfc import jws
from joserfc.jwk import OKPKey

from hoso_stack.story import subject_of
from hoso_stack.tokens import ISSUER
from support.bad_tokens import HOUR, SLUGS, bad_token, signed
from support.canary_walk import Walk
from support.form import sized
from support.form_names import LINES, NAMES
from support.form_values import NO_DATES, emails, phones
from support.receipt_forgeries import FORGED
from support.receipt_forgery import opened
from support.receipt_trick import Papers

VALUES: Final = "form values"
RECEIPTS: Final = "receipts"
TOKENS: Final = "tokens"
_EVERY: Final = sized(5, 1)


async def type_wrongly(walk: Walk) -> None:
    """Every way of writing each field, wrong ones and right ones, beside all the other answers; then hand it in."""
    person = walk.person.person
    number = person.identity_number
    typed: list[dict[str, Any]] = [
        *({"full_name": case.write(person.full_name)} for case in NAMES[::_EVERY]),
        *({"permanent_address": case.write(person.permanent_address)} for case in LINES[::_EVERY]),
        *({"notification": {"email": case.typed}} for case in emails(person.email.partition("@")[0])[::_EVERY]),
        *({"notification": {"phone": case.typed}} for case in phones(person.phone)[::_EVERY]),
        *({"date_of_birth": day} for day in list(NO_DATES.values())[::_EVERY]),
        *(
            {"identity_number": one}
            for one in (number[:-1], number + "0", f"{number}x", f" {number}", [number], {number: 1})
        ),
        *({name: number} for name in ("declarant", "gender", "case", "agency", "from_date", "declaration_accepted")),
        *(
            {name: person.full_name}
            for name in ("temporary_address", "notification", "from_date", "to_date", "procedure")
        ),
        *({name: person.email} for name in (number, person.full_name, person.email)),
        {"notification": {"channels": [person.phone], number: person.email}},
        {"temporary_address": {person.full_name: number}},
    ]
    story = walk.story()
    await story.fill_in(**walk.person.answers)
    url = f"{walk.stack.env()['DOSSIER_URL']}/v1/drafts/{story.dossier_id}"
    caller = {"authorization": f"Bearer {walk.person.token}"}
    for one in typed:
        seen = await walk.client.get(url, headers=caller)
        headers = caller | {"if-match": seen.headers["etag"], "content-type": "application/merge-patch+json"}
        await walk.ask(VALUES, "PATCH", url, headers, content=json.dumps({"answers": one}))
        await walk.ask(
            VALUES, "POST", f"{url}/submit", caller | {"idempotency-key": uuid4().hex}, json={"receipts": []}
        )


async def hand_in_bad_receipts(walk: Walk, receipt: str) -> None:
    """Receipts that storage never gave, and such as it never would: signed by its key, with the person in them."""
    assert walk.draft is not None
    url = f"{walk.stack.env()['DOSSIER_URL']}/v1/drafts/{walk.draft.dossier_id}/submit"
    papers = Papers(*[receipt] * 7, token=walk.person.token)
    tricks = [[trick.make(papers)[0]] for trick in FORGED[::_EVERY]]
    for receipts in [*tricks, *([one] for one in _personal(walk, receipt)), *([word] for word in walk.person.words)]:
        headers = {"authorization": f"Bearer {walk.person.token}", "idempotency-key": uuid4().hex}
        status = await walk.ask(RECEIPTS, "POST", url, headers, json={"receipts": receipts})
        assert status >= 400, "a bad receipt was taken"


def _personal(walk: Walk, receipt: str) -> list[str]:
    """Signed by storage's own key: what a fault of storage would bring in."""
    key = OKPKey.import_key(json.loads((walk.stack.folder / "keys/receipts.private.json").read_text()))
    header, claims = opened(receipt)
    made: list[str] = []
    for word in (*walk.person.words, walk.person.person.full_name):
        for name in ("attachment", "draft", "component", "sub", "sha256", "media_type"):
            told = json.dumps(claims | {name: word}, ensure_ascii=False)
            made.append(jws.serialize_compact(cast("Any", header), told, key, algorithms=["Ed25519"]))
        made.append(jws.serialize_compact(cast("Any", header), word.encode(), key, algorithms=["Ed25519"]))
    return made


async def come_with_bad_tokens(walk: Walk) -> None:
    """Tokens that nobody may take, made about the person; and good ones that say of them what no issuer says."""
    keys, words, now = walk.stack.folder / "keys", walk.person.words, int(time.time())
    issuer = OKPKey.import_key(json.loads((keys / "issuer.private.json").read_text()))
    right = {"iss": ISSUER, "aud": "hoso", "sub": subject_of(walk.person.token), "role": "citizen", "assurance": 2}
    right |= {"iat": now, "exp": now + HOUR}
    bad = [bad_token(wrong, keys, word) for wrong in SLUGS for word in words]
    names = ("iss", "aud", "sub", "role", "unit", "agency", "assurance", "exp", "iat", "name", "jti", "nbf")
    bad += [signed(issuer, right | {name: word}) for name in names for word in words]
    bad += [
        signed(issuer, right | {"role": role, "unit": word, "agency": word})
        for role in ("officer", "agency")
        for word in words
    ]
    assert walk.draft is not None
    env = walk.stack.env()
    urls = (f"{env['DOSSIER_URL']}/v1/drafts/{walk.draft.dossier_id}", f"{env['STORAGE_URL']}/v1/attachments/{uuid4()}")
    for token in bad:
        for url in urls:
            await walk.ask(TOKENS, "GET", url, {"authorization": f"Bearer {token}"})
