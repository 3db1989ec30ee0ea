"""`gateway serve`."""

from __future__ import annotations

from gateway.cli.setting import ConfigOption, EnvOption, configured, explained


def serve(config: ConfigOption = None, env: EnvOption = None) -> None:
    """Serve the Anthropic API to other programs, until stopped."""
    with explained():
        found = configured(config, env, serving=True)
        from gateway.server import serve as run  # noqa: PLC0415 - the server is an extra

        raise SystemExit(run(found))
