"""A contractor's search: the higher the class, the fewer the places."""

from __future__ import annotations

import gateway

client = gateway.Anthropic()  # GATEWAY_CONFIG names the configuration, GATEWAY_ENV its environment


def ask(text: str, data_class: str) -> None:
    """Ask, and print who answered."""
    try:
        with gateway.labels(data_class=data_class, contract="w912-26-c-0004"):
            answer = client.messages.with_raw_response.create(
                model="claude-opus-5-5",
                max_tokens=300,
                messages=[{"role": "user", "content": text}],
            )
    except gateway.PolicyDenied as denied:
        print(f"{data_class}: not sent: {denied}")
    else:
        print(f"{data_class}: {answer.headers['x-gateway-upstream']}")


ask("Explain this press release.", "public")
ask("Compare these two agency memoranda.", "fouo")
ask("List the open findings of this inspection.", "cui")
