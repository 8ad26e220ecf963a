"""Tables by other programs, YAML that silently means something else, and what it may hold."""

import codecs
import shutil

import h5py
import numpy as np
import soundfile

from tests.field.case import Done, case, require
from tests.field.place import CASES, ROOT, Place
from tests.helpers.tiny_recipe import Recipe

TABLES = "tables and YAML"


def with_tables(place: Place, change) -> str:
    """check_data and stage 3 over tables that another program saved, all of them."""
    recipe = Recipe(place.folder / "recipe")
    recipe.balanced()
    recipe.conf("anchors")
    recipe.conf("mixtures", num_train=10, num_query_per_class=2, num_dev_per_class=2,
                num_eval_per_class=2)  # fmt: skip
    for path in recipe.data.rglob("*.csv"):
        path.write_bytes(change(path.read_bytes()))
    place.uss("check_data", cwd=recipe.folder).require_ok()
    done = place.uss("mixtures", cwd=recipe.folder).require_ok()
    return done.line


def of_file(place: Place, name: str) -> str:
    """A given classes.csv."""
    recipe = Recipe(place.folder / "recipe")
    recipe.balanced(num_classes=3)
    text = (recipe.data / "classes.csv").read_text().splitlines()
    given = (CASES / "tables" / name).read_bytes()
    line = given.index(b"0,/m/0")
    end = given.index(b"\n", line) + 1
    others = "".join(f"{row}\n" for row in text[2:]).encode()
    (recipe.data / "classes.csv").write_bytes(given[:end] + others + given[end:])
    return place.uss("check_data", cwd=recipe.folder).require_ok().line


@case(TABLES, "docling#4097", "`bom_classes.csv`: a byte order mark", "read")
def a_byte_order_mark(place: Place) -> str:
    return of_file(place, "bom_classes.csv")


@case(TABLES, "docling#4097", "`blank_end_classes.csv`: blank last lines", "read")
def blank_last_lines(place: Place) -> str:
    return of_file(place, "blank_end_classes.csv")


@case(
    TABLES,
    "docling#4097",
    "every table of a recipe with a mark, with CRLF, and with blank last lines",
    "read",
)
def tables_by_other_programs(place: Place) -> str:
    return with_tables(
        place,
        lambda content: codecs.BOM_UTF8 + content.replace(b"\n", b"\r\n") + b"\r\n\r\n",
    )


def configured(place: Place, text: str, name: str = "train", append: bool = False) -> Done:
    """check_config of egs/mini with another conf/<name>.yaml."""
    for part in ("conf", "local"):
        ignored = shutil.ignore_patterns("__pycache__")
        target = place.folder / part
        shutil.copytree(ROOT / "egs/mini" / part, target, ignore=ignored, dirs_exist_ok=True)
    path = place.folder / "conf" / f"{name}.yaml"
    path.write_text((path.read_text() if append else "") + text)
    return place.uss("check_config")


@case(
    TABLES,
    "pyyaml#165",
    "`duplicate_and_octal_train.yaml`: `steps` twice, `seed: 010`",
    "refused: a key given twice",
)
def a_key_given_twice(place: Place) -> str:
    text = (CASES / "tables" / "duplicate_and_octal_train.yaml").read_text()
    return configured(place, text).require_sentence("steps").short


@case(TABLES, "pyyaml#165", "`seed: 010`, `warmup_steps: 0o17`, `steps: 0b11`", "refused")
def octal_numbers(place: Place) -> str:
    said = ""
    for value in ("010", "0777", "-010", "+017"):
        done = configured(place, f"steps: 500\nseed: {value}\n")
        require(done.sentence and "seed" in done.said, f"seed: {value}: {done.short}")
        said = done.short
    return said


@case(TABLES, "pyyaml#165", "`save_minutes: 1:30`, `steps: 1:30:00`", "refused: 90 was not meant")
def sexagesimal_numbers(place: Place) -> str:
    said = ""
    for line in ("save_minutes: 1:30", "save_minutes: 1:30.5", "log_steps: 1:30:00"):
        done = configured(place, f"steps: 500\n{line}\n")
        require(done.sentence, f"{line}: {done.short}")
        said = done.short
    return said


@case(TABLES, "pyyaml#165", "`--set train.seed=010` and `--set train.save_minutes=1:30`", "refused")
def octal_numbers_of_set(place: Place) -> str:
    configured(place, "", append=True).require_ok()
    for option in ("train.seed=010", "train.save_minutes=1:30"):
        done = place.uss("check_config", "--set", option)
        require(done.sentence, f"{option}: {done.short}")
    return done.short


@case(TABLES, "own", "a key given twice in a nested mapping, and in a system's YAML", "refused")
def a_nested_key_given_twice(place: Place) -> str:
    text = "model:\n  mel_bins: 64\n  mel_bins: 32\ntraining:\n  steps: 10\n"
    done = configured(place, text, "detector")
    require(done.sentence and "mel_bins" in done.said, done.short)
    shutil.rmtree(place.folder / "conf")
    return (
        configured(place, "query: embedding\nquery: at_soft\n", "systems/resunet")
        .require_sentence("query")
        .short
    )


@case(TABLES, "own", "a path with `~` in data.yaml of egs/audioset", "the home folder")
def a_home_folder_in_yaml(place: Place) -> str:
    from tests.helpers.audioset_recipe import LISTS, STAGE_0, Recipe

    recipe = Recipe(place.folder / "recipe")
    home = place.folder / "home"
    (home / "clips").mkdir(parents=True)
    clip = recipe.rows[next(iter(LISTS))][0].clip_id
    soundfile.write(home / "clips" / f"Y{clip}.wav", np.zeros(100), 8000)
    none = [f"pretrained.{k}=null" for k in ("sound_event_detector", "query_encoder", "audio_mae")]
    words = [w for o in (*none, "data.local.folders=['~/clips']") for w in ("--set", o)]
    done = place.run(*STAGE_0, *words, cwd=recipe.folder, HOME=home).require_ok()
    return done.line


@case(
    TABLES,
    "own",
    "import_mixtures of a WAV pair with a NaN",
    "refused, with the file's name",
)
def a_nan_in_a_wav_pair(place: Place) -> str:
    recipe = place.recipe()
    shutil.copytree(recipe / "data/train", recipe / "data/eval")
    (recipe / "conf" / "evaluate.yaml").write_text("batch_size: 4\n")
    folder = recipe / "pairs" / "class_id=0"
    folder.mkdir(parents=True)
    with h5py.File(recipe / "data/eval/anchors/part_0000.h5") as file:
        size, rate = file["waveform"].shape[1], int(file.attrs["sample_rate"])
    samples = np.full(size, 0.1, np.float32)
    for name in ("mixture", "source"):
        path = folder / f"class_id=0,index=000,{name}.wav"
        soundfile.write(path, samples, rate, subtype="FLOAT")
        samples[7] = np.nan
    done = place.uss("import_mixtures", "--folder", "pairs", cwd=recipe)
    return done.require_sentence("source.wav.*finite|finite.*source.wav").short
