"""The conformance kit: does a model, robot, dataset or selector keep the contract?

from iis_core.testing import check

def test_my_model():
    assert not [result for result in check("mine/model") if result.status == "failed"]
"""

from iis_core.testing.datasets import check_dataset
from iis_core.testing.initial_robots import check_initial_robot
from iis_core.testing.models import check_model
from iis_core.testing.named import check
from iis_core.testing.results import CheckResult
from iis_core.testing.robots import check_robot
from iis_core.testing.selectors import check_selector

__all__ = [
    "CheckResult",
    "check",
    "check_dataset",
    "check_initial_robot",
    "check_model",
    "check_robot",
    "check_selector",
]
