"""The SQL shell: reads queries and a few commands of its own from a terminal or a pipe."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from cli.output import Output
from schemas.errors import NightshiftError, QueryError
from storage.files import PRIVATE_FILE, make_folder
from storage.sql.query import run_query
from storage.sql.text import quote_text

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Mode = Literal["table", "csv", "json"]
HISTORY_LINES = 1000
_HELP = (
    ".tables            list the tables",
    ".schema [TABLE]    show the columns of a table, or of all",
    ".mode [MODE]       show results as table, csv or json",
    ".help              show this",
    ".exit              end; so do exit, quit and Ctrl-D",
)
_END = re.compile(r"\s*\.?(exit|quit)\s*;?\s*", re.IGNORECASE)
_FROM = "FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'"
_WORDS = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "USING", "DESCRIBE", "SUMMARIZE",
    "DISTINCT", "HAVING", "WITH", "count",
)  # fmt: skip


class Shell:
    """Answers queries until the input ends.

    Args:
        connection: an open store.
        output: where commands and messages are printed.
        mode: how results are shown at first.
        show: shows a result.
    """

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        output: Output,
        mode: Mode,
        show: Callable[["pa.Table", Mode], None],
    ) -> None:
        self._connection = connection
        self._output = output
        self._mode: Mode = mode
        self._show = show
        self._commands = {
            ".tables": self._tables,
            ".schema": self._schema,
            ".mode": self._set_mode,
            ".help": self._help,
        }

    def run(self) -> None:
        """Reads queries, each ended by a semicolon, and commands, each a line."""
        if not sys.stdin.isatty():
            self._read("", "")
            return
        self._output.say("end each query with a semicolon; .tables lists the tables, .help the commands; exit quits")
        with _editing(self._complete):
            self._read("nightshift> ", "       ...> ")

    def _read(self, prompt: str, prompt_within: str) -> None:
        lines: list[str] = []
        while True:
            try:
                line = input(prompt_within if lines else prompt)
            except EOFError:
                break
            except KeyboardInterrupt:
                if not prompt:
                    raise
                self._output.say("")
                lines = []  # of a half-written query
                continue
            if not lines and _END.fullmatch(line):
                return
            if not lines and line.lstrip().startswith("."):
                self._obey(line.strip().rstrip(";"))
                continue
            lines.append(line)
            if line.rstrip().endswith(";"):
                self._answer("\n".join(lines))
                lines = []
        if any(line.strip() for line in lines):
            self._answer("\n".join(lines))

    def _answer(self, query: str) -> None:
        try:
            self._show(run_query(self._connection, query), self._mode)
        except NightshiftError as error:
            self._output.log(str(error))
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
            self._output.log("interrupted")

    def _obey(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        command = self._commands.get(name.lower())
        if command is None:
            self._output.log(f"there is no command {name}; .help lists the commands")
            return
        try:
            command(rest.strip().strip('"'))
        except QueryError as error:
            self._output.log(str(error))

    def _tables(self, _: str) -> None:
        self._output.say_lines(self._names())

    def _schema(self, table: str) -> None:
        if not table:
            listed = (
                "SELECT table_name || ': ' || string_agg(column_name, ', ' ORDER BY column_index) AS columns "
                f"{_FROM} GROUP BY table_name ORDER BY ALL"
            )
            self._output.say_lines(map(str, run_query(self._connection, listed)["columns"].to_pylist()))
            return
        wanted = f"SELECT column_name, data_type {_FROM} AND lower(table_name) = lower({quote_text(table)})"
        rows = run_query(self._connection, f"{wanted} ORDER BY column_index")
        if not rows.num_rows:
            self._output.log(f"there is no table {table}; .tables lists them")
            return
        self._show(rows, self._mode)

    def _set_mode(self, mode: str) -> None:
        modes: tuple[Mode, ...] = get_args(Mode)
        for each in modes:
            if each == mode:
                self._mode = each
                return
        self._output.log(f"the mode is {self._mode}; there are {', '.join(modes)}" if not mode else
                         f"there is no mode {mode}; there are {', '.join(modes)}")  # fmt: skip

    def _help(self, _: str) -> None:
        self._output.say_lines(_HELP)

    def _names(self) -> list[str]:
        names = run_query(self._connection, f"SELECT DISTINCT table_name {_FROM} ORDER BY ALL")
        return [str(name) for name in names["table_name"].to_pylist()]

    def _complete(self) -> list[str]:
        """Returns the words that the Tab key completes."""
        columns = run_query(self._connection, f"SELECT DISTINCT column_name {_FROM} ORDER BY ALL")
        return [*self._commands, *self._names(), *map(str, columns["column_name"].to_pylist()), *_WORDS]


def completions(text: str, words: list[str]) -> list[str]:
    """Returns the words that begin with a text; capital and small letters are the same."""
    return [word for word in dict.fromkeys(words) if word.lower().startswith(text.lower())]


def history_file() -> Path | None:
    """Returns where the shell keeps its history; None without a home folder."""
    state = os.environ.get("XDG_STATE_HOME")
    try:
        return Path(state or Path.home() / ".local" / "state", "nightshift", "sql_history")
    except RuntimeError:
        return None


@contextmanager
def _editing(list_words: Callable[[], list[str]]) -> Iterator[None]:
    """Gives ``input`` a history of its own and completion; only its owner may read the history."""
    import readline

    words = list_words()
    readline.set_completer(lambda text, number: [*completions(text, words), None][number])
    readline.set_completer_delims(" \t\n\"'`,;()=<>+-*/")
    readline.parse_and_bind("tab: complete")
    readline.set_history_length(HISTORY_LINES)
    file = history_file()
    with suppress(OSError):  # none yet, or not readable: the shell works without
        if file is not None:
            readline.read_history_file(file)
    try:
        yield
    finally:
        with suppress(OSError):  # a read-only home
            if file is not None:
                make_folder(file.parent, private=True)
                file.touch(PRIVATE_FILE)
                readline.write_history_file(file)
