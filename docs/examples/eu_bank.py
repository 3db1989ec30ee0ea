"""A bank's desk: each call says what its data is, and `eu-bank.toml` says where it may go."""

from __future__ import annotations

import gateway

client = gateway.Anthropic()  # GATEWAY_CONFIG names the configuration, GATEWAY_ENV its environment


def ask(text: str, data_class: str | None) -> None:
    """Ask, and print who answered; without a label the call counts as customer data."""
    try:
        with gateway.labels(data_class=data_class, team="branch-12"):
            answer = client.messages.with_raw_response.create(
                model="claude-opus-5-5",
                max_tokens=300,
                messages=[{"role": "user", "content": text}],
            )
    except gateway.PolicyDenied as denied:
        print(f"{data_class}: not sent: {denied}")
    else:
        print(f"{data_class}: {answer.headers['x-gateway-upstream']}")


ask("Shorten this note on the new opening hours.", "internal")
ask("Draft a reply to this customer's letter.", "customer")
ask("Which of these letters is urgent?", None)
ask("Why was the payment with this card declined?", "payment")
