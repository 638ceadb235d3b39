"""Keys: their form, their checksum, their digest."""

from hypothesis import given
from hypothesis import strategies as st

from stratum.lib import keys


def test_an_api_key_has_the_published_form():
    prefix, text = keys.new_api_key()
    assert text.startswith("stm_live_") and len(text) == len("stm_live_") + 12 + 32 + 6
    assert keys.read_api_key(text) == prefix == text[:21]


def test_a_write_key_has_the_published_form():
    prefix, text = keys.new_write_key()
    assert text.startswith("stw_") and len(text) == len("stw_") + 12 + 32
    assert keys.read_write_key(text) == keys.read_write_key(f"{prefix}:{text[16:]}") == (prefix, text)


def test_a_mistyped_key_fails_its_checksum():
    _, text = keys.new_api_key()
    for place in range(9, len(text)):
        typo = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]
        assert keys.read_api_key(typo) is None


def test_no_two_keys_are_equal():
    assert len({keys.new_api_key()[1] for _ in range(200)}) == 200


@given(st.text())
def test_any_text_is_read_without_error(text):
    assert keys.read_api_key(text) is None
    assert keys.read_write_key("stw_" + text) is None or len(text) >= 44


def test_a_digest_survives_a_new_secret_key(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old", []
    stored = keys.digest("text")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
    assert keys.matches("text", stored) and stored in keys.digests("text")
    settings.SECRET_KEY_FALLBACKS = []
    assert not keys.matches("text", stored)
    assert not keys.matches("text", "")
