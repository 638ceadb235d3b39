"""The benchmark's generator and questions, without the databases it compares: so that it cannot rot."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.engine import data, ours
from benchmarks.engine.peers.clickhouse_sql import sql as clickhouse_sql
from benchmarks.engine.peers.running import sql as running_sql
from benchmarks.engine.questions import GROUPS, Question, difference
from benchmarks.engine.report import BEGIN, END, PAGE, Results, Table, write_page
from cdp.engine.base import Engine
from tests.engine.reference import Reference

SIZE = data.Size(2_000)
QUESTIONS = [question for questions in GROUPS.values() for question in questions]


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


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_questions(question: Question, engine: Engine, reference: Reference) -> None:
    answer = question.columns(question.ask(engine))
    assert sum(answer[1]) > 0
    assert difference(answer, question.columns(question.ask(reference))) is None


def test_every_question_but_exclusions_can_be_asked_of_clickhouse() -> None:
    assert [question.key for question in QUESTIONS if not clickhouse_sql(question, "t")] == ["exclusion_180"]


def test_plain_funnels_can_be_asked_of_any_database() -> None:
    assert {question.key for question in QUESTIONS if running_sql(question, "t")} == {
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
    assert BEGIN in PAGE.read_text() and END in PAGE.read_text()


def test_results_are_kept_by_group(tmp_path: Path) -> None:
    Results(tmp_path, "1-1").keep("funnels", Table("Funnels", "About.", ["a"], [["1"]]))
    assert Results(tmp_path, "1-1").markdown(["totals", "funnels"]) == "### Funnels\n\nAbout.\n\n| a |\n| --- |\n| 1 |"
