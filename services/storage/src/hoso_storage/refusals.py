"""Why storage says no, in Vietnamese and English; no refusal repeats anything that was sent."""

from hoso_chassis.problems import Problem, field_error, standard


def malformed_form() -> Problem:
    """400: not a multipart/form-data body, or cut short."""
    return Problem(
        400,
        "malformed-form",
        ("Biểu mẫu tải lên không đúng định dạng", "The form is not well-formed multipart/form-data"),
        (
            "Gửi trọn vẹn một biểu mẫu multipart/form-data (RFC 7578) với boundary đã khai và Content-Length đúng",
            "Send one whole multipart/form-data form (RFC 7578) with its declared boundary and true Content-Length",
        ),
    )


def wrong_parts() -> Problem:
    """400: other parts than asked for, or in another order."""
    return Problem(
        400,
        "wrong-parts",
        ("Biểu mẫu không gồm đúng các phần cần có", "The form has not exactly the parts it must have"),
        (
            "Gửi đúng ba phần theo thứ tự: draft_id, component, file",
            "Send exactly these parts in this order: draft_id, component, file",
        ),
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
        ("Tập tin tải lên có dung lượng quá 5 MB", "The file has more than 5 MB (5,242,880 bytes)"),
        (
            "Giảm dung lượng xuống không quá 5 MB, ví dụ quét ở độ phân giải thấp hơn, rồi tải lên lại",
            "Make it at most 5 MB, by a lower resolution of the scan for instance, and upload it again",
        ),
    )


def empty_file() -> Problem:
    """422: a file without content."""
    happened = ("Tập tin không có nội dung", "The file is empty")
    to_do = ("Chọn lại tập tin rồi tải lên lại", "Choose the file again and upload it")
    return Problem(422, "empty-file", happened, to_do)


def media_type_not_allowed() -> Problem:
    """415: by its content the file is no plain PDF, JPEG or PNG."""
    return Problem(
        415,
        "media-type-not-allowed",
        ("Tập tin không phải PDF, JPEG hoặc PNG hợp lệ", "By its content the file is no valid PDF, JPEG or PNG"),
        (
            "Lưu tập tin thành PDF, JPEG hoặc PNG rồi tải lên lại; chỉ đổi tên là không đủ",
            "Save it as PDF, JPEG or PNG and upload it again; another name is not enough",
        ),
    )


def too_slow() -> Problem:
    """408: nothing arrived for too long."""
    return standard(408)


def upload_too_slow() -> Problem:
    """408: it holds a place, brings too little, and others wait for one."""
    return Problem(
        408,
        "upload-too-slow",
        (
            "Tập tin được gửi lên quá chậm trong lúc có người khác đang chờ",
            "The file came too slowly while others waited",
        ),
        (
            "Kiểm tra kết nối mạng hoặc giảm dung lượng tập tin, rồi gửi lại sau số giây nêu ở Retry-After",
            "Check the connection or make the file smaller, and send it again after the seconds of Retry-After",
        ),
        headers={"retry-after": "30"},
    )


def too_busy() -> Problem:
    """503: every place for an upload is taken."""
    return standard(503, {"retry-after": "5"})


def too_many_at_once() -> Problem:
    """429: one citizen sends too many files at the same time."""
    return Problem(
        429,
        "too-many-uploads",
        ("Ông/Bà đang tải lên quá nhiều tập tin cùng lúc", "Too many uploads of yours at the same time"),
        (
            "Chờ các tập tin đang tải lên xong rồi gửi lại",
            "Let the uploads under way end, then send this one again",
        ),
        headers={"retry-after": "5"},
    )


def too_many_in_draft() -> Problem:
    """429: the draft has as many files as it may have."""
    return Problem(
        429,
        "too-many-files-in-draft",
        ("Hồ sơ nháp đã có số tập tin tối đa cho phép", "The draft has as many files as it may have"),
        (
            "Nộp hồ sơ với các tập tin đã tải lên, hoặc lập bản nháp mới và gộp các trang vào ít tập tin hơn",
            "Submit with the files that are there, or begin a new draft and put the pages into fewer files",
        ),
    )


def too_many_today() -> Problem:
    """429: the citizen's files of the last 24 hours are as many as they may be."""
    return Problem(
        429,
        "too-many-files-today",
        ("Ông/Bà đã tải lên quá nhiều tập tin trong 24 giờ qua", "Too many files of yours in the last 24 hours"),
        (
            "Nộp hồ sơ với các tập tin đã tải lên, hoặc gửi lại vào ngày mai",
            "Submit with the files that are there, or send this one again tomorrow",
        ),
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
        (
            "Tập tin chưa được quét mã độc nên chưa thể mở",
            "The file was not scanned for malware, so nobody may read it",
        ),
        (
            "Thử lại sau khi bộ quét đã xác nhận tập tin sạch",
            "Try again when a scanner has called it clean: `verdict` of the attachment says so",
        ),
    )


def infected() -> Problem:
    """409: a scanner found something bad in it; it stays unreadable."""
    happened = ("Tập tin có mã độc nên không thể mở", "The file is infected and stays unreadable")
    to_do = ("Tải lên một bản sạch của tập tin", "Upload a clean copy of it")
    return Problem(409, "infected", happened, to_do)
