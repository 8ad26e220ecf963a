import csv
import json
import logging
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.helpers.pictures import hostile_settings
from uss.bin import report
from uss.files import digest, write_json
from uss.reporting import experiment_report
from uss.tables import ClassRow, write_table

ROOT = Path(__file__).parents[2]


def run(systems, *options):
    report.main(["--name", "paper", "--systems", *systems, *options])


class Links(HTMLParser):
    """Addresses, and the text of cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses, self.cells, self.in_cell = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.addresses += [v for k, v in attributes if k in ("src", "href")]
        self.in_cell = tag == "td"
        if self.in_cell:
            self.cells.append("")

    def handle_data(self, data):
        if self.in_cell:
            self.cells[-1] += data

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag != "td"


@pytest.mark.slow
def test_the_whole_report(make_recipe):
    recipe = make_recipe()
    systems = recipe.write_all()
    scored = {"num_anchors": 40, "hit_rate": 0.85, "random_hit_rate": 0.31}
    of_class = {row.class_id: scored for row in recipe.classes[:2]}
    write_json("data/anchors.json", {"eval": {**scored, "classes": of_class}})
    probe = {"accuracy": {"A-MAE": 0.384, "untrained A-MAE": 0.31}, "num_classes": 3}
    write_json("data/amae_probe.json", probe)
    Path("local").mkdir()
    Path("local/results_notes.md").write_text("Three recordings are few.")
    recipe.write_list("eval_sed", recipe.mixtures[:6])  # of the first class
    for system in [*systems, "untrained", "ideal_ratio_mask"]:
        list_digest = digest(recipe.list_path("eval_sed"))
        recipe.write_results(system, "results_sed", recipe.mixtures[:6], list_digest=list_digest)
    run(systems, "--set", "evaluate.seed=5", "--publish")

    results = json.loads((recipe.experiment / "results.json").read_text())
    rows = {row["system"]: row for row in results["comparison"]["rows"]}
    assert list(rows) == [
        "resunet", "resunet_joint", "mae_frozen", "untrained", "ideal_ratio_mask"
    ]  # fmt: skip
    # classes 0, 1, 2 have 10, 9, 8 dB; their recordings 0, 0.1, 0.2 more
    assert rows["resunet_joint"]["headlines"]["average_sdri"]["value"] == pytest.approx(9.1)
    assert rows["resunet_joint"]["headlines"]["oracle_sdri"]["value"] == pytest.approx(11.1)
    for metric, gain in (("sdri", 0.5), ("si_sdr", 1.0)):
        assert rows["mae_frozen"]["gains"][metric]["resunet_joint"] == {
            key: pytest.approx(gain) for key in ("value", "low", "high")
        }
        assert set(rows["resunet_joint"]["gains"][metric]) == {"resunet", "mae_frozen"}  # trained
    assert rows["resunet_joint"]["headlines"]["average_si_sdr"]["value"] == pytest.approx(-0.8)
    assert rows["resunet_joint"]["below_zero"] == pytest.approx({"oracle": 0, "average": 2 / 3})
    assert results["comparison"]["classes_without_data"] == [recipe.classes[-1].name]

    assert results["sed"]["num_mixtures"] == 6
    assert (recipe.experiment / "results_sed.csv").exists()

    text = (recipe.experiment / "RESULTS.md").read_text()
    for expected in (
        "Three recordings are few.",
        "3 of 4 classes, 3 recordings (3 a class), 18 mixtures",
        "--set evaluate.seed=5",
        "abc1234",
        "**Average embedding, detected anchors**",
        digest(recipe.list_path("eval")),
        digest(recipe.list_path("eval_sed")),
        "| all | 40 | 85 % | 31 % |",
        "| paper | 38 % | 31 % |",
        "| mae_frozen | 7 | 400 | 0.40 | 0.13880 | loss 0.625, SDRi 4.25 dB, SI-SDR 2.50 dB "
        "| 9.60 | 0.20 |",
        "| mae_frozen | 1,234,567 | 89,000 | 34.68 | 9.140 |",
        "| resunet | 1,234,567 | 0 | 25.54 | – |",
        "measured 50 of these separated signals too; its SDR and ours differ by at most 2e-07 dB",
        "| mae_frozen | 0 | " + "c" * 64 + " | fed9876 | abc1234 |",
        (recipe.experiment / "table1.md").read_text().strip(),
    ):
        assert expected in text
    assert Path("RESULTS.md").read_text() == text
    for name in re.findall(r"\]\(([^)]+)\)", text):
        assert Path(name).exists(), name  # what is published links to what is published

    page = (recipe.experiment / "index.html").read_text()
    links = Links(page)
    assert len(links.addresses) > 30
    for address in links.addresses:
        assert (recipe.experiment / unquote(address)).exists(), address
    for row in recipe.classes[:-1]:
        assert row.name in links.cells  # escaped, and read back
    assert "http" not in page.replace("http-equiv", "")

    with open(recipe.experiment / "figure2.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table] == [row.name for row in recipe.classes[:-1]]
    assert [float(row["mae_frozen"]) for row in table] == pytest.approx([10.6, 9.6, 8.6])
    assert [float(row["resunet"]) for row in table] == pytest.approx([9.8, 8.8, 7.8])


@pytest.mark.slow
def test_the_users_settings_of_matplotlib_do_not_matter(make_recipe):
    recipe = make_recipe()
    systems = recipe.write_all()
    command = [sys.executable, "-m", "uss.bin.report", "--name", "paper", "--systems", *systems]
    environment = {**hostile_settings(recipe.folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING" not in done.stderr
    theirs = picture_bytes(recipe.experiment)
    assert len(theirs) == 4 + 3 + 3 * 7  # figures, loss curves, signals of examples
    for path in theirs:
        path.unlink()
    run(systems)
    assert picture_bytes(recipe.experiment) == theirs


def picture_bytes(folder: Path) -> dict[Path, bytes]:
    paths = [path for kind in ("png", "pdf") for path in folder.rglob(f"*.{kind}")]
    return {path: path.read_bytes() for path in paths}


@pytest.mark.slow
def test_a_picture_that_fails_is_missing_and_no_more(make_recipe, caplog):
    recipe = make_recipe()
    systems = recipe.write_all()
    run(systems, "--publish")
    texts = [recipe.experiment / name for name in ("RESULTS.md", "results.json", "figure2.csv")]
    before = [path.read_text() for path in texts]
    in_the_way = [
        recipe.experiment / "figure2.pdf",
        recipe.experiment / "examples" / recipe.mixtures[2][0] / "target.png",
        recipe.experiment / "resunet" / "loss.png",
    ]
    for path in in_the_way:
        path.unlink()
        path.mkdir()
    (recipe.experiment / "index.html").unlink()
    caplog.clear()
    run(systems, "--publish")
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 4
    assert "figure2.pdf, figure2.png could not be drawn, and nothing else" in warnings[0]
    assert "target.png" in warnings[1] and "loss.png" in warnings[2]
    assert "no figure2.png to copy" in warnings[3]
    page = (recipe.experiment / "index.html").read_text()
    for name in ("figure2.png", "resunet/loss.png", f"{recipe.mixtures[2][0]}/target.png"):
        assert f"{name} is missing: it could not be drawn." in page
    for address in Links(page).addresses:
        assert (recipe.experiment / unquote(address)).is_file(), address
    assert [path.read_text() for path in texts] == before
    assert not Path("figure2.png").exists() and Path("figure3.png").exists()

    for path in in_the_way:
        path.rmdir()
    run(systems, "--publish")
    assert all(path.is_file() for path in [*in_the_way, Path("figure2.png")])
    in_the_way[1].unlink()
    run(systems)
    assert in_the_way[1].is_file()


@pytest.mark.slow
def test_the_second_run_does_nothing(make_recipe, caplog):
    recipe = make_recipe()
    systems = recipe.write_all()
    run(systems)
    page = recipe.experiment / "index.html"
    before = page.stat().st_mtime_ns
    caplog.set_level(logging.INFO)
    run(systems)
    assert "skip" in caplog.text and page.stat().st_mtime_ns == before
    command = "import sys; from uss.bin import report; report.main(sys.argv[1:]); " \
        "assert not {'torch', 'matplotlib'} & set(sys.modules)"  # fmt: skip
    arguments = ["--name", "paper", "--systems", *systems]
    environment = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", command, *arguments], check=True, env=environment)

    page.unlink()
    run(systems)
    assert page.exists()
    recipe.write_results("mae_frozen", commit="def5678")
    run(systems)
    assert "def5678" in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "size"),
    [
        ("examples/*/mixture.wav", None),
        ("examples/*/resunet.png", None),
        ("figure2.pdf", 0),
        ("results.csv", 44),
    ],
)
def test_what_the_page_shows_is_made_again_where_it_was_lost(make_recipe, monkeypatch, lost, size):
    recipe = make_recipe()
    systems = recipe.write_all()
    write_wavs = []

    def again(*given):  # the real one needs trained networks
        write_wavs.append(1)
        recipe.write_examples([*given[4]])

    run(systems)
    monkeypatch.setattr(experiment_report, "write_examples", again)
    path = sorted(recipe.experiment.glob(lost))[0]
    before = path.stat().st_size
    path.unlink()
    if size is not None:
        path.write_bytes(bytes(size))
    run(systems)
    assert path.stat().st_size == before and write_wavs
    write_wavs.clear()
    run(systems)
    assert not write_wavs


@pytest.mark.slow
def test_examples_that_were_lost_are_separated_again(make_recipe):
    from uss.files import read_json
    from uss.reporting.example_signals import example_signals, examples_step

    recipe = make_recipe()
    systems = recipe.write_all()
    run(systems)
    experiment = Path("exp/paper")
    ordered = ["resunet", "resunet_joint", "mae_frozen", "untrained", "ideal_ratio_mask"]
    step = examples_step(experiment, read_json(experiment / "examples/examples.json"), ordered)
    assert step.is_current()
    example_signals(experiment, ordered)[0].write_bytes(b"")
    assert not step.is_current()


@pytest.mark.slow
def test_names_are_text_in_markdown_and_html(make_recipe):
    """The recipe's classes hold HTML, and are one cell each."""
    recipe = make_recipe()
    recipe.classes[0] = recipe.classes[0]._replace(
        name="<img src=x onerror=alert(1)> _a_ [b](c) `d`"
    )
    write_table("data/classes.csv", recipe.classes, ClassRow)
    systems = recipe.write_all()
    run(systems)
    text = (recipe.experiment / "RESULTS.md").read_text()
    assert "| &lt;img src=x onerror=alert(1)&gt; \\_a\\_ \\[b\\](c) \\`d\\` | 3 |" in text
    assert 'Class &lt;1&gt; &amp; "co", &#36;1\\|x' in text
    assert "<" not in text.replace("<!--", "")
    assert "| mae_frozen |" in text  # an underscore within a word is none of Markdown's
    assert "<img src=x" not in (recipe.experiment / "index.html").read_text()


@pytest.mark.slow
def test_classes_and_mixtures_of_the_configuration(make_recipe):
    recipe = make_recipe()
    names = [recipe.classes[2].name, recipe.classes[0].name]
    recipe.configure(
        summary="median",
        num_draws=50,
        figure2_classes=names,
        figure3_mixtures=[recipe.mixtures[1][0], recipe.mixtures[-1][0]],
    )
    systems = recipe.write_all()
    run(systems)
    assert "in Figure 3" in (recipe.experiment / "index.html").read_text()
    assert "mean over recordings" in (recipe.experiment / "table1.md").read_text()
    with open(recipe.experiment / "figure2.csv", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == names[::-1]
    recipe.configure(figure2_classes=["Class 2"])
    with pytest.raises(ValueError, match="nearest"):
        run(systems)
    recipe.configure(figure3_mixtures=["m_0_0"])
    with pytest.raises(ValueError, match="figure3_mixtures names m_0_0, which is not evaluated"):
        run(systems)
