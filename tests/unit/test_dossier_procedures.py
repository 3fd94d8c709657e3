"""The catalogue as data: what it promises holds in itself."""

from hoso_dossier.forms import Form
from hoso_dossier.procedures import Catalogue, catalogue
from hoso_dossier.residence import MOST_YEARS


def test_temporary_residence_is_as_the_national_catalogue_says() -> None:
    procedure = catalogue().current["1.004194"]
    assert procedure.name == "Đăng ký tạm trú"
    assert (procedure.term.amount, procedure.term.unit) == (3, "working-day")
    assert {fee.method: fee.amount for fee in procedure.fees} == {"direct": 15_000, "online": 7_000}
    assert procedure.mandatory_components == ("proof-of-dwelling",)
    assert procedure.minimum_assurance == 1
    assert MOST_YEARS == 2


def test_every_form_is_a_schema_and_offers_the_cases_of_its_procedure() -> None:
    for procedure in catalogue().current.values():
        Form(procedure.form)
        assert procedure.form["properties"]["case"]["enum"] == [case.code for case in procedure.cases]


def test_every_object_of_a_form_is_closed() -> None:
    """What a form does not know would be kept for ever without anybody knowing what it is."""
    for procedure in catalogue().current.values():
        objects = [procedure.form]
        while objects:
            schema = objects.pop()
            if schema.get("type") == "object":
                assert schema["additionalProperties"] is False
                objects += schema["properties"].values()


def test_the_newest_version_is_current_and_the_older_ones_stay() -> None:
    first = catalogue().current["1.004194"]
    second = first.model_copy(update={"version": 2})
    both = Catalogue(iter([second, first]))
    assert both.current["1.004194"] is second
    assert both.version("1.004194", 1) is first
