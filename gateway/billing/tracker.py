"""Bills for applications: of one conversation, or of many users."""

from __future__ import annotations

from collections.abc import Hashable

from gateway.billing.bill import Bill
from gateway.billing.labels import Labels, Place
from gateway.ledger.row import Row


class CostTracker(Bill):
    """What the messages of one user or one conversation cost.

    Each message is charged once, however often and in whatever order it is told of. Threads may
    share one.
    """

    def add(
        self,
        thing: object,
        *,
        session: str = "",
        stream: Hashable = None,
        message_id: str = "",
        place: Place | None = None,
        at_s: float | None = None,
    ) -> None:
        """Take a message, a stream event or a result.

        Args:
            thing: Of the SDK or the Agent SDK, of a batch, or a line of `stream-json`; an object,
                a mapping or JSON. What says nothing of usage is passed over.
            session: The conversation, where the thing names none or another one is meant.
            stream: Names the stream that an event is of; needed where several streams of one
                session and agent are told of at once.
            message_id: For a message that names none itself.
            place: Where it comes from.
            at_s: When it was asked for, in Unix seconds.

        Raises:
            TypeError: It is nothing that an application gets from an SDK.
            ValueError: It is no JSON object, or a message with usage and without an id.
        """
        self._book.take(
            thing,
            place or self._place,
            Labels(session=session),
            stream=stream,
            message_id=message_id,
            at_s=at_s,
        )


class BillingAggregator(Bill):
    """What the messages of many users cost: by user, team, session and agent.

    Like `CostTracker`, and takes the rows of the ledger too. What is fed to it as a message must
    not be fed as a row as well.
    """

    def add(
        self,
        thing: object,
        *,
        user: str = "",
        team: str = "",
        session: str = "",
        agent: str = "",
        parent_agent: str = "",
        stream: Hashable = None,
        message_id: str = "",
        place: Place | None = None,
        at_s: float | None = None,
    ) -> None:
        """Take a message, a stream event or a result, as `CostTracker.add` does.

        Args:
            thing: What tells of usage.
            user: Who is billed.
            team: The user's team.
            session: The conversation, where the thing names none or another one is meant.
            agent: The agent, where the thing names none; empty: the main one.
            parent_agent: The agent that began it, where no tool call tells.
            stream: Names the stream that an event is of.
            message_id: For a message that names none itself.
            place: Where it comes from.
            at_s: When it was asked for, in Unix seconds.

        Raises:
            TypeError: It is nothing that an application gets from an SDK.
            ValueError: It is no JSON object, or a message with usage and without an id.
        """
        labels = Labels(
            user=user, team=team, session=session, agent=agent, parent_agent=parent_agent
        )
        self._book.take(
            thing,
            place or self._place,
            labels,
            stream=stream,
            message_id=message_id,
            at_s=at_s,
        )

    def add_row(self, row: Row) -> None:
        """Take an attempt as the ledger has it; of two versions of one the later one holds."""
        self._book.take_row(row)
