"""Secrets at rest."""

import pytest

from stratum.lib.seal import seal, unseal


def test_it_opens_what_it_sealed():
    sealed = seal("a token ✓")
    assert unseal(sealed) == "a token ✓"
    assert "token" not in sealed and seal("a token ✓") != sealed


def test_an_earlier_secret_key_still_opens(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old", []
    sealed = seal("x")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
    assert unseal(sealed) == "x"


@pytest.mark.parametrize("text", ["", "nonsense", "é"])
def test_what_it_did_not_seal_stays_shut(text):
    with pytest.raises(ValueError, match="another SECRET_KEY"):
        unseal(text)
