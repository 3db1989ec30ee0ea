"""`gateway demo` and `gateway emulate`: everything on this machine, without an account."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.setting import explained

if TYPE_CHECKING:
    from gateway.emulator import Emulator, Faults


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
    port: Annotated[
        int,
        typer.Option(min=0, max=65_533, help="The direct API's; the others follow. 0: any."),
    ] = 8090,
    service_account: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a service-account file for Vertex AI there."),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Faults to begin with: TOML, [[fault]] tables."),
    ] = None,
) -> None:
    """Run emulated Claude platforms on this machine, until stopped; print how to reach them."""
    with explained():
        from gateway.emulator import serve  # noqa: PLC0415 - no other command needs it

        serve(
            host,
            port,
            faults=None if script is None else _scripted(script),
            ready=lambda emulator: _introduce(emulator, service_account),
        )


def _scripted(file: Path) -> Faults:
    from gateway.emulator import Faults  # noqa: PLC0415 - as above
    from gateway.emulator.scripts import ScriptError, read_script  # noqa: PLC0415 - as above

    faults = Faults()
    try:
        for one in read_script(file.read_text("utf-8"), str(file)):
            faults.add(one)
    except ScriptError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"cannot read {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    except UnicodeDecodeError:
        typer.echo(f"cannot read {file}: it is not UTF-8", err=True)
        raise typer.Exit(1) from None
    return faults


def _introduce(emulator: Emulator, service_account: Path | None) -> None:
    """Print the platforms as the variables that the SDK's clients and boto3 read."""
    bedrock, vertex = emulator.bedrock, emulator.vertex
    if service_account is None:
        vertex_credential = f"# access token: {emulator.api_key}; a file: --service-account FILE"
    else:
        vertex_credential = f"GOOGLE_APPLICATION_CREDENTIALS={_written(emulator, service_account)}"
    lines = (
        "# Claude's platforms, emulated. Nothing here is a secret.",
        f"ANTHROPIC_BASE_URL={emulator.direct.base_url}",
        f"ANTHROPIC_API_KEY={emulator.api_key}",
        f"ANTHROPIC_BEDROCK_BASE_URL={bedrock.base_url}",
        "AWS_REGION=eu-central-1",
        f"AWS_ACCESS_KEY_ID={bedrock.door.identity.access_key}",
        f"AWS_SECRET_ACCESS_KEY={bedrock.door.identity.secret_key}",
        f"ANTHROPIC_VERTEX_BASE_URL={vertex.base_url}/v1",
        f"ANTHROPIC_VERTEX_PROJECT_ID={vertex.account.project}",
        "CLOUD_ML_REGION=europe-west1",
        vertex_credential,
        f"ANTHROPIC_BEDROCK_MANTLE_BASE_URL={emulator.mantle.base_url}/anthropic",
        f"ANTHROPIC_AWS_BASE_URL={emulator.aws.base_url}",
        "ANTHROPIC_AWS_WORKSPACE_ID=wrkspc_emulator",
        f"# claude.googleapis.com: {emulator.google_cloud.base_url}",
        f"ANTHROPIC_FOUNDRY_BASE_URL={emulator.foundry.base_url}/anthropic",
        f"# a relay of the Messages API: {emulator.relay.base_url}",
        f"# an OpenAI-compatible relay: {emulator.openai_relay.client_url}",
        f"# faults and records: {emulator.direct.base_url}/_emulator/",
        "",
    )
    typer.echo("\n".join(lines))
    sys.stdout.flush()


def _written(emulator: Emulator, file: Path) -> Path:
    try:
        return emulator.vertex.write_service_account(file.absolute())
    except OSError as error:
        typer.echo(f"cannot write {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
