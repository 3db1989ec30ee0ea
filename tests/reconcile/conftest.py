from __future__ import annotations

from tests.ledger.conftest import ledger, new_postgres, new_url, postgres, url

__all__ = ["ledger", "new_postgres", "new_url", "postgres", "url"]
