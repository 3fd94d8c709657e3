"""Permanent addresses in provinces that do not exist: they look Vietnamese and belong to nobody."""

from typing import Final

from hoso_population_mock.draw import Draw, weighted

PROVINCES: Final = (
    *("Bạch Dương", "Cẩm Hải", "Cửu Lĩnh", "Đại Ngàn", "Đông Vực", "Gia Thịnh", "Hải Triều", "Hồng Lĩnh Thượng"),
    *("Khánh Vân", "Kỳ Sơn Hạ", "Lạc Thủy Đông", "Lam Kiều", "Long Vĩ", "Minh Châu Hải", "Mộc Tuyền", "Nam Trấn"),
    *("Ngân Giang", "Ngọc Lũ Sơn", "Nhật Lệ Thượng", "Phù Vân", "Quế Lâm Nam", "Sa Bình", "Song Ngư", "Tân Uyển"),
    *("Thanh Vĩnh", "Thiên Trụ", "Thuận Hóa Tây", "Trấn Biên Thượng", "Trường Hải", "Tùng Hạ", "Vân Cẩm", "Viễn Châu"),
    "Xuân Đỉnh Hải",
)
"""One invented province for each synthetic code, in the order of the codes."""

_FIRST: Final = weighted(
    """An 3, Bình 3, Cẩm 2, Đại 2, Đông 3, Đức 2, Gia 2, Hải 2, Hòa 3, Hồng 2, Hưng 2, Khánh 2, Kim 2, Long 3, Mỹ 3,
    Nam 3, Nghĩa 2, Ngọc 2, Nhơn 2, Phú 4, Phước 4, Quảng 2, Sơn 2, Tân 5, Tây 2, Thạnh 2, Thanh 3, Thủy 2, Thượng 2,
    Tiên 2, Trường 2, Trung 2, Vạn 2, Vĩnh 4, Xuân 3, Yên 3, Ea, Ia, Đắk, Krông, Mường 2, Nậm 2, Chợ, Cái, Rạch, Bãi,
    Đồng 2"""
)
_LAST: Final = weighted(
    """Ẩn, Bắc 2, Bè, Cẩm, Châu 2, Chữ, Cỏ, Đẳng, Điền 2, Đỗ, Đỏ, Đông, Giang 2, Hạ 2, Hẽm, Hẹ, Hiệp 2, Hội 2, Hữu,
    Kỳ, Khê 2, Lãng, Lạc 2, Lẫm, Lễ, Lĩnh 2, Lộc 3, Lợi 2, Mễ, Mỡ, Mỹ 2, Nẵng, Nghĩa, Nhuận, Phong 2, Phụng, Quỳ, Sẻ,
    Sõi, Sở, Sơn 3, Thạnh 2, Thắng 2, Thọ 2, Thới 2, Thuận 2, Thượng 2, Trạch, Trị, Trũng, Tứ, Vệ, Vẽ, Vĩ, Vọng, Xẻo,
    Xá 2, Ưng, Ngữ, Sặt, Kẽm, Gỗ, Dừa, Ổi, Bưởi"""
)
_STREETS: Final = weighted(
    """Hoa Sữa 2, Bằng Lăng 2, Cây Khế, Bờ Kè 2, Giếng Nước, Nhà Thờ, Chợ Cũ 2, Bến Đò 2, Cầu Gỗ, Lò Rèn, Hàng Me, Lũy
    Tre, Suối Mơ, Ngõ Trúc, Đồi Sim, Ruộng Rươi, Hồ Sen 2, Cửa Sông, Kênh Mới 2, Tuổi Trẻ, Mùng Một, Độc Lập 2, Thống
    Nhất 2, Hữu Nghị, Đoàn Kết 2, Quyết Thắng, Vườn Ổi, Gò Mả, Xóm Củi, Lộ Tẻ, Đất Đỏ, Ngã Bảy, Sở Dầu"""
)
_HAMLETS: Final = weighted("Thôn 5, Ấp 4, Bản 2, Buôn, Xóm 3, Khóm, Làng, Tổ dân phố 2, Phum")
_RESIDES_WHERE_BORN: Final = 750


def permanent_address(draw: Draw, birth_province: int) -> str:
    """Return house, ward and province in the order they are written.

    Three in four live in the province of their identity number, the others in any: the number never says where
    somebody lives.
    """
    province = PROVINCES[birth_province] if draw.chance(_RESIDES_WHERE_BORN) else draw.pick(PROVINCES)
    place = f"{draw.pick(_FIRST)} {draw.pick(_LAST)}"
    if draw.chance(400):
        return f"{_house(draw)} đường {draw.pick(_STREETS)}, phường {place}, tỉnh {province}"
    return f"{draw.pick(_HAMLETS)} {_hamlet(draw)}, xã {place}, tỉnh {province}"


def _house(draw: Draw) -> str:
    number = 1 + draw.below(399)
    return f"Số {number}/{1 + draw.below(60)}" if draw.chance(250) else f"Số {number}"


def _hamlet(draw: Draw) -> str:
    return f"{draw.pick(_FIRST)} {draw.pick(_LAST)}" if draw.chance(500) else str(1 + draw.below(16))
