"""What the tests of stages share."""

import pytest

from swaprank.methods.lexical import LexicalMatch


@pytest.fixture
def asked(monkeypatch) -> dict[str, bool]:
    """What `lexical` is asked, and whether the passages were retrieved for it; filled as it is asked."""
    found: dict[str, bool] = {}
    steps = LexicalMatch.steps

    def noted(self, query, passages):
        found[query.text] = query.retrieved
        return steps(self, query, passages)

    monkeypatch.setattr(LexicalMatch, "steps", noted)
    return found
