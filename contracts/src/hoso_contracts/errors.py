"""Why a record cannot be used; no error here ever holds a value that was sent."""


class BadRecord(Exception):
    """A record that cannot be used, now or on any later try: the decision it forces is to set it aside.

    Attributes:
        reason: What is wrong, by code and field path; never a value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotACloudEvent(BadRecord):
    """The record is no CloudEvent of these contracts.

    Attributes:
        code: What is wrong, such as "missing".
        field: Where: an attribute such as "id", or "key", "value", "content-type", "extension".
    """

    def __init__(self, code: str, field: str) -> None:
        super().__init__(f"{code}: {field}")
        self.code = code
        self.field = field


class UnknownMajor(BadRecord):
    """The event's type is known here, but only in another major version.

    Attributes:
        known: A version that is known, such as "hoso.dossier.submitted.v1".
    """

    def __init__(self, known: str) -> None:
        super().__init__(f"unknown major version, known is {known}")
        self.known = known


class TooLarge(BadRecord):
    """The data has more bytes than an event may have.

    Attributes:
        type: The event's type.
    """

    def __init__(self, event_type: str, limit: int) -> None:
        super().__init__(f"more than {limit} bytes of {event_type}")
        self.type = event_type


class WrongShape(BadRecord):
    """The data does not have the shape that its type promises.

    Attributes:
        type: The event's type.
        fields: Paths of what is wrong, such as "attachments.0.sha256"; "$" is the data as a whole, "*" in a path
            a name that the sender chose.
    """

    def __init__(self, event_type: str, fields: tuple[str, ...]) -> None:
        super().__init__(f"wrong shape of {event_type}: {', '.join(fields)}")
        self.type = event_type
        self.fields = fields


class WrongTopic(WrongShape):
    """A known event on a topic that does not carry it.

    Attributes:
        belongs: The topic that carries it.
    """

    def __init__(self, event_type: str, belongs: str) -> None:
        super().__init__(event_type, ("topic",))
        self.belongs = belongs
