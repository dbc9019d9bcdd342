"""The functional and performance tests of a candidate, run before it is registered."""

from seamark.building.checks.result import CheckReport, CheckResult
from seamark.building.checks.running import run_checks

__all__ = ["CheckReport", "CheckResult", "run_checks"]
