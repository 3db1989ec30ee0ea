"""The command line: one module for each command; nothing heavy is imported before it is used."""

from __future__ import annotations

import typer

from gateway.cli import (
    audit,
    capabilities,
    check,
    doctor,
    emulate,
    explain,
    import_,
    init,
    ledger,
    policy,
    prices,
    reconcile,
    serve,
    status,
    usage,
    version,
)

app = typer.Typer(
    name="gateway",
    help="Tidegate: call Claude in one way; policy decides where each request may be served.",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables would print secrets and prompts.
    pretty_exceptions_enable=False,
)
app.command("init")(init.init)
app.command("check")(check.check)
app.command("capabilities")(capabilities.capabilities)
app.command("doctor")(doctor.doctor)
app.add_typer(import_.app, name="import")
app.command("explain")(explain.explain)
app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("demo")(emulate.demo)
app.command("emulate")(emulate.emulate)
app.add_typer(audit.app, name="audit")
app.add_typer(ledger.app, name="ledger")
app.add_typer(usage.app, name="usage")
app.command("reconcile")(reconcile.reconcile)
app.command("version")(version.version)
app.add_typer(policy.app, name="policy")
app.add_typer(prices.app, name="prices")


def main() -> None:
    """Run the command that the arguments name."""
    app()
