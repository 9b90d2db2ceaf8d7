"""The conformance kit: checks whether a plugin, or a model, robot, dataset or selector, keeps the contract.

Example:
    ```python
    from iis_core.testing import parametrize_with_checks

    @parametrize_with_checks("iis-mine")
    def test_contract(check):
        check()
    ```
"""

from iis_core.testing.datasets import check_dataset
from iis_core.testing.initial_robots import check_initial_robot
from iis_core.testing.models import check_model
from iis_core.testing.named import check, check_plugin, parametrize_with_checks
from iis_core.testing.results import CheckResult
from iis_core.testing.robots import check_robot
from iis_core.testing.selectors import check_selector

__all__ = [
    "CheckResult",
    "check",
    "check_dataset",
    "check_initial_robot",
    "check_model",
    "check_plugin",
    "check_robot",
    "check_selector",
    "parametrize_with_checks",
]
