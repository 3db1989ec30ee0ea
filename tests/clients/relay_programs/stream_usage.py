"""A program of a relay's user: an answer as it is written, and its usage from the last chunk."""

import asyncio
import os

from openai import AsyncOpenAI


async def main():
    client = AsyncOpenAI(base_url=os.environ["RELAY_URL"], api_key=os.environ["RELAY_KEY"])
    stream = await client.chat.completions.create(
        model="claude-haiku-5-5",
        messages=[{"role": "user", "content": "Tell me of the sea."}],
        max_completion_tokens=300,
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            print(chunk.choices[0].delta.content, end="", flush=True)
        if chunk.usage:
            print()
            print("usage", chunk.usage.prompt_tokens, chunk.usage.completion_tokens)


asyncio.run(main())
