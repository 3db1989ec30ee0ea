"""A program of a relay's user: the model calls tools until it has an answer."""

import json
import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["RELAY_URL"], api_key=os.environ["RELAY_KEY"])

tools = [
    {
        "type": "function",
        "function": {
            "name": "tide_at",
            "description": "Return the height of the tide at a place, in metres.",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string"}},
                "required": ["place"],
            },
        },
        "cache_control": {"type": "ephemeral"},
    }
]
messages = [{"role": "user", "content": "[[tool:tide_at]] How high is the tide at Husum?"}]

turns = 0
while turns < 5:
    turns += 1
    message = (
        client.chat.completions.create(
            model="claude-opus-4-6",
            messages=messages,
            tools=tools,
            tool_choice="auto",
            reasoning_effort="medium",
        )
        .choices[0]
        .message
    )
    messages.append(message)
    if not message.tool_calls:
        break
    for call in message.tool_calls:
        place = json.loads(call.function.arguments)["place"]
        print("called", call.function.name, place)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "3.1"})

print("turns", turns)
print(message.content)
