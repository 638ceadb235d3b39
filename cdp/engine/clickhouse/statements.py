"""The SQL files: one per question. `$name` is put together here, `{name:Type}` is bound by the server."""

from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from cdp.engine.clickhouse.known import Known

FOLDER = Path(__file__).parent / "sql"
NOTHING = Known()


@cache
def template(name: str) -> Template:
    return Template((FOLDER / f"{name}.sql").read_text())


class Statement:
    """A question about one state of one workspace, with everything that is bound to it.

    known: of the rows that it is about.
    """

    def __init__(self, name: str, parameters: dict[str, Any], known: Known = NOTHING, /, **parts: str) -> None:
        self.name = name
        self.parameters = dict(parameters)
        self.known = known
        self.parts = parts

    def bind(self, value: Any, kind: str) -> str:
        """How the value is written in the statement."""
        key = f"p{len(self.parameters)}"
        self.parameters[key] = value
        return f"{{{key}:{kind}}}"

    @property
    def text(self) -> str:
        return template(self.name).substitute(self.parts)
