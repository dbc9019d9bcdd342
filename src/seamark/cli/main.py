"""The `seamark` command: its sub-commands, and how every error leaves it.

A command parses its arguments and calls an ordinary function. Results go to stdout, everything
else to stderr; a failure is one readable line (``--verbose`` adds the trace) and an exit code of
:class:`seamark.errors.ExitCode`.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seamark.cli import commands
from seamark.errors import ExitCode, SeamarkError

app = typer.Typer(
    name="seamark",
    help="Which standardised skills a text calls for.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_verbose = False


def _show_version(wanted: bool) -> None:
    if wanted:
        from seamark import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the trace of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    global _verbose
    _verbose = verbose


commands.register(app)


def main() -> None:
    """Run the command line and leave with a documented exit code."""
    try:
        app()
    except SeamarkError as error:
        _fail(error, str(error), error.exit_code)
    except KeyboardInterrupt as error:
        _fail(error, "stopped", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) went away: not an error of ours.
        sys.stderr.close()
        sys.exit(ExitCode.WORKED)
    except OSError as error:
        _fail(error, _explain_os_error(error), ExitCode.FAILED)


def _explain_os_error(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}"


def _fail(error: BaseException, message: str, code: ExitCode) -> None:
    if _verbose:
        import traceback

        traceback.print_exception(error)
    typer.echo(f"seamark: {' '.join(message.split())}", err=True)
    sys.exit(code)
