"""What all tests share: quiet surroundings, `--refresh`, and a count of what was skipped."""

import os
import tempfile
from collections import Counter

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side
os.environ.setdefault("MPLBACKEND", "Agg")  # pictures without a screen

_cache = tempfile.TemporaryDirectory(prefix="glassgrad-")  # compiled steps are kept here
os.environ["XDG_CACHE_HOME"] = _cache.name

EXPECTED_SKIPS = (  # the openings of reasons that `--no-skips` lets pass: what a machine has not
    "no GPU",
    "this processor is not",
    "there is nothing with more digits",
    "no fork here",
    "no owners here",
)


def pytest_addoption(parser):
    parser.addoption(
        "--refresh",
        action="store_true",
        help="write what the programs of the pages print into them",
    )
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="fail when a test is skipped for an unexpected reason",
    )


def reason(report) -> str:
    """Why a test was skipped: `longrepr` is (file, line, "Skipped: reason")."""
    return report.longrepr[2].removeprefix("Skipped: ")


def skips(config) -> Counter:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return Counter(reason(report) for report in reporter.stats.get("skipped", ()))


def unexpected_skips(config) -> list[str]:
    return [why for why in skips(config) if not why.startswith(EXPECTED_SKIPS)]


def pytest_sessionfinish(session, exitstatus):
    if session.config.option.no_skips and unexpected_skips(session.config):
        session.exitstatus = max(exitstatus, 1)


def pytest_terminal_summary(terminalreporter, config):
    for why, count in skips(config).most_common():
        terminalreporter.write_line(f"skipped {count}: {why}")
    if config.option.no_skips and (unexpected := unexpected_skips(config)):
        terminalreporter.write_line(
            f"FAILED: {len(unexpected)} unexpected reasons to skip", red=True
        )
