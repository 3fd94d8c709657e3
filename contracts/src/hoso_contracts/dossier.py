"""What the service dossier says: the public life of a dossier, and its requests to identity and notify."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BeforeValidator, FailFast, Field, StringConstraints

from hoso_contracts.event import Event, Message, Sha256, Text, Token
from hoso_contracts.instant import Instant, IsoDate
from hoso_contracts.personal_data import Personal

STATUSES = {
    1: "Mới đăng ký",
    2: "Được tiếp nhận",
    3: "Không được tiếp nhận",
    4: "Đang xử lý",
    5: "Yêu cầu bổ sung giấy tờ",
    6: "Yêu cầu thực hiện nghĩa vụ tài chính",
    7: "Công dân yêu cầu rút hồ sơ",
    8: "Dừng xử lý",
    9: "Đã xử lý xong",
    10: "Đã trả kết quả",
}
"""The ten dossier statuses ("trạng thái hồ sơ") that the national portal's status update uses (`TrangThai`)."""

_STATUS_LIST = "; ".join(f"{number} “{name}”" for number, name in STATUSES.items())

PreviousStatus = Annotated[
    int,
    Field(
        ge=1, le=10, description=f"The status before this move, as the national portal numbers them: {_STATUS_LIST}."
    ),
]


def _refuse_true(value: object) -> object:
    """Python holds true for equal to 1, JSON does not."""
    if value is True:
        raise ValueError("a truth value is no number")
    return value


class AttachmentReference(Message):
    """One paper of a dossier, by id and content hash; its file name is not part of any event."""

    attachment_id: Annotated[UUID, Field(description="The attachment in the service storage.")]
    component: Annotated[
        Token,
        Field(
            description="Which component of the procedure it serves, such as `proof-of-dwelling`. Open value: the "
            "procedure catalogue grows."
        ),
    ]
    sha256: Annotated[
        Sha256, Field(description="SHA-256 of the content as uploaded, 64 lower-case hexadecimal digits.")
    ]


class DossierEvent(Event):
    """What all public events of a dossier say."""

    topic: ClassVar[str] = "dossier.lifecycle.v1"

    code: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Z][0-9]{2}(\.[0-9]{2,3}){2,3}-[0-9]{6}-[0-9]{4,9}$", max_length=40),
        Field(
            description="The dossier's code (“mã hồ sơ”) that people read, such as `G01.999.000.000-261124-0001`: "
            "issuing prefix, "
            "day of submission in Viet Nam (yymmdd), number of that day (four digits or more). Unique and unchanging; "
            "treat it as opaque and never route by its prefix, which is not the handling agency."
        ),
    ]
    procedure: Annotated[
        Token,
        Field(description="Code of the procedure in the national catalogue, such as `1.004194` (temporary residence)."),
    ]
    case: Annotated[
        Token,
        Field(
            description="Code of the case (“trường hợp”) of the procedure that was chosen. Open value: see the "
            "procedure catalogue."
        ),
    ]
    agency: Annotated[Token, Field(description="Code of the agency that the dossier is addressed to.")]


class DossierSubmitted(DossierEvent):
    """A citizen submitted a dossier and holds its code. Status 1, “Mới đăng ký”."""

    type: ClassVar[str] = "hoso.dossier.submitted.v1"

    status: Annotated[
        Literal[1],
        BeforeValidator(_refuse_true),
        Field(description="The status after this event: always 1, “Mới đăng ký”."),
    ] = 1
    channel: Annotated[
        Token,
        Field(
            description="How the dossier came in: `online`, `direct` (at the counter), `post` (public postal "
            "service). Open value."
        ),
    ]
    submitted_at: Annotated[Instant, Field(description="When it was submitted, UTC.")]
    attachments: Annotated[
        tuple[AttachmentReference, ...],
        FailFast(),  # one wrong reference is told of: 64 KiB have room for 45,000 wrong fields, a megabyte of paths
        Field(max_length=200, description="The papers submitted with it, at most 200; empty when the case needs none."),
    ]


class DossierAccepted(DossierEvent):
    """An officer accepted the dossier. Status 2, “Được tiếp nhận”."""

    type: ClassVar[str] = "hoso.dossier.accepted.v1"

    status: Annotated[Literal[2], Field(description="The status after this event: always 2, “Được tiếp nhận”.")] = 2
    previous_status: PreviousStatus
    accepted_at: Annotated[Instant, Field(description="When it was accepted, UTC.")]
    due_at: Annotated[
        Instant,
        Field(
            description="When the result is due, as a UTC instant, because terms of half a day and of one hour "
            "exist. Show it in Asia/Ho_Chi_Minh."
        ),
    ]
    receipt: Annotated[
        Token,
        Field(
            description="Form number of the receipt issued: `CT04` (“Phiếu tiếp nhận hồ sơ và hẹn trả kết quả”). "
            "Open value."
        ),
    ]


class DossierRefused(DossierEvent):
    """The dossier was refused. Status 3, “Không được tiếp nhận”; nothing follows it."""

    type: ClassVar[str] = "hoso.dossier.refused.v1"

    status: Annotated[
        Literal[3], Field(description="The status after this event: always 3, “Không được tiếp nhận”.")
    ] = 3
    previous_status: PreviousStatus
    refused_at: Annotated[Instant, Field(description="When it was refused, UTC.")]
    reason: Annotated[
        Token,
        Field(
            description="Why, coarsely: `not-eligible`. Open value; details stay with the agency that handles the "
            "dossier."
        ),
    ]
    receipt: Annotated[
        Token,
        Field(
            description="Form number of the receipt issued: `CT06` (“Phiếu từ chối tiếp nhận, giải quyết hồ sơ”). "
            "Open value."
        ),
    ]


class DossierSupplementRequested(DossierEvent):
    """The citizen is asked for more papers. Status 5, “Yêu cầu bổ sung giấy tờ”."""

    type: ClassVar[str] = "hoso.dossier.supplement-requested.v1"

    status: Annotated[
        Literal[5], Field(description="The status after this event: always 5, “Yêu cầu bổ sung giấy tờ”.")
    ] = 5
    previous_status: PreviousStatus
    requested_at: Annotated[Instant, Field(description="When the supplement was asked for, UTC.")]
    reason: Annotated[
        Token, Field(description="Why, coarsely: `attachment-unusable` (infected, or its content is gone). Open value.")
    ]
    receipt: Annotated[
        Token,
        Field(
            description="Form number of the receipt issued: `CT05` (“Phiếu hướng dẫn bổ sung, hoàn thiện hồ sơ”). "
            "Open value."
        ),
    ]


class IdentityVerificationRequested(Event):
    """A command to identity: compare these three values with the population register."""

    type: ClassVar[str] = "hoso.identity.verification-requested.v1"
    topic: ClassVar[str] = "identity.verification-requests.v1"

    verification_id: Annotated[
        UUID,
        Field(
            description="This question. Asked again with the same id it gets the same answer; the answer repeats it."
        ),
    ]
    identity_number: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9]{12}$"),
        Personal("identity"),
        Field(description="The personal identification number (“số định danh cá nhân”), 12 digits."),
    ]
    full_name: Annotated[
        Text,
        Personal("identity"),
        Field(description="Family, middle and given name in one field (“họ, chữ đệm và tên”), as declared."),
    ]
    date_of_birth: Annotated[IsoDate, Personal("identity"), Field(description="Date of birth, ISO 8601 date.")]
    requested_at: Annotated[Instant, Field(description="When the question was first asked, UTC.")]

    @property
    def subject(self) -> UUID:
        """The verification."""
        return self.verification_id


class AttachmentCheckRequested(Event):
    """A command to storage: say again what is known of these papers, whose answer is overdue."""

    type: ClassVar[str] = "hoso.attachment.check-requested.v1"
    topic: ClassVar[str] = "attachment.check-requests.v1"

    attachments: Annotated[
        tuple[AttachmentReference, ...],
        FailFast(),
        Field(
            max_length=200,
            description="The papers of the dossier that have neither a verdict nor an end; as they were submitted.",
        ),
    ]
    requested_at: Annotated[Instant, Field(description="When it was asked this time, UTC.")]


class NotificationParameters(Message):
    """What a notification's template may print. No name and no number of a person."""

    dossier_code: Annotated[Token, Field(description="The dossier's code.")]
    procedure_code: Annotated[Token, Field(description="Code of the procedure.")]
    procedure_name: Annotated[Text, Field(description="Name of the procedure in Vietnamese.")]
    due_at: Annotated[
        Instant | None, Field(description="When the result is due, UTC; absent unless a due date exists.")
    ] = None
    reason: Annotated[
        Text | None,
        Field(
            repr=False,  # an officer's own words
            description="Why it was refused or what is missing, for the citizen to read; absent where there is no "
            "reason.",
        ),
    ] = None


class NotificationRequested(Event):
    """A command to notify: tell the citizen once, by one channel, about one occasion."""

    type: ClassVar[str] = "hoso.notification.requested.v1"
    topic: ClassVar[str] = "notification.requests.v1"

    notification_id: Annotated[
        UUID,
        Field(description="This notification: one per dossier, template, occasion and channel. The answer repeats it."),
    ]
    channel: Annotated[Token, Field(description="`email` or `sms`. Open value.")]
    template: Annotated[
        Token,
        Field(
            description="Which text to send: `dossier-submitted` (its newest version) or `dossier-submitted.v1` "
            "(that one). Open value."
        ),
    ]
    occasion: Annotated[
        Token,
        Field(description="What it is about: `submitted`, `accepted`, `refused`, `supplement-requested`. Open value."),
    ]
    recipient: Annotated[
        str,
        StringConstraints(pattern=r"^[^\x00-\x20\x7f]+$", max_length=320),
        Personal("contact"),
        Field(description="Where to send it: an e-mail address, or a mobile number, as `channel` says."),
    ]
    parameters: Annotated[NotificationParameters, Field(description="What the template may print.")]
    requested_at: Annotated[Instant, Field(description="When it was asked for, UTC.")]

    @property
    def subject(self) -> UUID:
        """The notification."""
        return self.notification_id
