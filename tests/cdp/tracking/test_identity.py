"""By which values a message links, and which never do."""

import pytest

from cdp.tracking.identity import is_blocked, read_email, read_phone
from tests.cdp.tracking.story import accepted, identify, rejected, track

BLOCKED = [
    "",
    "   ",
    "null",
    "NULL",
    "undefined",
    "Undefined",
    "anonymous",
    "Anonymous",
    "0",
    "-1",
    "NaN",
    "nan",
    "[object Object]",
    "[OBJECT OBJECT]",
    "none",
    "nil",
    "true",
    "false",
    "guest",
    "unknown",
    "n/a",
    "distinct_id",
    "00000000-0000-0000-0000-000000000000",
    '"null"',
    "'undefined'",
    '""',
    '\\"NULL\\"',
    " `anonymous` ",
    "“null”",
    "(null)",
]


class TestBlockedValues:
    @pytest.mark.parametrize("value", BLOCKED)
    def test_they_never_link_in_any_case_or_quoting(self, value):
        assert is_blocked(value)
        message = accepted(track(userId=value, anonymousId="a1"))
        assert message.user_id is None
        assert message.identifiers == (("anonymous_id", "a1"),)

    @pytest.mark.parametrize("value", BLOCKED)
    def test_a_message_with_nothing_else_names_nobody(self, value):
        assert rejected(track(userId=value)).code == "missing_identity"
        assert rejected(track(userId=None, anonymousId=value)).code == "missing_identity"

    @pytest.mark.parametrize("value", ["1", "10", "-2", "nullable", "Anna Null", "guest-17", "00", "a"])
    def test_real_ids_are_not_caught(self, value):
        assert accepted(track(userId=value)).user_id == value

    @pytest.mark.parametrize("number", [0, -1, 0.0, -0.0, -1.0])
    def test_numbers_that_mean_nobody(self, number):
        assert rejected(track(userId=number)).code == "missing_identity"

    def test_they_stay_in_the_payload(self):
        message = accepted({"type": "identify", "userId": "u1", "traits": {"email": "null", "phone": "undefined"}})
        assert message.traits == {"email": "null", "phone": "undefined"}
        assert message.identifiers == (("user_id", "u1"),)


class TestIds:
    @pytest.mark.parametrize(("number", "text"), [(42, "42"), (42.0, "42"), (4.5, "4.5"), (2**63, str(2**63))])
    def test_numbers_become_text(self, number, text):
        message = accepted(track(userId=number, anonymousId=number))
        assert message.identifiers == (("user_id", text), ("anonymous_id", text))

    @pytest.mark.parametrize("value", [True, False, [], ["u1"], {}, {"id": "u1"}])
    def test_anything_else_is_refused(self, value):
        fault = rejected(track(userId=value))
        assert fault.code == "invalid_id"
        assert "userId" in fault.reason
        assert rejected(track(anonymousId=value)).code == "invalid_id"

    def test_a_number_that_lost_its_last_digits_would_join_strangers(self):
        assert rejected(track(userId=1.2345678901234568e22)).code == "invalid_id"

    def test_neither_id(self):
        fault = rejected({"type": "track", "event": "e"})
        assert fault.code == "missing_identity"
        assert "userId" in fault.reason

    def test_an_anonymous_id_alone_is_enough(self):
        message = accepted({"type": "track", "event": "e", "anonymousId": "a1"})
        assert (message.user_id, message.anonymous_id) == (None, "a1")

    def test_space_around_an_id_is_no_part_of_it(self):
        assert accepted(track(userId=" u1\n")).user_id == "u1"

    def test_255_characters_and_no_more(self):
        assert accepted(track(userId="ü" * 255)).user_id == "ü" * 255
        assert rejected(track(userId="u" * 256)).code == "id_too_long"
        assert rejected(track(anonymousId="u" * 256)).code == "id_too_long"


class TestEmails:
    def test_from_the_traits_of_an_identify(self):
        message = accepted(identify(email=" Alice@Example.COM "))
        assert message.identifiers == (("user_id", "u1"), ("email", "alice@example.com"))
        assert message.traits["email"] == "alice@example.com"

    def test_from_the_context_of_any_message(self):
        message = accepted(track(context={"traits": {"email": "Alice@example.com"}}))
        assert message.identifiers == (("user_id", "u1"), ("email", "alice@example.com"))

    def test_never_from_properties_where_it_may_be_a_friends(self):
        assert accepted(track(properties={"email": "bob@example.com"})).identifiers == (("user_id", "u1"),)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "alice",
            "@example.com",
            "alice@",
            "alice@localhost",
            "alice@example.",
            "a b@example.com",
            "alice@@example.com",
            "Alice <alice@example.com>",
            "a@example.com,b@example.com",
            "a" * 250 + "@example.com",
            17,
            True,
            None,
            ["alice@example.com"],
            {"value": "alice@example.com"},
        ],
    )
    def test_the_implausible_stays_in_the_payload_and_never_links(self, value):
        message = accepted(identify(email=value))
        assert message.identifiers == (("user_id", "u1"),)
        assert message.traits == {"email": value}

    @pytest.mark.parametrize(
        "value", ["a@b.co", "first.last+tag@sub.example.co.uk", "müller@exämple.de", "o'neil@x.ie"]
    )
    def test_the_plausible_links(self, value):
        assert read_email(value) == value


class TestPhones:
    @pytest.mark.parametrize(
        ("written", "country", "e164"),
        [
            ("+49 171 2345678", "", "+491712345678"),
            ("0171 / 234 56 78", "DE", "+491712345678"),
            ("0171 2345678", "de", "+491712345678"),
            ("(415) 555-2671", "US", "+14155552671"),
            ("+1 (415) 555-2671", "DE", "+14155552671"),
        ],
    )
    def test_they_are_read_as_e164(self, written, country, e164):
        assert read_phone(written, country) == e164

    @pytest.mark.parametrize(
        ("written", "country"),
        [
            ("0171 2345678", ""),
            ("12", "DE"),
            ("call me", "DE"),
            ("+49 1", "DE"),
            ("+491712345678 ext. 12", "DE"),
            ("9" * 5_000, "DE"),
            ("", "DE"),
            (0, "DE"),
            (4155552671, "US"),
            (True, "DE"),
            (1.5, "DE"),
            (None, "DE"),
            (["+491712345678"], "DE"),
            ("0171 2345678", "XX"),
        ],
    )
    def test_what_is_no_number_is_none(self, written, country):
        assert read_phone(written, country) is None

    def test_an_invalid_one_stays_in_the_payload(self):
        message = accepted(identify(phone="12"))
        assert message.traits == {"phone": "12"}
        assert message.identifiers == (("user_id", "u1"),)


class TestOrder:
    def test_strongest_first(self):
        message = accepted(
            {
                "type": "identify",
                "userId": "u1",
                "anonymousId": "a1",
                "traits": {"phone": "+491712345678", "email": "a@example.com"},
                "context": {
                    "externalIds": [{"id": "X9", "type": "shopify", "collection": "users", "encoding": "none"}]
                },
            }
        )
        assert message.identifiers == (
            ("user_id", "u1"),
            ("email", "a@example.com"),
            ("phone", "+491712345678"),
            ("external:shopify", "X9"),
            ("anonymous_id", "a1"),
        )


class TestExternalIds:
    def test_rudders_spelling_and_repeats(self):
        context = {
            "externalId": [{"type": "crm", "id": 7}, {"type": "crm", "id": "7"}],
            "externalIds": [{"type": "crm", "id": "7"}, {"type": "crm", "id": "8"}],
        }
        message = accepted(track(context=context))
        assert message.identifiers == (("user_id", "u1"), ("external:crm", "7"), ("external:crm", "8"))

    @pytest.mark.parametrize(
        "entry",
        [
            {"type": "crm", "id": "null"},
            {"type": "crm", "id": None},
            {"type": "crm", "id": True},
            {"type": "crm", "id": "x" * 300},
            {"type": "", "id": "1"},
            {"type": 3, "id": "1"},
            {"type": "t" * 65, "id": "1"},
            {"id": "1"},
            {"type": "crm", "id": "1", "collection": "accounts"},
            "1",
            None,
        ],
    )
    def test_what_names_no_person_never_links(self, entry):
        message = accepted(track(context={"externalIds": [entry]}))
        assert message.identifiers == (("user_id", "u1"),)

    @pytest.mark.parametrize("entries", ["x", 1, {"type": "crm", "id": "1"}, None])
    def test_what_is_no_list_is_left_alone(self, entries):
        assert accepted(track(context={"externalIds": entries})).identifiers == (("user_id", "u1"),)
