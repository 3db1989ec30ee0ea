"""A program of a relay's user: a long document is cached once, and asked about again and again.

The mark stands in the content part, as relays for Claude document it; the counters are read from
`usage`, under both of the names that relays give them.
"""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["RELAY_URL"], api_key=os.environ["RELAY_KEY"])

document = "The harbour master keeps a book of every tide and every boat that came in on it. " * 150


def ask(question):
    return client.chat.completions.create(
        model="claude-sonnet-5-5",
        messages=[
            {
                "role": "system",
                "content": [
                    {"type": "text", "text": "You know this document."},
                    {
                        "type": "text",
                        "text": document,
                        "cache_control": {"type": "ephemeral"},
                    },
                ],
            },
            {"role": "user", "content": question},
        ],
        max_tokens=100,
    ).usage


for question in ("Who keeps the book?", "What is in it?"):
    usage = ask(question)
    details = usage.prompt_tokens_details
    print(
        "written",
        usage.cache_creation_input_tokens,
        details.cache_write_tokens,
        "read",
        usage.cache_read_input_tokens,
        details.cached_tokens,
        "prompt",
        usage.prompt_tokens,
    )
