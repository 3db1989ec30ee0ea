"""A hospital's letters: health information goes under an agreement, or nowhere."""

from __future__ import annotations

from typing import Any

import gateway

client = gateway.Anthropic()  # GATEWAY_CONFIG names the configuration, GATEWAY_ENV its environment


def ask(what: str, data_class: str, **more: Any) -> None:
    """Ask, and print who answered."""
    try:
        with gateway.labels(data_class=data_class, ward="cardiology"):
            answer = client.messages.with_raw_response.create(
                model="claude-sonnet-5-5",
                max_tokens=300,
                messages=[{"role": "user", "content": what}],
                **more,
            )
    except gateway.PolicyDenied as denied:
        print(f"{what} {data_class}: not sent: {denied}")
    else:
        print(f"{what} {data_class}: {answer.headers['x-gateway-upstream']}")


ask("Summarize the discharge letter.", "phi")
ask("Cluster these complaints.", "deidentified")
ask("Look the drug up.", "phi", tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}])
