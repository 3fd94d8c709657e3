"""Why storage says no, in Vietnamese and English; no refusal repeats anything that was sent."""

from hoso_chassis.problems import Problem, field_error, standard


def malformed_form() -> Problem:
    """400: not a multipart/form-data body, or cut short."""
    return Problem(
        400,
        "malformed-form",
        "Biểu mẫu tải lên không đúng định dạng",
        "The form is not well-formed multipart/form-data",
    )


def wrong_parts() -> Problem:
    """400: other parts than asked for, or in another order."""
    return Problem(
        400,
        "wrong-parts",
        "Biểu mẫu phải gồm đúng ba phần theo thứ tự: draft_id, component, file",
        "The form must have exactly these parts in this order: draft_id, component, file",
    )


def wrong_field(name: str) -> Problem:
    """422: a field's value is not of the documented form."""
    problem = standard(422)
    problem.errors = (field_error(f"/{name}", "string_pattern_mismatch"),)
    return problem


def too_large() -> Problem:
    """413: more than 5 MiB. Whoever raises it while the body still comes in lets the connection be closed."""
    return Problem(
        413,
        "file-too-large",
        "Tập tin tải lên có dung lượng không quá 5 MB",
        "A file may have at most 5 MB (5,242,880 bytes)",
    )


def empty_file() -> Problem:
    """422: a file without content."""
    return Problem(422, "empty-file", "Tập tin không có nội dung", "The file is empty")


def media_type_not_allowed() -> Problem:
    """415: by its content the file is no plain PDF, JPEG or PNG."""
    return Problem(
        415,
        "media-type-not-allowed",
        "Chỉ chấp nhận tập tin PDF, JPEG hoặc PNG hợp lệ",
        "Only valid PDF, JPEG and PNG files are accepted, whatever their name",
    )


def too_slow() -> Problem:
    """408: nothing arrived for too long."""
    return standard(408)


def too_busy() -> Problem:
    """503: every place for an upload is taken."""
    return standard(503, {"retry-after": "5"})


def too_many_at_once() -> Problem:
    """429: one citizen sends too many files at the same time."""
    return Problem(
        429,
        "too-many-uploads",
        "Ông/Bà đang tải lên quá nhiều tập tin cùng lúc, xin thử lại sau",
        "Too many uploads of yours at the same time: try again later",
        headers={"retry-after": "5"},
    )


def too_many_in_draft() -> Problem:
    """429: the draft has as many files as it may have."""
    return Problem(
        429,
        "too-many-files-in-draft",
        "Hồ sơ nháp đã có số tập tin tối đa cho phép",
        "The draft has as many files as it may have",
    )


def too_many_today() -> Problem:
    """429: the citizen's files of the last 24 hours are as many as they may be."""
    return Problem(
        429,
        "too-many-files-today",
        "Ông/Bà đã tải lên quá nhiều tập tin trong 24 giờ qua, xin thử lại sau",
        "Too many files in the last 24 hours: try again later",
        headers={"retry-after": "3600"},
    )


def objects_unavailable() -> Problem:
    """503: the object store does not answer, nothing was kept."""
    return standard(503, {"retry-after": "5"})


def not_readable_yet() -> Problem:
    """409: no scanner has called the file clean so far."""
    return Problem(
        409,
        "not-readable-yet",
        "Tập tin chưa được quét mã độc nên chưa thể mở",
        "The file cannot be read before a scanner has called it clean",
    )


def infected() -> Problem:
    """409: a scanner found something bad in it; it stays unreadable."""
    return Problem(409, "infected", "Tập tin có mã độc nên không thể mở", "The file is infected and stays unreadable")
