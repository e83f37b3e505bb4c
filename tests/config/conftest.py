"""Keys of hosted services, so that their recipes can be built."""

import pytest

from swaprank.backends.http.services import SERVICES


@pytest.fixture(autouse=True)
def _keys_of_services(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in SERVICES.values():
        for name in (*service.keys[:1], *service.regions[:1], *service.projects):
            monkeypatch.setenv(name, "of-the-tests")
