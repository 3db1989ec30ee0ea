"""`gateway policy`: check, test and compare policies, and block an upstream at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.setting import ConfigOption, EnvOption, JsonOption, explained

app = typer.Typer(
    help="Check, test and compare policies; block an upstream at once.", no_args_is_help=True
)

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE|DIR]...", help="Else those of the configuration."),
]
UpstreamsOption = Annotated[
    Path | None,
    typer.Option(
        "--upstreams",
        metavar="FILE",
        help="Take the upstreams of a test file; else those configured.",
    ),
]
UpstreamArgument = Annotated[str, typer.Argument(metavar="UPSTREAM", help="A name or a glob.")]


@app.command("lint")
def lint(
    paths: PathsArgument = None,
    *,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what is wrong or odd in policies and attestations, and what ends soon.

    A file that is named is looked at by itself, over the upstreams of the test file beside it or
    else the configured ones. Exits 1 on an error; a warning is none.
    """
    with explained(as_json=as_json):
        from gateway.cli import policy_lint  # noqa: PLC0415 - pydantic is slow to import

        policy_lint.run(paths or [], config=config, env=env, as_json=as_json)


@app.command("test")
def run_tests(
    paths: PathsArgument = None,
    *,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the tests beside policies: `X_test.toml` is for `X.toml` alone. Exits 1 on a failure."""
    with explained(as_json=as_json):
        from gateway.cli import policy_tests  # noqa: PLC0415 - pydantic is slow to import

        policy_tests.run(paths or [], config=config, env=env, as_json=as_json)


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A policy, or a directory of them.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same, as it would be.")],
    *,
    upstreams: UpstreamsOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changes between policies: not their words, but what they decide."""
    with explained(as_json=as_json):
        from gateway.cli import policy_diff  # noqa: PLC0415 - pydantic is slow to import

        policy_diff.run(old, new, upstreams=upstreams, config=config, env=env, as_json=as_json)


@app.command("simulate")
def simulate(
    *,
    policy: Annotated[
        list[Path],
        typer.Option("--policy", metavar="FILE|DIR", help="The policies to try; repeatable."),
    ],
    journal: Annotated[
        Path | None,
        typer.Option("--journal", metavar="DIR|FILE", help="Else the configured journal."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="T", help="Only decisions from then on: 2026-11-22, a time, -7d."),
    ] = None,
    upstreams: UpstreamsOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide the calls of a journal again with other policies, and say what would differ."""
    with explained(as_json=as_json):
        from gateway.cli import policy_simulate  # noqa: PLC0415 - pydantic is slow to import

        policy_simulate.run(
            policy,
            journal=journal,
            since=since,
            upstreams=upstreams,
            config=config,
            env=env,
            as_json=as_json,
        )


@app.command("block")
def block(
    upstream: UpstreamArgument,
    *,
    because: Annotated[str, typer.Option(metavar="WHY", help="Why; it stands in every refusal.")],
    until: Annotated[
        str | None,
        typer.Option(metavar="T", help="A last day, a time, +2h; else until it is unblocked."),
    ] = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nothing go to an upstream from now on; running gateways follow within 5 s."""
    with explained(as_json=as_json):
        from gateway.cli import policy_block  # noqa: PLC0415 - pydantic is slow to import

        policy_block.block(
            upstream, because=because, until=until, config=config, env=env, as_json=as_json
        )


@app.command("unblock")
def unblock(
    upstream: UpstreamArgument,
    *,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the block of an upstream out, as it was written."""
    with explained(as_json=as_json):
        from gateway.cli import policy_block  # noqa: PLC0415 - pydantic is slow to import

        policy_block.unblock(upstream, config=config, env=env, as_json=as_json)
