"""Time and memory of egs/fsd50k's stages 0 and 3 at the real size: 40,966 and 10,231 clips.

    python -m tests.benchmarks.fsd50k_tables FOLDER

The synthetic FSD50K has the real formats and lengths of 0.3 to 30 s. Its WAV files hold silence
that takes no disk: stage 0 reads their headers. Stage 3 has an anchor for each label of each clip
that stage 0 wrote. A second run finds the audio in FOLDER.

On one idle core of two:

| stage | wall time (s) | CPU (s) | resident (MB) | anonymous (MB) | disk (MB) |
|---|---|---|---|---|---|
| 0 data | 41 | 40.2 | 126 | 106 | 7 |
| 0 data, again | 1 | 1.3 | 77 | 57 | 0 |
| 3 mixtures | 18 | 17.8 | 429 | 400 | 54 |
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.audioset_stages import bytes_below, measure
from tests.helpers.recipe_runs import ROOT
from tests.helpers.tiny_recipe import anchors_of
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.tables import Anchor, write_table

CONF = ROOT / "egs" / "fsd50k" / "conf"
NUM_CLIPS = {"dev": 40966, "eval": 10231}
WEIGHTS = ("sound_event_detector", "query_encoder", "audio_mae")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    published = folder / "FSD50K"
    if not published.exists():
        command = [sys.executable, "-m", "tests.helpers.fsd50k_synthetic", str(published)]
        command += [f"--num-{name}={num}" for name, num in NUM_CLIPS.items()]
        subprocess.run([*command, "--empty-audio"], check=True)
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    prepare = [sys.executable, "-m", "egs.fsd50k.local.prepare", "--conf", str(CONF)]
    for override in (f"data.folder={published}", *(f"pretrained.{key}=null" for key in WEIGHTS)):
        prepare += ["--set", override]
    results = {"0 data": measure(prepare, folder), "0 data, again": measure(prepare, folder)}
    sizes = {"0 data": bytes_below(data, "*/*.csv"), "0 data, again": 0}
    dataset = Dataset(data)
    for split in LABELLED_SPLITS:
        anchors = anchors_of(dataset.clips(split))
        write_table(data / split / "anchors.csv", anchors, Anchor)
        print(f"{split}: {len(dataset.clips(split))} clips, {len(anchors)} anchors")
    mixtures = [sys.executable, "-m", "uss.bin.mixtures", "--conf", str(CONF)]
    results["3 mixtures"] = measure(mixtures, folder)
    sizes["3 mixtures"] = bytes_below(data, "mixtures/*.csv")
    print("| stage | wall time (s) | CPU (s) | resident (MB) | anonymous (MB) | disk (MB) |")
    print("|---|---|---|---|---|---|")
    for name, result in results.items():
        megabytes = [result["resident"] / 1024, result["anonymous"] / 1024, sizes[name] / 1e6]
        cells = [f"{result['seconds']:.0f}", f"{result['cpu_seconds']:.1f}"]
        print(f"| {name} | {' | '.join([*cells, *(f'{number:.0f}' for number in megabytes)])} |")


if __name__ == "__main__":
    main()
