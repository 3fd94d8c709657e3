"""Why dossier says no, in Vietnamese and English; no refusal repeats anything that was sent."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from hoso_chassis.problems import FieldError, Problem, standard
from hoso_dossier.flaws import WORDS, Flaw
from hoso_dossier.values import Status


def unknown_procedure() -> Problem:
    """422: the catalogue has no such code."""
    title, title_en = "Không có thủ tục này", "There is no such procedure"
    error = FieldError(pointer="/procedure", code="unknown-procedure", title=title, title_en=title_en)
    return Problem(422, "unknown-procedure", title, title_en, [error])


def assurance_too_low(minimum: int) -> Problem:
    """403: the account was not identified surely enough."""
    return Problem(
        403,
        "assurance-too-low",
        "Thủ tục này cần tài khoản định danh mức cao hơn",
        "This procedure needs an account of a higher level of assurance",
        minimum_assurance=minimum,
    )


def no_patch(media_types: Iterable[str]) -> Problem:
    """415: the body is not sent as one of the types a patch has (RFC 5789, section 2.2)."""
    return standard(415, {"accept-patch": ", ".join(sorted(media_types))})


def answers_no_object() -> Problem:
    """422: the patch of the answers is no JSON object."""
    title, title_en = "Nội dung thay đổi phải là một đối tượng JSON", "The patch of the answers must be an object"
    error = FieldError(pointer="/answers", code="wrong-type", title=title, title_en=title_en)
    return Problem(422, "answers-invalid", title, title_en, [error])


def answers_too_deep() -> Problem:
    """422: more levels than a form could have."""
    return Problem(422, "answers-too-deep", "Tờ khai lồng quá nhiều cấp", "The answers nest too deep")


def answers_too_large() -> Problem:
    """422: more bytes than a form could have."""
    return Problem(422, "answers-too-large", "Tờ khai vượt quá dung lượng cho phép", "The answers are too large")


def unreadable_reason(code: str) -> Problem:
    """422: an officer's words hold what the citizen could not read, or could read as something else."""
    problem = standard(422)
    problem.errors = (_error("/reason", WORDS[code], code),)
    return problem


def already_submitted(code: str, dossier_id: UUID) -> Problem:
    """409: the draft is a dossier by now; its owner is told which."""
    return Problem(
        409,
        "already-submitted",
        "Hồ sơ này đã được nộp",
        "This draft was already submitted",
        code=code,
        id=str(dossier_id),
    )


def not_valid(answers: Sequence[Flaw], receipts: Sequence[Flaw]) -> Problem:
    """422: what is wrong; its type is about the answers first, its errors are about everything."""
    errors = [_error(flaw.pointer, flaw.words, flaw.code) for flaw in (*answers, *receipts)]
    if answers:
        return Problem(422, "answers-invalid", "Tờ khai chưa hợp lệ", "The answers are not valid", errors)
    if all(flaw.code == "component-missing" for flaw in receipts):
        return Problem(422, "component-missing", "Thiếu giấy tờ bắt buộc", "A mandatory paper is missing", errors)
    return Problem(
        422, "receipt-invalid", "Biên nhận tập tin đính kèm không hợp lệ", "An attachment receipt is not valid", errors
    )


def no_code() -> Problem:
    """503: no dossier code is to be had just now."""
    return standard(503, {"retry-after": "1"})


def wrong_status(status: Status) -> Problem:
    """409: nothing leads there from the status the dossier has."""
    return Problem(
        409,
        "wrong-status",
        "Trạng thái hiện tại của hồ sơ không cho phép thao tác này",
        "The dossier's status does not allow this",
        dossier_status=int(status),
    )


def not_ready(missing: Iterable[str]) -> Problem:
    """409: facts are missing that accepting needs, by their codes."""
    errors = [
        _error(f"/readiness/{'identity' if code.startswith('identity') else 'attachments'}", WORDS[code], code)
        for code in missing
    ]
    return Problem(409, "not-ready", "Hồ sơ chưa đủ điều kiện tiếp nhận", "The dossier cannot be accepted yet", errors)


def _error(pointer: str, words: tuple[str, str], code: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, title=words[0], title_en=words[1])
