"""The command `nightshift`: its commands, and the boundary at which errors become one line and an exit code.

Exit codes: 0 done; 1 done, but something is quarantined or failed; 2 the user's mistake; 3 stopped at its deadline with
work left; 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cli import demo, privacy, reprocess, results, site
from cli import maintenance as upkeep
from cli import run as night
from schemas.errors import NightshiftError, UserError

DONE, TROUBLED, MISTAKE, DEADLINE, INTERRUPTED = 0, 1, 2, 3, 130
BROKEN_PIPE = 141
DEBUG = "--debug"

app = typer.Typer(
    name="nightshift",
    help="Turns archives of surveillance footage into anonymized video, tables and maps, overnight.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (site, night, reprocess, results, privacy, upkeep, demo):
    group.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nightshift {version('nightshift')}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del show_version, debug  # run_cli, which sees every error, looks for --debug itself


def run_cli(arguments: Sequence[str]) -> int:
    """Runs one command line and gives its exit code; errors become one line on stderr."""
    try:
        code = app(args=list(arguments), standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _tell("interrupted", INTERRUPTED)
    except TyperException as error:
        return _tell(error.format_message(), MISTAKE)
    except NightshiftError as error:
        if DEBUG in arguments:
            raise
        return _tell(str(error), MISTAKE if isinstance(error, UserError) else TROUBLED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if DEBUG in arguments:
            raise
        return _tell(f"a bug, please report it: {type(error).__name__}: {error} (--debug shows where)", TROUBLED)
    return code if isinstance(code, int) else DONE


def _tell(message: str, code: int) -> int:
    typer.echo(f"nightshift: {' '.join(message.split())}", err=True)
    return code


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run_cli(sys.argv[1:]))


if __name__ == "__main__":
    main()
