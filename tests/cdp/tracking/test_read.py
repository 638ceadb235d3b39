"""One item through every rule."""

import copy
import json
import uuid

import orjson
import pytest

from cdp.tracking.body import read_batch
from cdp.tracking.messages import Kind
from cdp.tracking.read import read_item
from cdp.tracking.rules import DEFAULT_ALIASES, Rules
from tests.cdp.tracking.story import NOON, SERVER, accepted, identify, read, rejected, track


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


class TestKinds:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_each_has_its_word(self, kind):
        item = {**track(), "type": kind.name.lower(), "groupId": "g1", "previousId": "a1"}
        assert accepted(item).kind is kind
        assert accepted({**item, "type": kind.name.title()}).kind is kind

    @pytest.mark.parametrize("given", [None, "", "trakc", "capture", 1, ["track"], {}])
    def test_other_words_are_refused_with_the_list(self, given):
        fault = rejected(track(type=given))
        assert fault.code == "unknown_type"
        assert "track, page, screen, identify, group, alias" in fault.reason

    def test_a_single_endpoint_forces_its_kind(self):
        assert accepted({"event": "e", "userId": "u1"}, kind=Kind.TRACK).kind is Kind.TRACK
        assert accepted(track(), kind=Kind.PAGE).name == "page_view"

    @pytest.mark.parametrize("raw", [None, 1, 1.5, True, "track", [], [track()]])
    def test_an_item_that_is_no_object_is_refused(self, raw):
        assert rejected(raw, index=3).code == "invalid_item"
        assert rejected(raw, index=3).index == 3

    def test_the_item_is_left_as_it_was(self):
        item = identify(email="A@EXAMPLE.com")
        before = copy.deepcopy(item)
        accepted(item, context={"page": {"url": "https://x.example/"}})
        assert item == before


class TestNames:
    @pytest.mark.parametrize(
        ("original", "name"),
        [
            ("Product Viewed", "view_content"),
            ("Product Added", "add_to_cart"),
            ("Checkout Started", "initiate_checkout"),
            ("Order Completed", "purchase"),
            ("Completed Order", "purchase"),
            ("Email Opened", "email_opened"),
            ("Email Delivered", "email_delivered"),
            ("Received Email", "email_delivered"),
            ("Opened Email", "email_opened"),
            ("signed_up", "signed_up"),
            ("order completed", "order completed"),
        ],
    )
    def test_segments_names_become_the_tutorials(self, original, name):
        message = accepted(track(event=f" {original} "))
        assert (message.name, message.original_name) == (name, original)

    def test_the_table_is_the_workspaces_to_edit(self):
        aliases = {**DEFAULT_ALIASES, "Order Completed": "order", "kauf": "purchase"}
        rules = Rules(aliases=aliases, default_country="", retention_days=180, client_side=False)
        assert accepted(track(event="Order Completed"), rules=rules).name == "order"
        assert accepted(track(event="kauf"), rules=rules).name == "purchase"

    @pytest.mark.parametrize(
        ("event", "code"),
        [
            (None, "missing_event"),
            ("", "missing_event"),
            ("  ", "missing_event"),
            (7, "invalid_event"),
            (True, "invalid_event"),
            (["e"], "invalid_event"),
            ({}, "invalid_event"),
            ("e" * 201, "event_too_long"),
        ],
    )
    def test_a_track_needs_one(self, event, code):
        assert rejected(track(event=event)).code == code

    def test_200_characters_are_kept(self):
        assert accepted(track(event="é" * 200)).name == "é" * 200

    @pytest.mark.parametrize(("kind", "name"), [("page", "page_view"), ("screen", "screen_view")])
    def test_pages_and_screens_keep_theirs_in_the_properties(self, kind, name):
        message = accepted({"type": kind, "userId": "u1", "name": "Home", "category": "Shop", "properties": {"a": 1}})
        assert message.name == name
        assert message.properties == {"name": "Home", "category": "Shop", "a": 1}
        assert accepted({"type": kind, "userId": "u1"}).properties == {}

    def test_a_name_already_in_the_properties_stays(self):
        message = accepted({"type": "page", "userId": "u1", "name": "Home", "properties": {"name": "Start"}})
        assert message.properties == {"name": "Start"}

    @pytest.mark.parametrize("kind", ["identify", "group", "alias"])
    def test_the_others_are_called_by_their_kind(self, kind):
        item = {"type": kind, "userId": "u1", "groupId": "g", "previousId": "a"}
        assert accepted(item).name == accepted(item).original_name == kind


class TestMessageIds:
    @pytest.mark.parametrize(("given", "kept"), [("m-1", "m-1"), (" m-1 ", "m-1"), (17, "17"), (1.5, "1.5"), (0, "0")])
    def test_they_are_kept_as_text(self, given, kept):
        assert accepted(track(messageId=given)).message_id == kept

    @pytest.mark.parametrize("given", [None, "", " "])
    def test_a_missing_one_is_made_up(self, given):
        first, second = accepted(track(messageId=given)), accepted(track(messageId=given))
        assert uuid.UUID(first.message_id).version == 4
        assert first.message_id != second.message_id

    @pytest.mark.parametrize("given", [True, [], {}, "m" * 256])
    def test_others_are_refused(self, given):
        assert rejected(track(messageId=given)).code == "invalid_message_id"

    def test_255_characters_are_kept(self):
        assert accepted(track(messageId="m" * 255)).message_id == "m" * 255


class TestTraits:
    def test_the_items_own_win_over_those_of_the_context(self):
        item = identify(plan="pro", city="Kiel") | {"context": {"traits": {"plan": "free", "age": 30}}}
        assert accepted(item).traits == {"plan": "pro", "city": "Kiel", "age": 30}

    def test_a_track_may_carry_them(self):
        assert accepted(track(context={"traits": {"plan": "pro"}})).traits == {"plan": "pro"}

    def test_null_is_kept_for_it_removes_an_attribute(self):
        assert accepted(identify(plan=None)).traits == {"plan": None}

    def test_300_pass_and_one_more_does_not(self):
        assert len(accepted(identify(**{f"t{i}": 1 for i in range(300)})).traits) == 300
        fault = rejected(identify(**{f"t{i}": 1 for i in range(301)}))
        assert fault.code == "too_many_traits"
        assert "301" in fault.reason

    def test_both_places_count_together(self):
        item = identify(**{f"t{i}": 1 for i in range(200)})
        item["context"] = {"traits": {f"c{i}": 1 for i in range(101)}}
        assert rejected(item).code == "too_many_traits"


class TestGroupsAndAliases:
    def test_a_groups_traits_describe_a_company(self):
        item = {
            "type": "group",
            "userId": "u1",
            "groupId": 17,
            "traits": {"email": "office@acme.example", "plan": "team"},
            "context": {"traits": {"email": "anna@acme.example"}},
        }
        message = accepted(item)
        assert message.group_id == "17"
        assert message.traits == {"email": "office@acme.example", "plan": "team"}
        assert message.identifiers == (("user_id", "u1"), ("email", "anna@acme.example"))

    @pytest.mark.parametrize("group_id", [None, "", "null"])
    def test_a_group_needs_its_id(self, group_id):
        assert rejected({"type": "group", "userId": "u1", "groupId": group_id}).code == "missing_group"

    def test_a_group_id_on_other_messages_is_left_alone(self):
        assert accepted(track(groupId=None)).group_id is None
        assert accepted(track(groupId=["x"])).group_id is None

    def test_an_alias_leads_from_one_id_to_another(self):
        message = accepted({"type": "alias", "previousId": "a1", "userId": "u1"})
        assert (message.previous_id, message.user_id) == ("a1", "u1")
        assert message.identifiers == (("user_id", "u1"),)

    def test_the_browsers_alias_may_leave_the_previous_id_to_the_anonymous_one(self):
        assert accepted({"type": "alias", "anonymousId": "a1", "userId": "u1"}).previous_id == "a1"

    @pytest.mark.parametrize(
        "item",
        [
            {"userId": "u1"},
            {"previousId": "a1"},
            {"previousId": "null", "userId": "u1"},
            {"previousId": "a1", "userId": "undefined"},
            {"previousId": "a1", "anonymousId": "a2"},
        ],
    )
    def test_an_alias_needs_both_ends(self, item):
        assert rejected({"type": "alias", **item}).code == "missing_identity"

    def test_an_alias_to_an_object_is_refused(self):
        assert rejected({"type": "alias", "previousId": {}, "userId": "u1"}).code == "invalid_id"


class TestPayloads:
    @pytest.mark.parametrize("empty", [None, {}, []])
    @pytest.mark.parametrize("field", ["properties", "context", "traits"])
    def test_empty_in_every_language(self, field, empty):
        assert getattr(accepted(track(**{field: empty})), field) == {}

    @pytest.mark.parametrize("wrong", ["x", 1, 0, "", True, False, [1]])
    @pytest.mark.parametrize("field", ["properties", "context", "traits"])
    def test_what_is_no_object_is_refused(self, field, wrong):
        fault = rejected(track(**{field: wrong}))
        assert fault.code == f"invalid_{field}"
        assert fault.reason == f"{field} must be an object."

    def test_traits_inside_the_context_too(self):
        assert rejected(track(context={"traits": "x"})).code == "invalid_traits"

    def test_a_property_may_be_number_text_and_list_in_turn(self):
        for value in (1, "1", [1, "1"], {"a": 1}, None, True, 1.5):
            assert accepted(track(properties={"size": value})).properties == {"size": value}

    def test_keys_of_255_characters_and_no_more(self):
        assert accepted(track(properties={"k" * 255: 1}))
        assert rejected(track(properties={"k" * 256: 1})).code == "key_too_long"
        assert rejected(identify(**{"k" * 256: 1})).code == "key_too_long"

    @pytest.mark.parametrize(
        ("properties", "event_id"),
        [
            ({"event_id": "e-1"}, "e-1"),
            ({"eventId": "e-2"}, "e-2"),
            ({"event_id": 17}, "17"),
            ({"event_id": "e-1", "eventId": "e-2"}, "e-1"),
            ({"event_id": None, "eventId": "e-2"}, "e-2"),
            ({"event_id": ""}, None),
            ({"event_id": "null"}, None),
            ({"event_id": True}, None),
            ({"event_id": ["e"]}, None),
            ({"event_id": "e" * 256}, None),
            ({}, None),
        ],
    )
    def test_the_id_that_browser_and_server_share(self, properties, event_id):
        assert accepted(track(properties=properties)).event_id == event_id

    def test_integrations_and_metadata_are_not_kept(self):
        message = accepted(track(integrations={"All": True}, _metadata={"x": 1}, channel="server"))
        assert message.properties == message.context == {}


class TestSharedContext:
    def test_it_is_merged_under_the_items_own(self):
        envelope = read_batch(
            {"batch": [], "context": {"locale": "de", "page": {"url": "https://a.example/", "title": "A"}}},
            endpoint="batch",
        )
        item = track(context={"locale": "en", "page": {"title": "B"}})
        message = read_item(item, 0, rules=SERVER, received_at=NOON, kind=None, envelope=envelope)
        assert message.context == {"locale": "en", "page": {"url": "https://a.example/", "title": "B"}}

    def test_its_traits_and_campaign_count(self):
        message = accepted(track(), context={"traits": {"email": "a@example.com"}, "campaign": {"name": "spring"}})
        assert message.identifiers[1] == ("email", "a@example.com")
        assert message.campaign == "spring"

    def test_its_size_counts_with_every_item(self):
        envelope = read_batch({"batch": [], "context": {"a": "x" * 20_000}}, endpoint="batch")
        item = track(properties={"b": "x" * 20_000})
        outcome = read_item(item, 0, rules=SERVER, received_at=NOON, kind=None, envelope=envelope)
        assert outcome.code == "item_too_large"


class TestSoundness:
    def test_32_kb_pass_and_one_byte_more_does_not(self):
        shell = len(orjson.dumps(track(properties={"a": ""})))
        assert accepted(track(properties={"a": "x" * (32_768 - shell)}))
        fault = rejected(track(properties={"a": "x" * (32_769 - shell)}))
        assert fault.code == "item_too_large"
        assert "32,769" in fault.reason

    def test_size_is_counted_in_bytes(self):
        assert rejected(track(properties={"a": "ü" * 20_000})).code == "item_too_large"

    def test_twenty_levels_pass_and_one_more_does_not(self):
        assert accepted(track(properties=nested(19)))
        assert rejected(track(properties=nested(20))).code == "too_deep"
        assert rejected(track(properties=nested(600))).code == "too_deep"
        assert rejected(track(properties={"a": json.loads("[" * 19 + "]" * 19)})).code == "too_deep"

    def test_a_wide_item_is_not_deep(self):
        products = [{"sku": str(n), "tags": ["a"]} for n in range(100)]
        assert accepted(track(properties={"products": products})).properties["products"] == products

    @pytest.mark.parametrize("text", ["a\0b", "\ud800", "ok \ud83d"])
    @pytest.mark.parametrize("place", ["event", "userId", "messageId", "properties", "key", "deep", "unread"])
    def test_text_that_cannot_be_stored_is_refused_wherever_it_is(self, text, place):
        item = {
            "properties": track(properties={"a": text}),
            "key": track(properties={text: 1}),
            "deep": track(context={"a": [{"b": [text]}]}),
            "unread": track(integrations={"x": text}),
        }.get(place) or track(**{place: text})
        fault = rejected(item)
        assert fault.code == "invalid_text"
        for kept in (fault.item, fault.name, fault.message_id, fault.reason):
            assert "\0" not in kept
            kept.encode()

    @pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "😀", "\u2028", "\u007f", "\ufffe"])
    def test_text_that_only_looks_bad_is_kept(self, text):
        assert accepted(track(properties={"a": text})).properties == {"a": text}

    @pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 2**64, -(2**63) - 1, 10**400])
    @pytest.mark.parametrize("place", ["properties", "deep", "userId", "timestamp"])
    def test_numbers_that_cannot_be_stored_are_refused(self, number, place):
        item = track(properties={"a": [{"b": number}]}) if place == "deep" else track()
        item |= {"properties": {"a": number}} if place == "properties" else {}
        item |= {place: number} if place in ("userId", "timestamp") else {}
        assert rejected(item).code == "invalid_number"

    @pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 1e308, 5e-324, -0.0, 0.1])
    def test_numbers_that_can_be_stored_are_kept(self, number):
        assert accepted(track(properties={"a": number})).properties == {"a": number}


class TestRejections:
    def test_they_carry_what_their_sender_needs_to_find_them(self):
        item = track(event="Order Completed", messageId="m-9", timestamp="soon")
        fault = rejected(item, index=7)
        assert (fault.index, fault.message_id, fault.name) == (7, "m-9", "Order Completed")
        assert json.loads(fault.item) == item
        assert "ISO 8601" in fault.reason

    def test_without_a_name_they_show_the_type(self):
        assert rejected({"type": "page"}).name == "page"
        assert rejected({"type": ["page"]}).name == ""

    def test_the_item_is_cut_at_32_kb(self):
        fault = rejected(track(properties={"a": "ü" * 60_000}))
        assert len(fault.item.encode()) <= 32_768
        assert fault.item.startswith('{"type": "track"')

    def test_long_names_and_ids_are_cut(self):
        fault = rejected(track(event="e" * 900, messageId="m" * 900))
        assert (len(fault.name), len(fault.message_id)) == (200, 255)

    def test_nul_and_surrogates_are_shown_escaped(self):
        assert rejected(track(properties={"a": "x\0\ud800"})).item.endswith('{"a": "x\\u0000\\ud800"}}')

    def test_what_is_no_json_is_refused_too(self):
        assert read(track(properties={"a": {1, 2}})).code == "invalid_item"
        assert read(track(properties={(1, 2): 3})).code == "invalid_item"
