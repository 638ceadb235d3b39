"""The benchmark's generator and questions, without the databases it compares: so that it cannot rot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.engine import data, ours
from benchmarks.engine.groups import GROUPS
from benchmarks.engine.peers.clickhouse_profiles import sql as clickhouse_profiles_sql
from benchmarks.engine.peers.clickhouse_sql import sql as clickhouse_sql
from benchmarks.engine.peers.running import sql as running_sql
from benchmarks.engine.peers.traits import sql as traits_sql
from benchmarks.engine.profile_questions import MEMBERS, TRAITS, MembersQuestion, OverlapQuestion, TraitsQuestion
from benchmarks.engine.questions import Question, difference
from benchmarks.engine.report import BEGIN, END, PERFORMANCE, SCALE, Table, with_tables, write_page
from cdp.engine.base import Engine
from tests.engine.reference import Reference
from tests.engine.reference_aggregates import aggregate
from tests.engine.reference_conditions import members

SIZE = data.Size(2_000)
FUNNELS = [question for questions in GROUPS.values() for question in questions if isinstance(question, Question)]
CONDITIONS = [question for question in MEMBERS if isinstance(question, MembersQuestion)]
OVERLAPS = [question for question in MEMBERS if isinstance(question, OverlapQuestion)]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.events_file(tmp_path_factory.mktemp("bench"), SIZE)


@pytest.fixture(scope="module")
def engine(events: Path) -> Engine:
    return ours.loaded(events, events.parent, SIZE).engine


@pytest.fixture(scope="module")
def reference(events: Path) -> Reference:
    oracle = Reference()
    ours.load(oracle, events)
    return oracle


def test_it_generates_the_same_events_again(events: Path) -> None:
    assert [part.to_pydict() for part in data.generate(SIZE)] == [part.to_pydict() for part in data.slices(events)]


def test_no_two_events_share_an_instant(events: Path) -> None:
    ts = np.concatenate([part["ts"].to_numpy() for part in data.slices(events)])
    assert len(np.unique(ts)) == SIZE.events
    assert ts.min() >= data.START and ts.max() < data.END


def test_late_arrivals_are_new(events: Path) -> None:
    assert data.arrivals(SIZE, 10, 0)["seq"].to_pylist() == list(range(2_001, 2_011))
    assert data.arrivals(SIZE, 10, 1)["seq"].to_pylist() == list(range(2_011, 2_021))


def test_loading_again_takes_what_is_there(engine: Engine, events: Path) -> None:
    assert ours.loaded(events, events.parent, SIZE).seconds is None


@pytest.mark.parametrize("question", FUNNELS, ids=lambda question: question.key)
def test_funnels(question: Question, engine: Engine, reference: Reference) -> None:
    answer = question.columns(question.ask(engine))
    assert sum(answer[1]) > 0
    assert difference(answer, question.columns(question.ask(reference))) is None


@pytest.mark.parametrize("question", TRAITS, ids=lambda question: question.key)
def test_traits(question: TraitsQuestion, engine: Engine, reference: Reference) -> None:
    everybody, *columns = question.columns(question.ask(engine))
    for spec, column in zip(question.specs, columns, strict=True):
        expected = aggregate(reference, spec, data.END)
        nothing: Any = {"avg": np.nan, "first": "", "last": "", "mode": ""}.get(spec.fn, 0)
        values = [expected[one].value if one in expected else None for one in map(int, everybody)]
        filled = [nothing if value is None else value if isinstance(value, str) else float(value) for value in values]
        assert set(expected) <= set(map(int, everybody)) and any(values)
        assert difference((column,), (filled,)) is None


@pytest.mark.parametrize("question", CONDITIONS, ids=lambda question: question.key)
def test_conditions(question: MembersQuestion, engine: Engine, reference: Reference) -> None:
    everybody = reference.activity(data.END).profile.tolist()
    found = question.ask(engine).tolist()
    assert 0 < len(found) < len(everybody)
    assert found == members(reference, question.condition, data.END, everybody)


@pytest.mark.parametrize("question", OVERLAPS, ids=lambda question: question.key)
def test_overlaps(question: OverlapQuestion, engine: Engine, reference: Reference) -> None:
    inside = [
        sum((one * factor % data.PRIME < below) << place for place, (factor, below) in enumerate(data.PLACES))
        for one in reference.activity(data.END).profile.tolist()
    ]
    expected = np.unique([one for one in inside if one], return_counts=True)
    assert len(expected[0]) > 20
    assert difference(question.columns(question.ask(engine)), expected) is None


def test_profiles_can_be_asked_of_the_others() -> None:
    assert all("_9" in clickhouse_profiles_sql(question, "by_event", "_9") for question in (*TRAITS, *MEMBERS))
    assert all("FROM t" in traits_sql(question, "t", {"first": "f", "last": "l"}) for question in TRAITS)


def test_what_another_generator_made_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    before = data.Size(1_000).label
    monkeypatch.setattr(data, "SEED", data.SEED + 1)
    data.fingerprint.cache_clear()
    after = data.Size(1_000).label
    data.fingerprint.cache_clear()
    assert before != after


def test_every_question_but_exclusions_can_be_asked_of_clickhouse() -> None:
    assert [question.key for question in FUNNELS if not clickhouse_sql(question, "t")] == ["exclusion_180"]


def test_plain_funnels_can_be_asked_of_any_database() -> None:
    assert {question.key for question in FUNNELS if running_sql(question, "t")} == {
        "funnel_180",
        "funnel_30",
        "long_180",
        "long_30",
    }


def test_a_difference_is_found() -> None:
    assert difference(([1], [2.0]), ([1], [2.0 + 1e-12])) is None
    assert difference(([1], [2]), ([1], [3])) == "column 1: [2] against [3]"
    assert difference(([1],), ([1], [3])) == "1 columns against 2"
    assert difference(([1],), ([1, 2],)) == "column 0: 1 rows against 2"


def test_the_report_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    write_page("new", page)
    assert page.read_text() == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"
    for real, begin, end in (PERFORMANCE, SCALE):
        assert real.read_text().partition(begin)[2].partition(end)[1]


def test_a_table_replaces_the_one_of_its_title(tmp_path: Path) -> None:
    page, old, new = tmp_path / "page.md", *(Table("Funnels", "About.", ["a"], [[value]], "In May.") for value in "12")
    other = Table("Totals", "More.", ["b"], [["3"]])
    page.write_text(f"{BEGIN}\n{END}\n")
    for tables in ([old, other], [new]):
        write_page(with_tables("Of this machine.", tables, page), page)
    expected = "Of this machine.\n\n### Funnels\n\nAbout.\n\n| a |\n| --- |\n| 2 |\n\nIn May.\n\n" + other.markdown()
    assert page.read_text() == f"{BEGIN}\n{expected}\n{END}\n"
    assert with_tables("Of another one.", [other], page) == f"Of another one.\n\n{other.markdown()}"
