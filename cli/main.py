"""The command `nightshift`: its commands, and the boundary at which errors become one line and an exit code.

Exit codes: 0 done; 1 done, but something is quarantined or failed; 2 the user's mistake; 3 stopped at its deadline with
work left; 130 interrupted; 141 the reader of the output closed the pipe.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cli.commands import COMMANDS, GROUPS, Command, Group
from cli.output import printable, tracebacks_wanted
from schemas.errors import NightshiftError, UserError
from storage.machine import require_home

DONE, TROUBLED, MISTAKE, INTERRUPTED = 0, 1, 2, 130
BROKEN_PIPE = 141
"""What a shell reports for a program that SIGPIPE ended (128 + 13), as in ``nightshift sql … | head``."""

DEBUG = "--debug"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # 20 ms, for this option only

        typer.echo(f"nightshift {version('nightshift')}")
        raise typer.Exit


def _common(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del show_version
    tracebacks_wanted.set(debug)  # of failed units; run_cli, which sees every other error, looks for --debug itself


def _build_app(chosen: str) -> typer.Typer:
    """Returns the command line, of which only the chosen command can run: the others are not imported."""
    app = typer.Typer(
        name="nightshift",
        help="Turns archives of surveillance footage into anonymized video, tables and maps, overnight.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        callback=_common,
    )
    for name, command in COMMANDS.items():
        app.command(name)(command.load() if name == chosen else _listed(command))
    for word, group in GROUPS.items():
        below = typer.Typer(cls=_group_type(group), no_args_is_help=True, help=group.summary)
        for name, command in group.commands.items():
            below.command(name)(command.load() if word == chosen else _listed(command))
        app.add_typer(below, name=word)
    return app


def _group_type(group: Group) -> type[TyperGroup]:
    """Returns a kind of group that runs its default where no command is named, as in ``nightshift eval CAMERA``."""

    class WithDefault(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            named = not args or args[0] in {*group.commands, "--help"}
            return super().parse_args(ctx, args if named or group.default is None else [group.default, *args])

    return WithDefault


def _listed(command: Command) -> Callable[[], None]:
    """Returns a function that only shows in the list of commands."""

    def listed() -> None:
        raise AssertionError(f"{command} was not imported")

    listed.__doc__ = command.summary()
    return listed


def run_cli(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code; errors become one line on stderr."""
    require_home()
    try:
        app = _build_app(_chosen(arguments))
        gc.enable()
        code = app(args=list(arguments), standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", INTERRUPTED)
    except TyperException as error:
        return _fail(error.format_message(), MISTAKE)
    except NightshiftError as error:  # UserError is one: the exit code distinguishes them
        if DEBUG in arguments:
            raise
        return _fail(str(error), MISTAKE if isinstance(error, UserError) else TROUBLED)
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and would print a second error about the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if DEBUG in arguments:
            raise
        return _fail(f"a bug, please report it: {type(error).__name__}: {error} (--debug shows where)", TROUBLED)
    return code if isinstance(code, int) else DONE


def _fail(message: str, code: int) -> int:
    typer.echo(f"nightshift: {printable(' '.join(message.split()))}", err=True)
    return code


def _chosen(arguments: Sequence[str]) -> str:
    return next((argument for argument in arguments if not argument.startswith("-")), "")


def main() -> None:
    """Entry point of the installed command."""
    arguments = sys.argv[1:]
    gc.disable()  # imports make many objects and hardly any garbage; run_cli enables it before the command runs
    if _chosen(arguments) == "sql":
        # NumPy's library for linear algebra starts a thread per core, 40 ms that no query has a use for.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if _chosen(arguments) in {*COMMANDS, "eval"} and not {"--help", "-h"} & set(arguments):
        from storage.arrow_start import start_without_pandas

        start_without_pandas()
    sys.exit(run_cli(arguments))


if __name__ == "__main__":
    main()
