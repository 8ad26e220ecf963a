import pytest

from uss.evaluation.results import Scores, read_system


def read(recipe, *systems):
    return [read_system(recipe.experiment / system / "results") for system in systems]


def test_scores_align_systems(make_recipe):
    recipe = make_recipe()
    for system in ("resunet_joint", "mae_frozen", "ideal_ratio_mask"):
        recipe.write_results(system)
    scores = Scores(read(recipe, "resunet_joint", "mae_frozen", "ideal_ratio_mask"))
    assert scores.columns == [
        ("resunet_joint", "oracle"),
        ("resunet_joint", "average"),
        ("mae_frozen", "oracle"),
        ("mae_frozen", "average"),
        ("ideal_ratio_mask", "oracle"),
    ]
    baseline = scores.of("resunet_joint", "average", "sdri")
    ours = scores.of("mae_frozen", "average", "sdri")
    assert set(baseline) == {mixture_id for mixture_id, _, _ in recipe.mixtures}
    assert all(ours[key] - baseline[key] == pytest.approx(0.5) for key in baseline)
    assert scores.column("ideal_ratio_mask", "average") is None


def test_other_lists_are_refused(make_recipe):
    recipe = make_recipe()
    recipe.write_results("resunet_joint")
    recipe.write_results("mae_frozen", list_digest="2" * 64)
    with pytest.raises(ValueError, match="different lists.*resunet_joint.*mae_frozen"):
        Scores(read(recipe, "resunet_joint", "mae_frozen"))


def test_other_mixtures_under_the_same_digest_are_refused(make_recipe):
    recipe = make_recipe()
    recipe.write_results("resunet_joint")
    swapped = [(mixture_id, class_id, "g0") for mixture_id, class_id, _ in recipe.mixtures]
    for mixtures in (recipe.mixtures[:-2], swapped):
        recipe.write_results("mae_frozen", mixtures=mixtures)
        with pytest.raises(ValueError, match="resunet_joint has .* mae_frozen"):
            Scores(read(recipe, "resunet_joint", "mae_frozen"))


def test_other_class_tables_are_refused(make_recipe):
    recipe = make_recipe()
    recipe.write_results("resunet_joint")
    recipe.write_results("mae_frozen", num_classes=5)
    with pytest.raises(ValueError, match="different numbers of classes"):
        Scores(read(recipe, "resunet_joint", "mae_frozen"))


def test_parts_must_be_all_there_and_untouched(make_recipe):
    recipe = make_recipe()
    folder = recipe.experiment / "mae_frozen" / "results"
    with pytest.raises(ValueError, match="mae_frozen.*no results.*stage 7"):
        read_system(folder)
    recipe.write_results("mae_frozen", num_parts=3)
    with pytest.raises(ValueError, match="part_0002.csv"):
        read_system(folder)
    recipe.write_results("mae_frozen", num_parts=1)
    with pytest.raises(ValueError, match="superfluous: part_0001.csv"):
        read_system(folder)
    recipe.write_results("mae_frozen")
    read_system(folder)
    part = folder / "part_0001.csv"
    part.write_text(part.read_text().replace("g0,", "g0,9"))
    with pytest.raises(ValueError, match="part_0001.csv was edited"):
        read_system(folder)


def test_parts_of_two_configurations_are_refused(make_recipe):
    recipe = make_recipe()
    folder = recipe.experiment / "mae_frozen" / "results"
    recipe.write_results("mae_frozen", config_digest="d" * 64)
    kept = {path: path.read_bytes() for path in folder.glob("part_0000*")}
    recipe.write_results("mae_frozen")
    for path, content in kept.items():
        path.write_bytes(content)
    with pytest.raises(ValueError, match="config_digest"):
        read_system(folder)


def test_an_embedding_must_not_be_missing(make_recipe):
    recipe = make_recipe()
    rows = recipe.rows
    recipe.rows = lambda system, mixtures: [
        row for row in rows(system, mixtures) if row.embedding == "oracle"
    ]
    recipe.write_results("mae_frozen")
    with pytest.raises(ValueError, match="no rows of the average embedding"):
        read(recipe, "mae_frozen")
    recipe.write_results("ideal_ratio_mask")  # the bound has no other
    read(recipe, "ideal_ratio_mask")
