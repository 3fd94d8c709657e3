"""What can be wrong with answers and receipts, by stable code, and the words for it; never a value."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong.

    Attributes:
        pointer: JSON Pointer (RFC 6901), only with names that the form or the API documents.
        code: a key of `WORDS`.
    """

    pointer: str
    code: str

    @property
    def words(self) -> tuple[str, str]:
        """What is wrong, in Vietnamese and in English."""
        return WORDS.get(self.code, WORDS["invalid"])


WORDS: Final = {
    # the form
    "missing": ("Thiếu thông tin bắt buộc", "This is required"),
    "unknown-field": ("Có thông tin không thuộc tờ khai này", "There is a field that the form does not have"),
    "wrong-type": ("Kiểu dữ liệu không đúng", "Not the right type of value"),
    "not-a-choice": ("Không thuộc danh sách lựa chọn", "Not one of the choices"),
    "not-a-date": ("Không phải ngày hợp lệ (năm-tháng-ngày)", "Not a date of the calendar (yyyy-mm-dd)"),
    "too-short": ("Quá ngắn", "Too short"),
    "too-long": ("Quá dài", "Too long"),
    "wrong-form": ("Không đúng mẫu", "Not of the right form"),
    "forbidden-character": (
        "Có ký tự không được dùng: ký tự ẩn, ký tự điều khiển, xuống dòng, hoặc chữ viết từ phải sang trái",
        "A character that may not be used: hidden, control, line end, or written from right to left",
    ),
    "wrong-marks": (
        "Có chữ mang quá nhiều dấu, hoặc có dấu không đứng sau chữ nào",
        "Too many marks on one letter, or a mark without a letter",
    ),
    "compatibility-character": (
        "Có chữ ghép, chữ toàn khổ hoặc chữ kiểu, xin gõ lại bằng chữ thường dùng",
        "A ligature, full-width or styled letter: type plain letters",
    ),
    "too-few": ("Cần chọn ít nhất một mục", "Choose at least one"),
    "too-many": ("Quá nhiều mục", "Too many items"),
    "repeated": ("Có mục bị lặp lại", "An item is repeated"),
    "must-be-accepted": (
        "Cần xác nhận chịu trách nhiệm trước pháp luật về lời khai",
        "You must accept responsibility for the declaration",
    ),
    "invalid": ("Giá trị không hợp lệ", "Not a valid value"),
    # the identity
    "date-in-future": ("Ngày này ở tương lai", "This date is in the future"),
    "date-too-early": ("Ngày này quá xa trong quá khứ", "This date is too far in the past"),
    "identity-number-length": ("Số định danh cá nhân phải có 12 chữ số", "An identity number has 12 digits"),
    "identity-number-place": (
        "Ba chữ số đầu của số định danh không phải mã nơi đăng ký khai sinh được chấp nhận",
        "The first three digits are not a place of birth registration accepted here",
    ),
    "identity-number-birth-year": (
        "Số định danh không khớp với năm sinh đã khai",
        "The number does not agree with the declared year of birth",
    ),
    "identity-number-gender": (
        "Số định danh không khớp với giới tính đã khai",
        "The number does not agree with the declared gender",
    ),
    # the stay
    "period-not-positive": ("Ngày kết thúc phải sau ngày bắt đầu", "The last day must be after the first"),
    "period-before-birth": ("Ngày bắt đầu trước ngày sinh", "The first day is before the date of birth"),
    "period-too-long": (
        "Thời hạn tạm trú tối đa là 02 năm (Luật Cư trú 2020, Điều 27)",
        "Temporary residence is at most two years (Law on Residence 2020, article 27)",
    ),
    # where to tell
    "email-invalid": ("Địa chỉ thư điện tử không hợp lệ", "Not a valid e-mail address"),
    "phone-invalid": ("Không phải số điện thoại di động Việt Nam", "Not a mobile number of Viet Nam"),
    "phone-moved": (
        "Số di động 11 chữ số đã chuyển sang 10 chữ số từ năm 2018, xin nhập số theo đầu số mới",
        "Eleven-digit mobile numbers became ten-digit ones in 2018: give the number as it is now",
    ),
    # receipts
    "receipt-forged": (
        "Biên nhận tập tin không hợp lệ hoặc không do hệ thống cấp",
        "The receipt is malformed or was not issued here",
    ),
    "receipt-expired": (
        "Biên nhận tập tin đã hết hạn, xin tải tập tin lên lại",
        "The receipt has expired: upload again",
    ),
    "receipt-of-other-draft": ("Biên nhận tập tin thuộc một hồ sơ khác", "The receipt belongs to another draft"),
    "receipt-of-other-person": ("Biên nhận tập tin thuộc người khác", "The receipt belongs to another person"),
    "receipt-of-other-component": (
        "Thành phần hồ sơ này không có trong thủ tục",
        "The procedure has no such component",
    ),
    "receipt-repeated": ("Tập tin đính kèm bị lặp lại", "The attachment is given twice"),
    "component-missing": ("Thiếu giấy tờ bắt buộc của thành phần hồ sơ", "A mandatory paper is missing"),
    # readiness
    "identity-awaited": (
        "Đang chờ đối chiếu với Cơ sở dữ liệu quốc gia về dân cư",
        "The population register has not answered yet",
    ),
    "identity-rejected": (
        "Thông tin nhân thân không khớp với Cơ sở dữ liệu quốc gia về dân cư",
        "The declared identity does not match the population register",
    ),
    "attachment-awaited": ("Giấy tờ đính kèm đang chờ quét mã độc", "An attachment waits to be scanned for malware"),
    "attachment-not-scanned": (
        "Giấy tờ đính kèm chưa được quét mã độc vì hệ thống chưa có bộ quét",
        "The attachments have not been scanned for malware: there is no scanner yet",
    ),
    "attachment-unusable": ("Có giấy tờ không sử dụng được", "An attachment cannot be used"),
}
