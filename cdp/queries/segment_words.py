"""Pasted identifiers: whom they stand for, and which stand for nobody."""

import re

from cdp.models import Identifier
from cdp.queries import profiles
from cdp.queries.segments import Found
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace

SEPARATORS = re.compile(r"[\s,;]+")
MOST_WORDS = 50_000


def words_of(text: str) -> list[str]:
    """What white space, commas and semicolons separate, each once."""
    return list(dict.fromkeys(word for word in SEPARATORS.split(text) if word))


def resolve(workspace: Workspace, text: str) -> Found:
    """By e-mail address, user id or any other identifier, else by profile number. One of several profiles is taken
    when a word is several people's: the one who has it as the strongest identifier. Raises Invalid for too many words.
    """
    words = words_of(text)
    if len(words) > MOST_WORDS:
        sentence = f"These are {len(words):,} people. Add at most {MOST_WORDS:,} at once."
        raise Invalid([Fault("/people", sentence, "too_many")])
    owners = _owners(workspace, words)
    numbers = [int(word) for word in words if _may_be_number(word) and word not in owners]
    live = set(profiles.live(workspace).filter(pk__in=numbers).values_list("pk", flat=True))
    found = {word: owners.get(word) or _numbered(word, live) for word in words}
    keys = dict.fromkeys(key for key in found.values() if key is not None)
    return Found(tuple(keys), tuple(word for word, key in found.items() if key is None))


def _owners(workspace: Workspace, words: list[str]) -> dict[str, int]:
    spellings = {*words, *(word.lower() for word in words)}
    rows = Identifier.objects.filter(workspace=workspace, value__in=spellings).values_list(
        "kind", "value", "profile_id"
    )
    by_value: dict[str, int] = {}
    for _, value, profile in sorted(rows, key=lambda row: _strength(row[0])):
        by_value.setdefault(value, profile)
    matches = ((word, by_value.get(word) or by_value.get(word.lower())) for word in words)
    return {word: profile for word, profile in matches if profile is not None}


def _strength(kind: str) -> int:
    return profiles.KNOWN_BY.index(kind) if kind in profiles.KNOWN_BY else len(profiles.KNOWN_BY)


def _may_be_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word[:20]) <= profiles.LARGEST_ID


def _numbered(word: str, live: set[int]) -> int | None:
    return int(word) if _may_be_number(word) and int(word) in live else None
