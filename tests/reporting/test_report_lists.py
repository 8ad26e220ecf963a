"""Stage 7's report takes the results of one list alone."""

import pytest

from uss.bin import report


def run(systems, *options):
    report.main(["--name", "paper", "--systems", *systems, *options])


def test_results_of_an_older_list_are_refused(make_recipe):
    recipe = make_recipe()
    systems = recipe.write_all()
    recipe.write_list("eval", recipe.mixtures[1:])
    with pytest.raises(ValueError, match="eval.csv has changed since the evaluation"):
        run(systems)


def test_a_mix_up_of_lists_is_refused(make_recipe):
    """One system's results are of another list with the same mixtures."""
    recipe = make_recipe()
    systems = recipe.write_all()
    recipe.write_results("resunet", list_digest="2" * 64)
    with pytest.raises(ValueError, match="different lists and cannot be compared.*resunet"):
        run(systems)


def test_the_list_of_detected_anchors_asks_for_results_of_all_systems(make_recipe):
    recipe = make_recipe()
    systems = recipe.write_all()
    recipe.write_list("eval_sed", recipe.mixtures[:6])
    recipe.write_results(systems[0], "results_sed", recipe.mixtures[:6])
    with pytest.raises(ValueError, match="resunet.*results_sed.*no results"):
        run(systems)
