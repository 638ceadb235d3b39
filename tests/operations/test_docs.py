"""The documentation: its links lead somewhere, its commands exist, and every page of it can be found."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import get_resolver

from stratum.workspaces import plans

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
MODULE = re.compile(r"python -m (benchmarks[\w.]*)")
TARGET = re.compile(r"^\s*(?:\| )?`?make ([a-z-]+)", re.MULTILINE)
INLINE_TARGET = re.compile(r"`make ([a-z-]+)")
ADDRESS = re.compile(r"(?:GET|POST|PUT|PATCH|DELETE) (/api/v1/[\w/{}.-]+)")

by_name = pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))


@by_name
def test_its_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if not link.startswith(("http", "mailto:")):
            path, _, heading = link.partition("#")
            target = (page.parent / path) if path else page
            assert target.exists(), f"{link} leads nowhere"
            assert not heading or heading in set(anchors(target)), f"{link}: there is no such heading"


def anchors(page: Path) -> Iterator[str]:
    """As GitHub makes them of headings."""
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@by_name
def test_its_commands_exist(page: Path) -> None:
    text = page.read_text()
    assert set(COMMAND.findall(text)) <= set(get_commands())
    missing = [module for module in MODULE.findall(text) if find_spec(module.rstrip(".")) is None]
    assert not missing
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {*TARGET.findall(text), *INLINE_TARGET.findall(text)} <= targets


@by_name
def test_its_addresses_exist(page: Path) -> None:
    for address in ADDRESS.findall(page.read_text()):
        assert leads_to_the_api(address.rstrip(".")), address


def leads_to_the_api(address: str) -> bool:
    """With any value that its parameter takes."""
    for value in ("1", "00000000-0000-4000-8000-000000000000", "abc"):
        try:
            get_resolver().resolve(re.sub(r"\{\w+\}", value, address))
        except LookupError:
            continue
        except Exception as error:
            if type(error).__name__ != "Resolver404":
                raise
        else:
            return True
    return False


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in DOCS
        for link in LINK.findall(page.read_text())
        if not link.startswith(("http", "mailto:"))
    }
    lonely = [page for page in (ROOT / "docs").glob("*.md") if page.resolve() not in linked]
    assert not lonely


def test_every_chapter_and_what_runs_it_has_a_page() -> None:
    """The chapters of the manual, and what a deployment asks for."""
    for name in (
        *("getting-started", "funnels", "traits", "audit-log", "autopilot", "pipedrive", "segments"),
        *("accounts", "plans", "exports", "notifications", "api", "deploy", "security", "performance", "house"),
    ):
        assert (ROOT / "docs" / f"{name}.md").exists(), name
    assert list((ROOT / "docs/decisions").glob("*.md"))


def test_the_page_of_plans_names_every_feature_and_limit() -> None:
    text = (ROOT / "docs/plans.md").read_text()
    for flag in plans.FEATURES:
        assert f"`{flag}`" in text
    for meter, most in plans.PROFESSIONAL.limits.items():
        assert re.search(rf"\| {re.escape(plans.METERS[meter][0])} \|.*\b{most:,}\b", text), meter


def test_the_security_page_names_tests_that_exist() -> None:
    text = (ROOT / "docs/security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)`", text)
    assert len(named) > 10
    assert all((ROOT / path).exists() for path in named)
