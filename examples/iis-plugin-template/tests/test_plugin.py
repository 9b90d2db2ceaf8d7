from iis_core import evaluate
from iis_core.metrics import mean_noc
from iis_core.testing import parametrize_with_checks


@parametrize_with_checks("iis-plugin-template")
def test_it_keeps_the_contract(check):
    check()


def test_few_clicks_are_enough_for_discs(tmp_path):
    run = evaluate("plugin-template/grow", "plugin-template/discs", out=tmp_path / "run")
    assert mean_noc(run.records, 0.85, run.protocol) < 4
