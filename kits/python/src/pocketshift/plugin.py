"""The fixtures `pocketshift_host` (one server for the run) and `cluster` (a fresh one for the test)."""

import pytest

from . import Host, PocketshiftError


@pytest.fixture(scope="session")
def pocketshift_host():
    with Host() as host:
        yield host


@pytest.fixture
def cluster(pocketshift_host, request):
    made = pocketshift_host.create()
    request.node.pocketshift_cluster = made
    yield made
    made.delete()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What happened in the cluster belongs to what is said of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    made = getattr(item, "pocketshift_cluster", None)
    if report.when != "call" or not report.failed or made is None:
        return
    try:
        report.sections.append(("pocketshift trail", made.trail()))
    except PocketshiftError as why:
        report.sections.append(("pocketshift trail", f"not to be had: {why}"))
