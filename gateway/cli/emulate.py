"""`gateway demo` and `gateway emulate`: everything on this machine, without an account."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.setting import explained


def demo(
    broken: Annotated[
        str | None, typer.Option("--break", envvar="GATEWAY_DEMO_BREAK", hidden=True)
    ] = None,
) -> None:
    """Show what the gateway does, on this machine, with emulated platforms; no account needed."""
    with explained():
        from gateway.demo import UnknownStep, run  # noqa: PLC0415 - no other command needs it

        try:
            status = run(broken)
        except UnknownStep as error:
            typer.echo(str(error), err=True)
            status = 2
        raise typer.Exit(status)


def emulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The direct API's; the others follow. 0: any.")] = 8090,
) -> None:
    """Run emulated Claude platforms on this machine, until stopped."""
    with explained():
        from gateway.emulator import serve  # noqa: PLC0415 - no other command needs it

        serve(host, port)
