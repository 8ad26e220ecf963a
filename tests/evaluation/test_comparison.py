import csv
from itertools import pairwise

import matplotlib.image
import pytest

from uss.evaluation.comparison import ClassValues, compare
from uss.evaluation.results import Scores, read_system
from uss.labels import audioset_classes, read_classes
from uss.reporting.figure2 import class_curves, figure2, figure2_classes
from uss.reporting.figures import COLUMN_INCHES, PAGE_INCHES, STYLE
from uss.reporting.results_table import (
    AVERAGE,
    DETECTED,
    ORACLE,
    Table,
    class_table,
    gains_table,
    markdown,
    notes,
    system_lines,
    system_tables,
)
from uss.schema import Evaluate


def compared(recipe, systems, folder="results", summary="mean", **keys):
    results = [read_system(recipe.experiment / system / folder) for system in systems]
    classes = read_classes(recipe.folder / "data" / "classes.csv")
    names = {"reference": "resunet_joint", "figure2_systems": ["resunet", "mae_frozen"]} | keys
    return compare(Scores(results), classes, Evaluate(summary=summary, num_draws=50, **names))


@pytest.mark.parametrize("names", [{}, {"reference": "baseline", "figure2_systems": ["ours"]}])
def test_without_the_reference_there_are_no_gains_and_it_is_said(make_recipe, caplog, names):
    recipe = make_recipe()
    recipe.write_results("mae_frozen")
    comparison = compared(recipe, ["mae_frozen"], **names)
    assert "gain over" not in " ".join(system_tables(comparison)[AVERAGE].header)
    assert comparison.figure2_systems == ["mae_frozen"]
    assert "no gains are shown" in caplog.text and "mae_frozen" in caplog.text


def test_systems_may_have_any_names(make_recipe):
    recipe = make_recipe()
    for system in ("baseline", "ours"):
        recipe.write_results(system)
    comparison = compared(
        recipe, ["baseline", "ours"], reference="baseline", figure2_systems=["baseline", "ours"]
    )
    table = system_tables(comparison)[AVERAGE]
    assert "SDRi: gain over baseline" in table.header and "over baseline" in " ".join(
        notes(comparison)
    )
    figure2(comparison, comparison.classes, recipe.folder / "figure2")
    header = (recipe.folder / "figure2.csv").read_text().splitlines()[0]
    assert header.endswith(",baseline,baseline_si_sdr,ours,ours_si_sdr")


def test_gain_is_paired(make_recipe):
    recipe = make_recipe()
    for system in ("resunet_joint", "mae_frozen", "untrained"):
        recipe.write_results(system)
    comparison = compared(recipe, ["resunet_joint", "mae_frozen", "untrained"])
    table = system_tables(comparison)[AVERAGE]
    gains = [row[table.header.index("SDRi: gain over resunet_joint")] for row in table.rows]
    assert gains == ["–", "0.50 (0.50 … 0.50)", "–"]  # although the classes differ by 2 dB
    gains = [row[table.header.index("SI-SDR: gain over resunet_joint")] for row in table.rows]
    assert gains == ["–", "1.00 (1.00 … 1.00)", "–"]
    headline = comparison.rows[1].headlines["average_sdri"]
    assert headline.high - headline.low > 0.5


def test_each_system_has_its_gain_over_every_other(make_recipe):
    recipe = make_recipe()
    systems = ["resunet", "resunet_joint", "mae_frozen", "untrained", "ideal_ratio_mask"]
    for system in systems:
        recipe.write_results(system)
    comparison = compared(recipe, systems)
    table = gains_table(comparison, "sdri")
    assert table.header == ["minus", "resunet", "resunet_joint", "mae_frozen"]
    assert table.rows[0] == ["resunet", "–", "-0.30 (-0.30 … -0.30)", "-0.80 (-0.80 … -0.80)"]
    assert table.rows[2] == ["mae_frozen", "0.80 (0.80 … 0.80)", "0.50 (0.50 … 0.50)", "–"]
    twice = ["mae_frozen", "1.60 (1.60 … 1.60)", "1.00 (1.00 … 1.00)", "–"]
    assert gains_table(comparison, "si_sdr").rows[2] == twice


def test_without_the_reference_there_is_no_gain(make_recipe):
    recipe = make_recipe()
    recipe.write_results("resunet")
    comparison = compared(recipe, ["resunet"])
    texts = system_tables(comparison)[AVERAGE].header + notes(comparison)
    assert not any("gain" in text for text in texts)


def test_si_sdr_and_its_share_below_zero_stand_beside_sdri(make_recipe):
    """Planted: the SI-SDR is twice the SDRi minus 19 dB; classes 0, 1, 2 have 10, 9, 8 dB of SDRi
    with the average embedding, and 0, 0.1, 0.2 more in their three recordings."""
    recipe = make_recipe()
    for system in ("resunet_joint", "ideal_ratio_mask"):
        recipe.write_results(system)
    comparison = compared(recipe, ["resunet_joint", "ideal_ratio_mask"])
    tables = system_tables(comparison)
    assert all(len(table.header) <= 8 for table in tables.values())
    (row,) = tables[AVERAGE].rows  # the bound has no average
    shown = dict(zip(tables[AVERAGE].header, row, strict=True))
    assert shown["SDRi"].startswith("9.10 (") and shown["SI-SDR"].startswith("-0.80 (")
    assert shown["SI-SDR below 0 dB"] == "67 %"  # of three classes, the two below 9.5 dB
    oracle = [dict(zip(tables[ORACLE].header, row, strict=True)) for row in tables[ORACLE].rows]
    assert [row["system"] for row in oracle] == ["resunet_joint", "ideal ratio mask (bound)"]
    assert oracle[0]["SI-SDR"].startswith("3.20 (") and oracle[0]["SI-SDR below 0 dB"] == "0 %"
    assert system_lines(comparison)[0] == (
        "resunet_joint: oracle SDRi 11.10 dB, SI-SDR 3.20 dB, 0 % of mixtures below 0; "
        "average SDRi 9.10 dB, SI-SDR -0.80 dB, 67 % of mixtures below 0"
    )
    assert class_table(comparison).rows[0][3:] == ["10.10 / 1.20", "16.10 / 13.20"]
    assert comparison.classes[0].si_sdr["average"]["resunet_joint"] == pytest.approx(1.2)


def test_the_share_below_zero_counts_recordings_once(make_recipe):
    """Class 1: recording g0 twice at -1 dB SI-SDR, g6 once above 0."""
    recipe = make_recipe()
    mixtures = [("a", "/m/001", "g0"), ("b", "/m/001", "g0"), ("c", "/m/001", "g6")]
    recipe.write_results("resunet_joint", mixtures=mixtures)
    for summary in ("mean", "median"):
        (row,) = compared(recipe, ["resunet_joint"], summary=summary).rows
        assert row.below_zero == {"oracle": 0.0, "average": 0.5}


def test_detected_anchors_have_a_table(make_recipe):
    recipe = make_recipe()
    recipe.write_results("mae_frozen")
    recipe.write_results("mae_frozen", "results_sed", recipe.mixtures[:6], list_digest="2" * 64)
    sed = compared(recipe, ["mae_frozen"], "results_sed")
    table = system_tables(compared(recipe, ["mae_frozen"]), sed)[DETECTED]
    assert table.rows[0][2].startswith("10.60 (")  # only class 0
    assert table.rows[0][3].startswith("2.20 (") and table.rows[0][4] == "0 %"


def test_both_summaries_stand_in_the_table(make_recipe):
    recipe = make_recipe()
    # class 0: recording g0 twice at 10 dB and g2 once at 10.2 dB, and 4.5 dB for the system
    mixtures = [("a", "/m/000", "g0"), ("b", "/m/000", "g0"), ("c", "/m/000", "g2")]
    recipe.write_results("mae_frozen", mixtures=mixtures)
    row = system_tables(compared(recipe, ["mae_frozen"], summary="median"))[AVERAGE].rows[0]
    assert row[2].startswith("10.50 (") and row[3] == "10.60"
    row = system_tables(compared(recipe, ["mae_frozen"], summary="mean"))[AVERAGE].rows[0]
    assert row[2].startswith("10.60 (") and row[3] == "10.50"


def test_classes_without_data_are_named(make_recipe):
    recipe = make_recipe()
    recipe.write_results("mae_frozen")
    comparison = compared(recipe, ["mae_frozen"])
    text = " ".join(notes(comparison))
    assert f"3 of 4 classes, 3 recordings (3 a class), 18 mixtures. Classes without data: " \
        f"{recipe.classes[-1].name}." in text  # fmt: skip
    assert [row[0] for row in class_table(comparison).rows] == [
        row.name for row in recipe.classes[:-1]
    ]


def test_results_of_another_class_table_are_refused(make_recipe):
    recipe = make_recipe()
    recipe.write_results("mae_frozen", num_classes=9)
    with pytest.raises(ValueError, match="9 classes.*has 4"):
        compared(recipe, ["mae_frozen"])


def test_markdown_escapes_bars():
    assert (
        markdown(Table(["a", "b"], [["x|y", "1"]])) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"
    )


@pytest.mark.parametrize("num_classes, width, named", [
    (35, COLUMN_INCHES, 35), (100, PAGE_INCHES, 100), (216, PAGE_INCHES, 216),
    (527, COLUMN_INCHES, 0),
])  # fmt: skip
def test_figure2_is_readable_in_a_paper(num_classes, width, named):
    """AudioSet's names, at 6 points: none over another, none cut off, on one page."""
    classes = audioset_classes()
    curves = [("resunet", "red", "s"), ("mae_frozen", "black", "o")]
    sdri = {"average": {"resunet": 5.0, "mae_frozen": 6.0}}
    shown = [ClassValues("", name, 1, 1, sdri, sdri) for name in classes.names[:num_classes]]
    with matplotlib.rc_context(STYLE):
        figure = class_curves(shown, curves)
        figure.draw_without_rendering()
        assert figure.get_figwidth() == width and figure.get_figheight() < 9.5
        names = 0
        for ax in figure.axes:
            boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
            centres = [(box.x0 + box.x1) / 2 * 72 / figure.dpi for box in boxes]  # in points
            assert all(right - left >= 6 for left, right in pairwise(centres))
            assert min(box.y0 for box in boxes) >= 0
            assert all(label.get_fontsize() >= 6 for label in ax.get_xticklabels())
            assert ax.get_position().height * figure.get_figheight() > 0.9
            names += sum(not label.get_text().isdecimal() for label in ax.get_xticklabels())
        assert names == named


@pytest.mark.filterwarnings("ignore:Glyph")
def test_figure2_has_room_for_chinese_names():
    names = [*audioset_classes().names[:20], "狗吠犬の声" * 9, "a$b$ \\frac{1}{2} _x"]
    sdri = {"average": {"mae_frozen": 6.0}}
    with matplotlib.rc_context({**STYLE, "text.parse_math": False}):
        figure = class_curves([ClassValues("", n, 1, 1, sdri, sdri) for n in names], [
            ("mae_frozen", "black", "o")
        ])  # fmt: skip
        figure.draw_without_rendering()
        (ax,) = figure.axes
        assert min(label.get_window_extent().y0 for label in ax.get_xticklabels()) >= 0
        assert ax.get_position().height * figure.get_figheight() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [13, 101])
def test_figure2_holds_every_class(make_recipe, num_classes):
    recipe = make_recipe(num_classes=num_classes, recordings=1)
    for system in ("resunet", "mae_frozen"):
        recipe.write_results(system)
    comparison = compared(recipe, ["resunet", "mae_frozen"])
    figure2(comparison, comparison.classes, recipe.folder / "figure2")
    with open(recipe.folder / "figure2.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == num_classes - 1
    ours = [float(row["mae_frozen"]) for row in table]
    si_sdr = [float(row["mae_frozen_si_sdr"]) for row in table]
    assert si_sdr == pytest.approx([2 * value - 19 for value in ours])
    assert ours == sorted(ours, reverse=True)
    assert [float(row["resunet"]) for row in table] == pytest.approx([v - 0.8 for v in ours])
    _, width, _ = matplotlib.image.imread(recipe.folder / "figure2.png").shape
    assert width == int(300 * (PAGE_INCHES if num_classes > 36 else COLUMN_INCHES))
    assert (recipe.folder / "figure2.pdf").read_bytes().startswith(b"%PDF")


def test_figure2_of_a_class_without_data_is_refused(make_recipe):
    recipe = make_recipe()
    recipe.write_results("mae_frozen")
    comparison = compared(recipe, ["mae_frozen"])
    classes = read_classes("data/classes.csv")
    config = Evaluate(figure2_classes=[classes.names[0], classes.names[3]])
    with pytest.raises(ValueError, match="figure2_classes: no mixtures of /m/003"):
        figure2_classes(comparison, classes, config)
