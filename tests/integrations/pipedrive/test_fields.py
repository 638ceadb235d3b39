"""What may meet what between our fields and Pipedrive's."""

from itertools import product

import pytest

from integrations.pipedrive import fields
from integrations.pipedrive.fields import DEFAULTS, KIND_WORDS, STANDARD, TYPES, fit

# Section 6.4 of the manual, row by row, and the fields of 6.5 with their types.
MAPPING = {
    "email": "Email",
    "first_name": "First Name",
    "last_name": "Last Name",
    "phone": "Phone",
    "traits.total_spend": "LTV",
    "traits.last_purchase_date": "Last Purchase",
    "lifecycle_stage": "Label",
}
ATTRIBUTION = {
    "Stratum - Ad Platform": "varchar",
    "Stratum - Campaign": "varchar",
    "Stratum - First Touch Source": "varchar",
    "Stratum - Attribution Revenue": "monetary",
}
KIND_OF = {
    "traits.total_spend": "money",
    "traits.attributed_revenue": "money",
    "traits.last_purchase_date": "date",
    "traits.last_touch_platform": "text",
    "traits.last_touch_campaign": "text",
    "traits.first_touch_source": "text",
}


def test_the_default_mapping_is_the_manuals():
    shown = {each.local: each.remote_name for each in DEFAULTS}
    assert MAPPING.items() <= shown.items()
    assert ATTRIBUTION.items() <= {each.remote_name: each.remote_type for each in DEFAULTS}.items()


def test_contact_fields_go_both_ways_and_the_newest_wins():
    both = {each.local for each in DEFAULTS if each.direction == "both"}
    assert both == {"email", "first_name", "last_name", "phone"}
    assert {each.rule for each in DEFAULTS if each.direction == "both"} == {"newest"}
    assert {each.rule for each in DEFAULTS if each.direction != "both"} == {"stratum_wins"}


@pytest.mark.parametrize("each", DEFAULTS, ids=lambda each: each.local)
def test_every_default_fits_without_loss(each):
    kind = KIND_OF.get(each.local) or fields.OWN[each.local][1]
    assert fit(kind, each.remote_type, code=each.code).verdict == "fits"
    assert each.direction in fields.directions(each.local, code=each.code)


def test_there_are_sixteen_types():
    assert len(TYPES) == 16


@pytest.mark.parametrize(("kind", "written"), list(product(KIND_WORDS, TYPES)))
def test_every_pair_has_a_verdict_with_its_reason(kind, written):
    verdict = fit(kind, written)
    assert verdict.sentence or verdict.verdict == "fits"


@pytest.mark.parametrize("code", STANDARD)
def test_standard_fields_take_only_their_own_kind(code):
    taken = {kind for kind in KIND_WORDS if not fit(kind, "varchar", code=code).refused}
    assert taken == set(STANDARD[code].kinds)


@pytest.mark.parametrize(
    ("kind", "written", "word"),
    [
        ("date", "monetary", "Monetary cannot hold a date"),
        ("text", "double", "Numerical cannot hold text"),
        ("money", "people", "another person"),
        ("text", "colour", "does not know"),
    ],
)
def test_a_refusal_says_why(kind, written, word):
    verdict = fit(kind, written)
    assert verdict.refused
    assert word in verdict.sentence


def test_money_in_a_number_field_loses_its_currency():
    assert "currency" in fit("money", "double").sentence


@pytest.mark.parametrize("local", ["traits.total_spend", "lifecycle_stage", "id", "created_at"])
def test_what_stratum_computes_is_never_pulled(local):
    assert fields.directions(local) == ("to_pipedrive",)


def test_attributes_go_where_one_wants():
    assert set(fields.directions("attributes.company")) == {"both", "to_pipedrive", "from_pipedrive"}


def test_labels_are_only_written():
    assert fields.directions("first_name", code="label_ids") == ("to_pipedrive",)
