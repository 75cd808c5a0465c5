"""`submit`: runs on a Ray cluster, through its job server."""

from dataclasses import Field, fields
from typing import Annotated, Any, get_args

import typer

from cli.options import HERE, Json, SelectionOptions, SiteFolder, WorkOptions, with_shared_options
from cli.output import Output
from cli.run import stopping_gently
from jobs.commands.submit import submit_run
from jobs.site import open_site
from schemas.errors import UserError

DASHBOARD = "http://127.0.0.1:8265"
"""Where ``ray dashboard`` and ``kubectl port-forward`` bring a head's job server."""


@with_shared_options
def submit(
    *,
    folder: SiteFolder = HERE,
    selected: SelectionOptions,
    work: WorkOptions,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for the run's end.")] = False,
    as_json: Json = False,
) -> int:
    """Run on a Ray cluster: send the site's settings, follow the run, stop it with Ctrl-C."""
    output = Output(as_json)
    if work.in_process:
        raise UserError("--in-process is for `nightshift run`: a submitted run works on the cluster")
    address = work.address or DASHBOARD
    if not address.startswith(("http://", "https://")):
        raise UserError(
            f"--address {address}: submit needs the head's job server, as {DASHBOARD}; `ray dashboard` brings it there"
        )
    site = open_site(folder)
    work.run_options(selected.retry)  # a mistake is said here, not on the cluster
    arguments = [*options_given(selected), *options_given(work, but=("address",))]
    with stopping_gently(output) as stop:
        run = submit_run(site, arguments, address, output.log, output.warn, stop, wait=not no_wait)
    if as_json:
        end = run.end
        output.json(
            {
                "job": run.job,
                "files": list(run.files),
                "status": end.status if end else "SUBMITTED",
                "message": end.message if end else "",
                "exit_code": run.exit_code,
            }
        )
    elif run.end is None:
        output.say(f"job {run.job} is on the cluster; `ray job logs {run.job} --follow` shows it")
    elif run.end.exit_code is None and run.exit_code:
        output.warn(f"job {run.job}: {run.end.status}: {run.end.message}")
    return run.exit_code


def options_given(group: SelectionOptions | WorkOptions, but: tuple[str, ...] = ()) -> list[str]:
    """Returns the options of a group that differ from their defaults, as words of a command line."""
    words: list[str] = []
    for field in fields(group):
        value = getattr(group, field.name)
        if field.name in but or value == field.default:
            continue
        for each in value if isinstance(value, list) else [value]:
            words += [_name(field)] if each is True else [_name(field), str(each)]
    return words


def _name(field: Field[Any]) -> str:
    _, option = get_args(field.type)
    # Within Annotated, Typer takes the first name for the default until it reads the command's signature.
    return next(each for each in map(str, (option.default, *option.param_decls)) if each.startswith("--"))
