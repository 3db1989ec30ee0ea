"""A program of a relay's user: one question, and what it cost in tokens."""

import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["RELAY_URL"], api_key=os.environ["RELAY_KEY"])

answer = client.chat.completions.create(
    model="anthropic/claude-opus-5.5",
    messages=[
        {"role": "system", "content": "You answer in one sentence."},
        {"role": "user", "content": "What makes the tide turn?"},
    ],
    max_tokens=200,
)
print(answer.choices[0].message.content)
print(answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
