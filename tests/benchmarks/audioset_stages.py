"""Wall time and memory of egs/audioset's stages 0 to 4, and of the training reader, on a synthetic
AudioSet.

    python -m tests.benchmarks.audioset_stages FOLDER --num-train-clips 1500 --num-eval-clips 500

The lists have AudioSet's real size, and so have the tables of stage 0 and of stage 3, each measured
once on its own; audio has the number of clips asked for. The networks are small (stages 2 and 4
show memory and overhead, not the networks' own time) or, with --full-width, as published with
random weights. Stage 4 caches the features of few mixtures. Writes the audio to FOLDER/audioset,
where a second run finds it, and measured.json, which `audioset_needs` reads; prints a table in
Markdown. Memory is that of the largest process: resident, and what of it is no mapped file.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.benchmarks.mixture_lists import NUM_CLIPS, write_tables
from tests.helpers.published_files import save_audio_mae, save_panns
from tests.helpers.recipe_runs import ROOT, copy_recipe
from tests.helpers.reference_weights import published_state

CONF = ROOT / "egs" / "audioset" / "conf"
NUM_NAMES = 39000  # clips of which a laboratory has audio
SMALL = {
    "detector.model.channels": "[8, 16, 16, 32, 32, 64]",
    "detector.training.steps": 20,
    "detector.training.batch_size": 8,
    "amae.model.width": 64,
    "amae.model.depth": 2,
    "amae.model.heads": 2,
    "amae.model.decoder_width": 32,
    "amae.model.decoder_depth": 1,
    "amae.model.decoder_heads": 2,
    "amae.training.steps": 5,
    "amae.training.batch_size": 8,
    "pretrained.sound_event_detector": "null",
    "pretrained.query_encoder": "null",
    "pretrained.audio_mae": "null",
}
SAMPLE_SECONDS = 0.1
SAMPLED = {"VmRSS:": "resident", "RssAnon:": "anonymous"}


class Memory:
    """The largest process below this one, sampled."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.peak_kilobytes = dict.fromkeys(SAMPLED.values(), 0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            for process in descendants(self.root):
                try:
                    lines = Path(f"/proc/{process}/status").read_text().splitlines()
                except OSError:
                    continue  # it has just ended
                for line in lines:
                    name, *words = line.split()
                    if name in SAMPLED:
                        kind, value = SAMPLED[name], int(words[0])
                        self.peak_kilobytes[kind] = max(self.peak_kilobytes[kind], value)


def descendants(root: int) -> set[int]:
    """This process and all below it."""
    parent_of = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        parent_of[int(path.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found, before = {root}, set()
    while found != before:
        before = set(found)
        found |= {process for process, parent in parent_of.items() if parent in found}
    return found


def run_stage(recipe: Path, stage: int, options: list[str], settings: dict) -> dict:
    command = ["./run.sh", "--stage", str(stage), "--stop-stage", str(stage), *options]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    return measure(command, recipe)


def measure(command: list[str], recipe: Path) -> dict:
    start, cpu_start = time.monotonic(), cpu_seconds()
    process = subprocess.Popen(command, cwd=recipe)
    with Memory(process.pid) as memory:
        status = process.wait()
    if status != 0:
        sys.exit(f"{' '.join(command)} failed with status {status}")
    times = {"seconds": time.monotonic() - start, "cpu_seconds": cpu_seconds() - cpu_start}
    return times | memory.peak_kilobytes


def cpu_seconds() -> float:
    """Of all processes below this one that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def full_width(folder: Path) -> dict[str, object]:
    """Settings for networks as published, and files of random weights in the published layout."""
    paths = {
        "sound_event_detector": ("Cnn14_DecisionLevelMax", save_panns),
        "query_encoder": ("Cnn14", save_panns),
        "audio_mae": ("AudioMAE", save_audio_mae),
    }
    settings = {}
    for key, (name, save) in paths.items():
        path = folder.resolve() / "weights" / f"{name}.pth"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, published_state(name))
        settings[f"pretrained.{key}"] = path
    return settings


def touch_clips(segments: Path, folder: Path) -> Path:
    """Empty files with the names of the first NUM_NAMES clips: stage 0 reads names only."""
    folder.mkdir(exist_ok=True)
    lines = [line for path in sorted(segments.glob("*.csv")) for line in open(path)]
    ids = [line.split(",")[0] for line in lines if not line.startswith("#")]
    for clip_id in ids[:NUM_NAMES]:
        (folder / f"Y{clip_id}.wav").touch()
    return folder


def bytes_below(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-train-clips", type=int, default=1500)
    parser.add_argument("--num-eval-clips", type=int, default=500)
    parser.add_argument("--rate", type=int, default=32000, help="of the source audio, in Hz")
    parser.add_argument("--source", choices=["local", "packed"], default="local")
    parser.add_argument(
        "--num-cached", type=int, default=2000, help="mixtures of stage 4; 0: without it"
    )
    parser.add_argument("--full-width", action="store_true", help="networks as published")
    parser.add_argument("--nj", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="FILE.KEY=VALUE")
    arguments = parser.parse_args()
    audioset = arguments.folder / "audioset"
    if not (audioset / "segments").exists():
        layout = {"local": "files", "packed": "packed"}[arguments.source]
        command = [sys.executable, "-m", "tests.helpers.audioset_synthetic", str(audioset)]
        command += ["--num-train-clips", str(arguments.num_train_clips)]
        command += ["--num-eval-clips", str(arguments.num_eval_clips)]
        command += ["--rate", str(arguments.rate), "--layouts", layout]
        subprocess.run(command, check=True)
    shutil.rmtree(arguments.folder / "egs", ignore_errors=True)
    (arguments.folder / "tools").unlink(missing_ok=True)
    (arguments.folder / "path.sh").unlink(missing_ok=True)
    recipe = copy_recipe("audioset", arguments.folder)
    audioset = audioset.resolve()
    settings = full_width(arguments.folder) if arguments.full_width else dict(SMALL)
    settings |= {
        "data.source": arguments.source,
        "data.segments_folder": audioset / "segments",
        "data.local.folders": f"[{audioset / 'audio'}]",
        "data.packed.files": f"['{audioset / 'packed'}/*.h5']",
    }
    settings |= dict(override.split("=", 1) for override in arguments.set)
    few = settings | {
        "mixtures.num_train": arguments.num_cached,
        "amae.mixtures_per_part": min(1000, arguments.num_cached),
    }
    options = ["--nj", str(arguments.nj), "--systems", "mae_frozen"]
    results = {}
    report = {"full_width": arguments.full_width, "rate": arguments.rate, "stages": results}

    def note(name: str, result: dict, num_items: int, num_bytes: int) -> None:
        results[name] = result | {"items": num_items, "bytes": num_bytes}
        text = json.dumps(report, indent=1) + "\n"  # a run that is ended leaves what it has
        (arguments.folder / "measured.json").write_text(text)

    def stage(name: str, number: int, num_items: int, keys: dict, pattern: str) -> None:
        result = run_stage(recipe, number, options, keys)
        note(name, result, num_items, bytes_below(recipe / "data", pattern))

    names = touch_clips(audioset / "segments", arguments.folder.resolve() / "names")
    named = settings | {"data.source": "local", "data.local.folders": f"[{names}]"}
    num_clips = arguments.num_train_clips + arguments.num_eval_clips
    stage("0 data, names", 0, NUM_NAMES, named, "*/*.csv")
    stage("0 data", 0, num_clips, settings, "*/*.csv")
    stage("1 resample", 1, num_clips, settings, "*/waveforms/*")
    stage("2 anchors", 2, num_clips, settings, "*/anchors/*")
    lists = arguments.folder / "lists"
    write_tables(lists / "data")
    shutil.rmtree(lists / "data" / "mixtures", ignore_errors=True)
    command = [sys.executable, "-m", "uss.bin.mixtures", "--conf", str(CONF)]
    result = measure(command, lists)
    num_bytes = bytes_below(lists / "data", "mixtures/*")
    note("3 mixtures", result, sum(NUM_CLIPS.values()), num_bytes)
    if arguments.num_cached > 0:
        run_stage(recipe, 3, options, few)
        stage("4 A-MAE features", 4, arguments.num_cached, few, "features/*/*/*")
    run_stage(recipe, 3, options, settings)
    reader = [sys.executable, "-m", "tests.benchmarks.training_reader"]
    note("5 training reader", measure(reader, recipe), num_clips, 0)
    print(
        "| stage | items | wall time (s) | CPU (s) | resident (MB) | anonymous (MB) | disk (MB) |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, result in results.items():
        numbers = [result["seconds"], result["cpu_seconds"]]
        cells = [str(result["items"]), *(f"{number:.1f}" for number in numbers)]
        megabytes = [result["resident"] / 1024, result["anonymous"] / 1024, result["bytes"] / 1e6]
        print(f"| {name} | {' | '.join([*cells, *(f'{number:.0f}' for number in megabytes)])} |")


if __name__ == "__main__":
    main()
