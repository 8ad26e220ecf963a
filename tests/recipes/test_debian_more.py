"""`labelled: large` of egs/debian_sounds: more recordings in training, and nowhere else."""

import shutil

import pytest

from egs.debian_sounds.local.packages import Package
from egs.debian_sounds.local.recordings import Listed, Recording, read_listed
from tests.helpers.debian_recipe import (
    RECIPE,
    audio_file,
    make_recipe,
    prepare,
    row,
    save,
    sound,
    soundfont,
    tables,
    write_csv,
)
from uss.files import read_facts
from uss.tables import Event, read_table

HOOT, OWL_1 = "usr/share/kit/hoot{}.wav", 21  # the seed of the benchmark's second owl
LARGE = "labelled=large"


def add_more(recipe, label: str = "Owl") -> None:
    """A package of three owls and a SoundFont; owl 1 of the benchmark sounds again in one."""
    again = 0.2 * sound(OWL_1, 1.0, 11025)[1000:]
    waves = [sound(100, 0.5, 8000), sound(101, 0.5, 8000), again]
    files = {HOOT.format(i): audio_file(w, 11025 if i == 2 else 8000) for i, w in enumerate(waves)}
    files["usr/share/kit/kit.sf2"] = soundfont({"Guitar A3": sound(102, 0.7, 8000)}, 8000)
    files["usr/share/doc/kit/copyright"] = b"by somebody else"
    rows = [
        row(label, "kit", HOOT.format(i), len(wave) / rate, rate, group)
        for i, (wave, rate, group) in enumerate(
            zip(waves, (8000, 8000, 11025), ("kit/new", "kit/joined", "kit/joined"), strict=True)
        )
    ]
    rows.append(row("Guitar", "kit", "usr/share/kit/kit.sf2!/0000 Guitar A3", 0.7, 8000, "kit/g"))
    package = save(recipe / "packages", "kit", files)
    write_csv(recipe / "local" / "packages_more.csv", Package._fields, [package])
    write_csv(
        recipe / "local" / "debian_sounds_more.csv", Listed._fields, [r.values() for r in rows]
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    recipe, _ = make_recipe(tmp_path_factory.mktemp("debian"))
    prepare(recipe, "unlabelled=none")
    return recipe


@pytest.fixture
def recipe(small, tmp_path):
    return shutil.copytree(small, tmp_path / "recipe")


@pytest.mark.slow
def test_more_recordings_train_and_change_nothing_else(recipe):
    before = tables(recipe)
    add_more(recipe)
    prepare(recipe, "unlabelled=none", LARGE)
    after = tables(recipe)
    changed = {name for name in before if after.get(name) != before[name]}
    assert changed and all(name.startswith("train/") for name in changed)
    rows = read_table(recipe / "data" / "more" / "extracted.csv", Recording)
    assert {r.group for r in rows} == {"kit/new", "kit/g"}
    events = read_table(recipe / "data" / "train" / "events.csv", Event)
    assert {"kit/new", "kit/g"} <= {event.group for event in events}
    assert (recipe / "data/more/recordings/kit/usr/share/doc/kit/copyright").exists()
    prepare(recipe, "unlabelled=none", LARGE)
    assert tables(recipe) == after
    prepare(recipe, "unlabelled=none")
    assert {name: tables(recipe)[name] for name in before} == before


def test_a_group_that_shares_sound_with_the_benchmark_is_left_out(recipe):
    """Whole: what else it holds is of the same session. Whichever fold the recording is in."""
    add_more(recipe)
    prepare(recipe, "unlabelled=none", LARGE)
    facts = read_facts(recipe / "data" / "more" / "extracted.csv")
    reason = "its group shares sound with words:usr/share/words/owl1.flac"
    assert facts["rejected"] == {f"kit:{HOOT.format(i)}": reason for i in (1, 2)}
    assert facts["num_listed"] - len(facts["rejected"]) == facts["num_used"] == 2
    assert reason in (recipe / "data" / "more" / "ATTRIBUTION.md").read_text()


def test_more_recordings_of_a_class_that_is_not_there_are_refused(recipe):
    add_more(recipe, "Accordion")
    with pytest.raises(ValueError, match="debian_sounds_more.csv: Accordion: no class"):
        prepare(recipe, "unlabelled=none", LARGE)


def test_the_table_has_groups_and_packages_of_its_own():
    listed, more = (
        read_listed(RECIPE / "local" / f"debian_sounds{which}.csv") for which in ("", "_more")
    )
    benchmark = [r for r in listed if r.benchmark and not r.doubtful]
    assert {r.audioset_label for r in more} <= {r.audioset_label for r in benchmark}
    assert not {r.package for r in more} & {r.package for r in listed}
    assert not {r.group for r in more} & {r.group for r in listed}
    assert all(r.benchmark and not r.doubtful for r in more)
    assert len({r.recording_id for r in more}) == len(more)
