"""`uss info` and `uss classes`: what a model directory holds."""

import shutil

from uss.bin import cli
from uss.model_store.checkpoint import write_tensors
from uss.model_store.panns_file import read_panns


def test_classes_and_info(experiment, capsys):
    cli.main(["classes", "--model", str(experiment / "at_soft")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "0\t/m/0\tclass 0",
        "1\t/m/1\tclass 1",
        "2\t/m/2\tclass 2\t(no average embedding)",
    ]
    cli.main(["info", str(experiment / "at_soft")])
    told = capsys.readouterr().out
    assert "query: at_soft, 3 values, scaled to a root mean square of 1" in told
    assert "--query: yes\n--auto: yes" in told


def test_info_of_a_model_without_a_detector(experiment, tmp_path, capsys):
    """As a recipe with the published query encoder alone trains it."""
    folder = tmp_path / "resunet"
    shutil.copytree(experiment / "resunet", folder)
    networks = read_panns(folder / "panns.pt")
    write_tensors({"query_encoder": networks["query_encoder"]}, tmp_path / "alone.pt")
    (tmp_path / "alone.pt").replace(folder / "panns.pt")
    cli.main(["info", str(folder)])
    told = capsys.readouterr().out
    assert "--query: yes\n--auto: no: panns.pt holds no sound_event_detector" in told
    (folder / "panns.pt").unlink()
    cli.main(["info", str(folder)])
    assert capsys.readouterr().out.count("no: panns.pt is missing (stage 6)") == 2
