"""Full names as the register spells them: invented by frequency, in Unicode NFC; no list of real people is used."""

import re
import unicodedata
from typing import Final

from hoso_population_mock.draw import Draw, weighted
from hoso_population_mock.numbers import Gender

_FAMILY: Final = weighted(
    """Nguyễn 315, Trần 109, Lê 89, Phạm 59, Hoàng 30, Huỳnh 21, Vũ 27, Võ 22, Phan 28, Trương 22, Bùi 21, Đặng 19, Đỗ
    19, Ngô 17, Hồ 15, Dương 14, Đinh 10, Đoàn 9, Lâm 9, Mai 8, Trịnh 8, Đào 7, Cao 7, Lý 7, Hà 7, Lưu 6, Lương 6,
    Thái 4, Châu 4, Tạ 4, Phùng 4, Tô 4, Vương 3, Văn 3, Tăng 3, Quách 3, Lại 2, Hứa 2, Thạch 2, Diệp 2, Từ 2, Chu 2,
    La 2, Đàm 2, Tống 2, Giang 2, Chung 2, Triệu 2, Kiều 2, Hồng 2, Trang 2, Đồng 2, Danh, Lư, Lữ, Thân, Kim, Mã,
    Bạch, Liêu, Tiêu, Dư, Âu, Tôn, Khưu, Nghiêm, Lục, Phương, Mạc, Lai, Khổng, Nông, Vi, Sầm, Bế, Quàng, Cầm, Cà, Ông,
    Ngụy, Lò 2"""
)
_MIDDLE: Final[dict[Gender, tuple[str, ...]]] = {
    "male": weighted(
        """Văn 200, Hữu 40, Đức 40, Minh 35, Công 30, Quang 30, Thanh 25, Quốc 25, Ngọc 25, Xuân 25, Đình 25, Hoàng
        20, Anh 15, Tuấn 12, Thành 12, Trọng 12, Tiến 12, Gia 12, Mạnh 12, Viết 8, Duy 8, Bá 8, Nhật 8, Trung 8, Thế
        8, Phúc 5, Hồng 5, Khắc 5, Sỹ 4, Doãn 3, Cảnh 3, Tấn 5, Vĩnh 3, Chí 5, Kỳ, Thiện 2, Bảo 5, Hải 4, Tự, Ngũ, Tử,
        Thuỵ, Phước 3, Như 2"""
    ),
    "female": weighted(
        """Thị 330, Ngọc 50, Thu 30, Thanh 30, Minh 25, Phương 25, Kim 20, Hồng 20, Thùy 18, Bích 15, Mỹ 15, Quỳnh 12,
        Khánh 10, Diệu 8, Tuyết 8, Hoài 8, Cẩm 8, Ánh 7, Xuân 8, Mai 8, Lan 6, Như 8, Thúy 10, Yến 6, Trúc 5, Bảo 8,
        Nhã 4, Hải 4, Vân 5, Thảo 5, Tường 3, Tố 2, Đan 3, Ái 2, Huyền 4, Lệ 4, Nguyệt 3, Ý, Quế, Thục 2, Uyển, Hạ"""
    ),
}
_GIVEN: Final[dict[Gender, tuple[str, ...]]] = {
    "male": weighted(
        """Hùng 30, Dũng 28, Tuấn 28, Anh 25, Minh 25, Nam 22, Hải 20, Long 20, Cường 20, Thắng 20, Đức 18, Sơn 18,
        Hoàng 18, Huy 18, Khánh 14, Phúc 14, Hiếu 14, Trung 14, Tùng 14, Bình 14, Quân 12, Khoa 12, Đạt 12, Kiên 12,
        Thành 16, Tâm 10, Tài 10, Phong 10, Phước 8, Vinh 10, Lâm 10, Hòa 10, Toàn 10, Nghĩa 10, Thịnh 8, Lộc 8, Việt
        8, Duy 8, Trí 8, Nhân 8, Quang 10, Thiện 6, An 8, Bảo 8, Khang 8, Tiến 8, Mạnh 8, Chiến 6, Hậu 5, Thọ 4, Lợi
        5, Quý 5, Kỳ 4, Vũ 6, Vỹ 3, Sỹ 3, Nhật 4, Tấn 4, Hữu 2, Hiển 3, Thuận 5, Tú 6, Tuyên 3, Thái 6, Chương 3, Đông
        4, Giang 4, Giáp 2, Khôi 5, Luân 3, Linh 4, Mẫn 2, Ngọc 4, Phát 5, Phú 4, Sang 5, Tân 3, Thông 4, Thạch 2,
        Thức, Tự, Trọng 3, Trường 5, Tường 2, Văn 3, Xuân 2, Cảnh 2, Dưỡng, Đẳng, Điền 2, Độ, Cử, Hạnh, Khải 3, Kỷ,
        Ngữ, Nghị 2, Quỳnh, Thưởng, Thụy 2, Thuần 2, Tỵ, Ước, Vượng 3, Ý, Học, Lượng, Đoàn, Sửu, Tỉnh, Dậu, Mão, Tuất,
        Hợi, Thìn, Tẩu, Lũy, Hỷ, Nhẫn, Cẩn, Thụ, Thử, Tuệ, Ổn, Xoài, Sỏi, Cò, Út 2, Đỏ, Mỡ, Nỡ, Trụ"""
    ),
    "female": weighted(
        """Hương 28, Lan 26, Hoa 24, Hằng 22, Thảo 22, Linh 24, Trang 24, Anh 26, Ngọc 20, Thủy 20, Hà 20, Mai 20, Nga
        18, Phương 20, Hạnh 16, Dung 16, Yến 16, Vân 16, Hiền 16, Thu 14, Loan 14, Nhung 14, Oanh 12, Tuyết 12, Hồng
        14, Huệ 12, Liên 12, Thanh 14, Hòa 12, Thúy 12, Trinh 10, Nhi 12, Vy 12, My 8, Quỳnh 10, Ngân 12, Hân 8, Châu
        8, Chi 10, Diễm 6, Diệp 5, Duyên 8, Giang 8, Hậu 6, Hoài 5, Huyền 12, Khánh 4, Kiều 5, Lệ 5, Lý 4, Mỹ 8, Minh
        6, Nguyệt 8, Như 6, Phượng 10, Quế 3, Quyên 8, Tâm 8, Thắm 4, Thơ 4, Thoa 4, Thùy 8, Thư 8, Tiên 6, Trâm 8,
        Trúc 6, Tú 4, Uyên 8, Xuân 6, Ánh 6, Bích 6, Cúc 4, Đào 4, Lành 2, Lụa 2, Gái 3, Bé 3, Út 2, Nở, Sen 2, Mận,
        Nụ, Bưởi, Chữ, Sẽ, Vẻ, Nhẹ, Hè, Sẵn, Hẳng, Kể, Tẻo, Lẫm, Ngữ, Thể, Mỵ, Tý 2, Ý 2, Ỷ, Mẹo, Bảy 2, Chín, Sáu,
        Mười, Ẩn, Cẩm, Khoẻ, Hợi, Thuỷ, Quy, Tình, Nhã, Hỉ, Tỵ, Rớt, Đủ, Thừa, Bướm, Én, Yêu, Vẽ"""
    ),
}
_HIGHLAND: Final[dict[Gender, tuple[str, ...]]] = {
    "male": weighted(
        """Y Wăn Niê, Y Ƀhŏk Mlô, Y Čuôr Êban, Y Blô̆ Ayŭn, Y Jŭ Kđăm, Y Ñuê̆ Buôn Krông, Y Thŭn Ƀkrông, Y Khŭp Kbuôr,
        Siu Hồng, Rơ Châm Pyưh, Kpă Jêk, Ksor Wơ̆, Rơ Mah Bŏr, Nay Ƀlik, A Tũi, A Brŏk, Đinh Jrang, Đinh Ƀưh, K'Brĕ,
        K'Ñhŏi, Bơ Nahria Jơi, Hồ Văn Pỉn, Alăng Zơn, Zơrâm Bhlĭng, Bling Mia, Giàng A Páo, Sùng A Dơ, Vàng Seo Mìn,
        Thào A Pó, Lò Văn Pâng, Thạch Sô Phol, Kim Som Nang, Danh Sóc Khol, Chamaléa Fương"""
    ),
    "female": weighted(
        """H'Wen Niê, H'Ƀlăk Êban, H'Čăm Mlô, H Ñĭm Ayŭn, H Jŭk Kđăm, H'Ô̆ Buôn Krông, Hơ Jưn Ƀkrông, Siu H'Ñen, Rơ
        Châm H'Yŏ, Kpă H'Wơ̆n, Ksor H'Jê̆, Rah Lan H'Zen, Nay H'Ƀup, Y Nhĭt, Y Ƀŏng, Ka Ñrĕn, Ka Jă, Hơ Wĕ Sŭk, Alăng
        Thị Fơ, Zơrâm Thị Jơng, Giàng Thị Mỷ, Sùng Thị Dợ, Vàng Thị Pằng, Lò Thị Ưởng, Thạch Thị Sà Rương, Kim Thị Sô
        Phi, Neáng Sóc Wane"""
    ),
}
_ONE_WORD: Final = ("Sang", "Đen", "Ƀlŭ", "Pơ̆n", "Hrĭn", "Ñŏ", "Lụa", "Păh", "Zơng", "Jưm", "Út", "Mới")

_MIDDLE_COUNTS: Final = (0,) * 8 + (1,) * 72 + (2,) * 18 + (3,) * 2
_TONES: Final = "\u0300\u0301\u0309\u0303\u0323"


def _syllables() -> dict[str, str]:
    pairs: dict[str, str] = {}
    for first, last in ("oa", "oe", "uy", "Oa", "Oe", "Uy", "OA", "OE", "UY"):
        for tone in _TONES:
            on_first = unicodedata.normalize("NFC", first + tone + last)
            pairs[on_first] = unicodedata.normalize("NFC", first + last + tone)
    return pairs


_ON_LAST: Final = _syllables()
_ON_FIRST: Final = {on_last: on_first for on_first, on_last in _ON_LAST.items()}
_OPEN: Final = "(?<![qQ])(?:{})(?!\\w)"
_WITH_TONE_ON_FIRST: Final = re.compile(_OPEN.format("|".join(_ON_LAST)))
_WITH_TONE_ON_LAST: Final = re.compile(_OPEN.format("|".join(_ON_FIRST)))


def full_name(draw: Draw, gender: Gender) -> str:
    """Return a full name of one to five words in NFC, with the tone of "hòa" on the first or on the last vowel."""
    if draw.chance(1):
        name = draw.pick(_ONE_WORD)
    elif draw.chance(20):
        name = draw.pick(_HIGHLAND[gender])
    else:
        name = _common_name(draw, gender)
    name = unicodedata.normalize("NFC", name)
    return tone_on_last_vowel(name) if draw.chance(400) else tone_on_first_vowel(name)


def tone_on_last_vowel(text: str) -> str:
    """Spell the open syllables oa, oe, uy as "hoà", "khoẻ", "thuỷ"; the text is NFC. "Quý" has no other spelling."""
    return _WITH_TONE_ON_FIRST.sub(lambda match: _ON_LAST[match[0]], text)


def tone_on_first_vowel(text: str) -> str:
    """Spell the open syllables oa, oe, uy as "hòa", "khỏe", "thủy"; the text is NFC. "Quý" has no other spelling."""
    return _WITH_TONE_ON_LAST.sub(lambda match: _ON_FIRST[match[0]], text)


def _common_name(draw: Draw, gender: Gender) -> str:
    words = [draw.pick(_FAMILY)]
    for _ in range(draw.pick(_MIDDLE_COUNTS)):
        words.append(_other_than(words, draw, _MIDDLE[gender]))
    words.append(_other_than(words, draw, _GIVEN[gender]))
    return " ".join(words)


def _other_than(words: list[str], draw: Draw, choices: tuple[str, ...]) -> str:
    """Pick a word that does not repeat the name's last one ("Ngọc Ngọc"), as parents do."""
    word = draw.pick(choices)
    return draw.pick(choices) if word == words[-1] else word
