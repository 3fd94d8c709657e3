"""Why dossier says no, in Vietnamese and English; no refusal repeats anything that was sent."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from hoso_chassis.problem_words import Words
from hoso_chassis.problems import FieldError, Problem, standard
from hoso_dossier.flaws import WORDS, Flaw
from hoso_dossier.values import Status

_MEND: Final[Words] = (
    "Sửa từng mục nêu trong errors rồi nộp lại; bản nháp vẫn được giữ",
    "Mend each field that errors lists and submit again; the draft is still there",
)


def unknown_procedure() -> Problem:
    """422: the catalogue has no such code."""
    happened = ("Không có thủ tục này", "There is no such procedure")
    to_do = ("Chọn một mã trong danh sách tại /v1/procedures", "Choose one of the codes that /v1/procedures lists")
    return Problem(422, "unknown-procedure", happened, to_do, [_error("/procedure", happened, "unknown-procedure")])


def assurance_too_low(minimum: int) -> Problem:
    """403: the account was not identified surely enough."""
    return Problem(
        403,
        "assurance-too-low",
        (
            "Thủ tục này cần tài khoản định danh mức cao hơn",
            "This procedure needs an account of a higher level of assurance",
        ),
        (
            "Đăng nhập bằng tài khoản định danh có mức nêu ở minimum_assurance",
            "Sign in with an account of the level in minimum_assurance",
        ),
        minimum_assurance=minimum,
    )


def no_patch(media_types: Iterable[str]) -> Problem:
    """415: the body is not sent as one of the types a patch has (RFC 5789, section 2.2)."""
    return standard(415, {"accept-patch": ", ".join(sorted(media_types))})


def answers_no_object() -> Problem:
    """422: the patch of the answers is no JSON object."""
    happened = ("Nội dung thay đổi phải là một đối tượng JSON", "The patch of the answers must be an object")
    return Problem(422, "answers-invalid", happened, standard(422).to_do, [_error("/answers", happened, "wrong-type")])


def answers_too_deep() -> Problem:
    """422: more levels than a form could have."""
    happened = ("Tờ khai lồng quá nhiều cấp", "The answers nest too deep")
    to_do = ("Bớt cấp lồng nhau: tối đa 20 cấp", "Send at most 20 levels; the procedure's form needs far fewer")
    return Problem(422, "answers-too-deep", happened, to_do)


def answers_too_large() -> Problem:
    """422: more bytes than a form could have."""
    happened = ("Tờ khai vượt quá dung lượng cho phép", "The answers are too large")
    to_do = ("Rút gọn nội dung khai: tối đa 64 KiB", "Shorten them: at most 64 KiB as JSON")
    return Problem(422, "answers-too-large", happened, to_do)


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
        ("Hồ sơ này đã được nộp", "This draft was already submitted"),
        (
            "Theo dõi hồ sơ bằng mã nêu ở code; không cần nộp lại",
            "Follow the dossier by the code given here; nothing needs to be sent again",
        ),
        code=code,
        id=str(dossier_id),
    )


def not_valid(answers: Sequence[Flaw], receipts: Sequence[Flaw]) -> Problem:
    """422: what is wrong; its type is about the answers first, its errors are about everything."""
    errors = [_error(flaw.pointer, flaw.words, flaw.code) for flaw in (*answers, *receipts)]
    if answers:
        slug, happened, to_do = "answers-invalid", ("Tờ khai chưa hợp lệ", "The answers are not valid"), _MEND
    elif all(flaw.code == "component-missing" for flaw in receipts):
        slug, happened = "component-missing", ("Thiếu giấy tờ bắt buộc", "A mandatory paper is missing")
        to_do = (
            "Tải lên giấy tờ của từng thành phần nêu trong errors rồi nộp lại với biên nhận",
            "Upload the paper of each component that errors lists and submit again with its receipt",
        )
    else:
        slug = "receipt-invalid"
        happened = ("Biên nhận tập tin đính kèm không hợp lệ", "An attachment receipt is not valid")
        to_do = (
            "Tải lại từng tập tin nêu trong errors rồi nộp lại với biên nhận mới",
            "Upload each file that errors lists again and submit with the new receipt",
        )
    return Problem(422, slug, happened, to_do, errors)


def no_code() -> Problem:
    """503: no dossier code is to be had just now."""
    return standard(503, {"retry-after": "1"})


def wrong_status(status: Status) -> Problem:
    """409: nothing leads there from the status the dossier has."""
    return Problem(
        409,
        "wrong-status",
        ("Trạng thái hiện tại của hồ sơ không cho phép thao tác này", "The dossier's status does not allow this"),
        ("Tải lại hồ sơ để xem trạng thái hiện tại", "Load the dossier again to see how it stands"),
        dossier_status=int(status),
    )


def not_ready(missing: Iterable[str]) -> Problem:
    """409: facts are missing that accepting needs, by their codes."""
    errors = [
        _error(f"/readiness/{'identity' if code.startswith('identity') else 'attachments'}", WORDS[code], code)
        for code in missing
    ]
    happened = ("Hồ sơ chưa đủ điều kiện tiếp nhận", "The dossier cannot be accepted yet")
    to_do = (
        "Tải lại hồ sơ sau ít phút: các điều kiện nêu trong errors được cập nhật tự động",
        "Load the dossier again in some minutes: what errors lists arrives by itself",
    )
    return Problem(409, "not-ready", happened, to_do, errors)


def _error(pointer: str, words: Words, code: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, title=words[0], title_en=words[1])
