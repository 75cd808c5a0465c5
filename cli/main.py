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
from click.exceptions import Abort, ClickException, Exit

from cli import demo, night, results, site
from schemas.errors import NightshiftError, UserError

DONE, TROUBLED, MISTAKE, DEADLINE, INTERRUPTED = 0, 1, 2, 3, 130
BROKEN_PIPE = 141
DEBUG = "NIGHTSHIFT_DEBUG"

app = typer.Typer(
    name="nightshift",
    help="Turns archives of surveillance footage into anonymized video, tables and maps, overnight.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (site, night, results, demo):
    group.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nightshift {version('nightshift')}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del show_version
    if debug:
        os.environ[DEBUG] = "1"


def run_cli(arguments: Sequence[str]) -> int:
    """Runs one command line and gives its exit code; errors become one line on stderr."""
    try:
        code = app(args=list(arguments), standalone_mode=False)
    except Exit as error:
        return error.exit_code
    except (Abort, KeyboardInterrupt):
        return _tell("interrupted", INTERRUPTED)
    except ClickException as error:
        return _tell(error.format_message(), MISTAKE)
    except UserError as error:
        return _tell(str(error), MISTAKE, error)
    except NightshiftError as error:
        return _tell(str(error), TROUBLED, error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  the last boundary: a bug is told as one, and exits non-zero
        return _tell(f"a bug, please report it: {type(error).__name__}: {error} (--debug shows where)", TROUBLED, error)
    return code if isinstance(code, int) else DONE


def _tell(message: str, code: int, error: Exception | None = None) -> int:
    if error is not None and os.environ.get(DEBUG):
        raise error
    typer.echo(f"nightshift: {' '.join(message.split())}", err=True)
    return code


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run_cli(sys.argv[1:]))
