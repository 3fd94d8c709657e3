"""The words of the problems that every service has, in Vietnamese and English: what happened, and what to do."""

from collections.abc import Mapping
from typing import Final

Words = tuple[str, str]
"""The same in Vietnamese and in English."""

SEE_DESCRIPTION: Final[Words] = (
    "Phần mềm gửi yêu cầu cần theo đúng mô tả API (openapi.json)",
    "Send what the API's description (openapi.json) says",
)
STANDARD: Final[Mapping[int, tuple[str, Words, Words]]] = {
    400: (
        "malformed-request",
        ("Yêu cầu không đúng định dạng", "The request is malformed"),
        (
            "Gửi HTTP/1.1 và JSON (RFC 8259) hợp lệ, mã hóa UTF-8, lồng không quá 200 cấp, không có ký tự NUL",
            "Send valid HTTP/1.1 and JSON (RFC 8259): UTF-8, at most 200 levels deep, no NUL, NaN or lone surrogate",
        ),
    ),
    401: (
        "token-missing",
        ("Cần đăng nhập để thực hiện yêu cầu này", "An access token is needed"),
        (
            "Đăng nhập rồi gửi lại yêu cầu kèm tiêu đề Authorization: Bearer",
            "Sign in and send it again with the header Authorization: Bearer and the token",
        ),
    ),
    403: (
        "forbidden",
        ("Ông/Bà không có quyền thực hiện việc này", "This is not allowed to you"),
        ("Sử dụng tài khoản có quyền thực hiện việc này", "Use an account that is allowed to do it"),
    ),
    404: (
        "not-found",
        ("Không tìm thấy nội dung được yêu cầu", "There is nothing here"),
        (
            "Kiểm tra lại địa chỉ, mã và tài khoản: nội dung của người khác cũng được trả lời như vậy",
            "Check address, code and account: what is somebody else's is answered in the same way",
        ),
    ),
    405: (
        "method-not-allowed",
        ("Phương thức không được hỗ trợ", "The method is not supported here"),
        ("Dùng một phương thức nêu ở tiêu đề Allow", "Use one of the methods in the Allow header"),
    ),
    408: (
        "request-timeout",
        ("Yêu cầu gửi lên quá chậm", "The request took too long to arrive"),
        (
            "Kiểm tra kết nối mạng rồi gửi lại: chưa có gì được lưu",
            "Check the connection and send it again: nothing was kept",
        ),
    ),
    409: (
        "conflict",
        ("Yêu cầu không phù hợp với trạng thái hiện tại", "The current state does not allow this"),
        ("Tải lại để xem trạng thái hiện tại", "Load it again to see how it stands"),
    ),
    412: (
        "version-changed",
        ("Nội dung đã thay đổi sau lần xem gần nhất", "It has changed since it was last seen"),
        (
            "Tải lại, xem thay đổi rồi gửi lại với If-Match là ETag mới",
            "Load it again, look at what changed, and send it with the new ETag as If-Match",
        ),
    ),
    413: (
        "body-too-large",
        ("Nội dung gửi lên vượt quá dung lượng cho phép", "The body is too large"),
        ("Rút gọn nội dung rồi gửi lại", "Send less: 64 KiB, where a route's description names no other limit"),
    ),
    415: (
        "unsupported-media-type",
        ("Kiểu nội dung không được hỗ trợ", "The media type is not supported here"),
        (
            "Gửi với một Content-Type nêu trong mô tả API của chức năng này",
            "Send one of the media types that the API's description lists for the route",
        ),
    ),
    422: (
        "invalid-request",
        ("Thông tin gửi lên chưa hợp lệ", "What was sent is not valid"),
        (
            "Sửa từng mục nêu trong errors rồi gửi lại: chưa có gì được lưu",
            "Mend each field that errors lists and send it again: nothing was kept",
        ),
    ),
    428: (
        "if-match-missing",
        ("Thiếu tiêu đề If-Match", "The If-Match header is missing"),
        (
            "Đọc nội dung trước rồi gửi lại với If-Match là ETag nhận được",
            "Read it first, and send the ETag that came with it as If-Match",
        ),
    ),
    429: (
        "too-many-requests",
        ("Quá nhiều yêu cầu", "Too many requests"),
        (
            "Chờ số giây nêu ở tiêu đề Retry-After rồi gửi lại",
            "Wait as many seconds as the Retry-After header says, then send it again",
        ),
    ),
    431: (
        "headers-too-large",
        ("Phần tiêu đề của yêu cầu quá lớn", "The request's headers are too large"),
        (
            "Bớt tiêu đề hoặc cookie: tối đa 32 KiB cùng với dòng yêu cầu",
            "Send fewer headers or cookies: at most 32 KiB together with the request line",
        ),
    ),
    500: (
        "internal-error",
        ("Hệ thống gặp lỗi", "Something is wrong here"),
        (
            "Thử lại sau; nếu vẫn lỗi, báo cho đơn vị vận hành mã trace_id",
            "Try again later; if it goes on, tell the operator the trace_id",
        ),
    ),
    503: (
        "unavailable",
        ("Dịch vụ tạm thời chưa sẵn sàng", "Not available now"),
        (
            "Gửi lại sau số giây nêu ở Retry-After, với cùng Idempotency-Key nếu có",
            "Send it again after the seconds of Retry-After, with the same Idempotency-Key if it had one",
        ),
    ),
}
"""Slug, what happened and what to do, by status."""

FIELD: Final[Mapping[str, Words]] = {
    "missing": ("Thiếu thông tin bắt buộc", "This is required"),
    "extra_forbidden": ("Có thông tin không được chấp nhận", "An unknown field is not accepted"),
    "string_too_long": ("Quá dài", "Too long"),
    "string_too_short": ("Quá ngắn", "Too short"),
    "string_pattern_mismatch": ("Không đúng mẫu", "Not of the right form"),
}
ANY_FIELD: Final[Words] = ("Giá trị không hợp lệ", "Not a valid value")
"""What is wrong with a field, by pydantic's name for it."""
