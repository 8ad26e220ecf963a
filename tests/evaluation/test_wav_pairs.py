"""Mixtures as WAV pairs: what is exported is measured the same when it is imported."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from tests.helpers.tiny_recipe import Recipe, anchors_of, clip
from uss.audio import from_int16, write_wav
from uss.bin import export_mixtures, import_mixtures, mixtures
from uss.data.anchor_set import AnchorSet
from uss.data.averages import AverageEmbeddings
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.data.packed import part_path, write_part
from uss.data.wav_pairs import pair_paths, read_pair
from uss.evaluation.cross_check import CrossCheck
from uss.evaluation.scoring import ideal_estimates, score, separations, separator_estimates
from uss.layout import LISTS
from uss.models.mae_resunet import build_separator
from uss.schema import Stft, System
from uss.tables import Anchor, write_table

RATE, NUM_SAMPLES, NUM_CLASSES = 8000, 4000, 3
CLASS_IDS = [f"/m/{number}" for number in range(NUM_CLASSES)]
CPU = torch.device("cpu")


class Encoder(torch.nn.Module):
    """Stands for the query encoder: some numbers of the waveform."""

    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(1, 8)
        self.fc_audioset = torch.nn.Linear(1, NUM_CLASSES)

    def forward(self, waveform):
        parts = waveform.unflatten(1, (8, -1)).square().mean(dim=2).sqrt()
        return SimpleNamespace(embedding=parts, probabilities=parts[:, :NUM_CLASSES])


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Evaluation anchors whose levels differ by 40 dB, and a list of 12 mixtures."""
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(tmp_path)
    recipe.balanced(NUM_CLASSES)
    clips = [clip(f"-a_{row:02d}", CLASS_IDS[row % NUM_CLASSES]) for row in range(9)]
    anchors = anchors_of(clips)
    recipe.clips("eval", *clips)
    write_table("data/eval/anchors.csv", anchors, Anchor)
    for path in (tmp_path / "data" / "eval" / "anchors").glob("*"):
        path.unlink()
    rng = np.random.default_rng(0)
    level = np.geomspace(100, 10000, len(anchors))[:, None]
    noise = (level * rng.standard_normal((len(anchors), NUM_SAMPLES))).clip(-32767, 32767)
    output = Encoder()(torch.from_numpy(from_int16(noise.astype(np.int16))))
    datasets = {
        "anchor_id": [anchor.anchor_id for anchor in anchors],
        "waveform": noise.astype(np.int16),
        "embedding": output.embedding.numpy(force=True),
        "probabilities": output.probabilities.numpy(force=True),
    }
    write_part(part_path(tmp_path / "data" / "eval" / "anchors", 0), datasets, sample_rate=RATE)
    recipe.conf(
        "mixtures",
        num_train=9,
        num_query_per_class=1,
        num_dev_per_class=1,
        num_eval_per_class=4,
    )
    recipe.conf("anchors", segment_seconds=0.5, batch_size=5)
    recipe.conf("evaluate", mixtures_per_part=5)
    recipe.conf("pretrained")
    mixtures.main([])
    monkeypatch.setattr(import_mixtures.networks, "panns_digest", lambda _, name: "1")
    monkeypatch.setattr(import_mixtures.networks, "load_query_encoder", lambda *_: Encoder())
    return tmp_path


def results(list_name):
    """mixture_id, embedding -> class, metrics; of a random network and of the ideal mask."""
    anchors = AnchorSet("data/eval", LISTS[list_name].anchors)
    listed = MixtureList(f"data/mixtures/{list_name}.csv", anchors)
    system = System(
        query="embedding",
        normalization="joint",
        stft=Stft(window_size=256, hop_size=80),
        channels=[4, 4, 8],
    )
    torch.manual_seed(0)
    separator = build_separator(system, 8, RATE).eval()
    zeros = np.zeros((NUM_CLASSES, 8), np.float32)
    averages = AverageEmbeddings(CLASS_IDS, zeros, zeros, np.ones(NUM_CLASSES))
    rows = range(len(listed))
    found = []
    for estimator in (separator_estimates(separator, averages), ideal_estimates(system, CPU)):
        batches = separations(estimator, "joint", listed, rows, CLASS_IDS, 5, CPU)
        found += score("x", batches, listed, CrossCheck(set()))
    return {(row.mixture_id, number): row for number, row in enumerate(found)}


def test_exported_and_imported_again_the_metrics_are_equal(written):
    export_mixtures.main(["--folder", "pairs"])
    import_mixtures.main(["--folder", "pairs"])
    before, after = results("eval"), results("eval_imported")
    assert before.keys() == after.keys() and len(before) == 3 * 12
    worst = 0.0
    for key, row in before.items():
        assert (row.class_id, row.embedding) == (after[key].class_id, after[key].embedding)
        assert abs(row.sdr) < 60
        pairs = zip(row[-3:], after[key][-3:], strict=True)
        worst = max(worst, *(abs(one - other) for one, other in pairs))
    print(f"largest difference {worst:.4f} dB")  # metrics are rounded to 0.0001 dB
    assert worst <= 2e-4


def test_exported_files_are_float_at_their_level_and_do_not_clip(written):
    export_mixtures.main(["--folder", "pairs"])
    anchors = AnchorSet("data/eval")
    listed = MixtureList("data/mixtures/eval.csv", anchors)
    files = list((written / "pairs").rglob("*.wav"))
    assert len(files) == 2 * len(listed)
    peaks = []
    for row, mixture in enumerate(listed.mixtures):
        k, i = (int(word) for word in mixture.mixture_id.split("_"))
        stem = f"pairs/class_id={k}/class_id={k},index={i:03d}"
        batch = listed.batch([row])
        expected = mix(torch.from_numpy(batch.target), torch.from_numpy(batch.interferer), "none")
        for name, signal in (("mixture", expected.mixture[0]), ("source", batch.target[0])):
            path = f"{stem},{name}.wav"
            assert (soundfile.info(path).subtype, soundfile.info(path).samplerate) == (
                "FLOAT",
                RATE,
            )
            np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0], signal)
            peaks.append(float(abs(signal).max()))
    assert max(peaks) > 1  # which 16 bits would have clipped


def write_pair(folder, k=1, index=0, gain=0.25, num_samples=NUM_SAMPLES, rate=RATE):
    """As bytedance/uss wrote them, 16 bits; the rest lies at -12 dB, not at the source's energy."""
    rng = np.random.default_rng(index)
    source, rest = 0.1 * rng.standard_normal((2, num_samples))
    (folder / f"class_id={k}").mkdir(parents=True, exist_ok=True)
    stem = folder / f"class_id={k}" / f"class_id={k},index={index:03d}"
    soundfile.write(f"{stem},source.wav", source, rate)
    soundfile.write(f"{stem},mixture.wav", source + gain * rest, rate)
    return f"{stem},mixture.wav"


def test_mixtures_of_others_are_taken_as_they_are(written):
    folder = written / "theirs"
    paths = [write_pair(folder, index=index) for index in range(7)]
    import_mixtures.main(["--folder", "theirs"])
    anchors = AnchorSet("data/eval", "imported_anchors")
    assert anchors.at_mixture_level and len(anchors.packed.paths) == 2
    listed = MixtureList("data/mixtures/eval_imported.csv", anchors)
    assert [row.mixture_id for row in listed.mixtures] == [f"001_{index:03d}" for index in range(7)]
    batch = listed.batch(range(7))
    target, rest = torch.from_numpy(batch.target), torch.from_numpy(batch.interferer)
    mixed = mix(target, rest, "none", anchors.at_mixture_level).mixture.numpy()
    for row, path in enumerate(paths):
        np.testing.assert_allclose(mixed[row], soundfile.read(path)[0], atol=1e-7)
    bound = [row for row in results("eval_imported").values() if row.class_id == "/m/1"]
    assert len(bound) == 3 * 7


def test_a_second_import_does_nothing_and_fewer_files_leave_fewer_parts(written, caplog):
    folder = written / "theirs"
    for index in range(7):
        write_pair(folder, index=index)
    import_mixtures.main(["--folder", "theirs"])
    caplog.set_level("INFO")
    import_mixtures.main(["--folder", "theirs"])
    skipped = [message for message in caplog.messages if message.startswith("skip data/eval/impo")]
    assert len(skipped) == 2
    for index in (5, 6):
        for path in folder.rglob(f"*index=00{index}*"):
            path.unlink()
    import_mixtures.main(["--folder", "theirs"])
    assert len(AnchorSet("data/eval", "imported_anchors")) == 10


def test_faults_name_file_and_expectation(written):
    folder = written / "theirs"
    folder.mkdir()
    with pytest.raises(ValueError, match="theirs holds no class_id="):
        import_mixtures.main(["--folder", "theirs"])
    path = write_pair(folder, rate=16000)
    with pytest.raises(ValueError, match="4000 samples at 16000 Hz; .* mono, 4000 .* 8000 Hz"):
        import_mixtures.main(["--folder", "theirs"])
    write_pair(folder)
    soundfile.write(path, np.zeros((NUM_SAMPLES, 2)), RATE)
    with pytest.raises(ValueError, match="mixture.wav: 2 channels"):
        import_mixtures.main(["--folder", "theirs"])
    write_pair(folder, k=3)
    with pytest.raises(ValueError, match="class 3, but data/classes.csv ends at 2"):
        import_mixtures.main(["--folder", "theirs"])
    for path in folder.rglob("*source.wav"):
        path.unlink()
    with pytest.raises(ValueError, match="has no class_id=.*,source.wav beside it"):
        import_mixtures.main(["--folder", "theirs"])


def test_an_export_does_not_mix_with_another(written):
    export_mixtures.main(["--folder", "pairs"])
    with pytest.raises(ValueError, match="pairs holds mixtures already"):
        export_mixtures.main(["--folder", "pairs"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.nan, r"not finite \(NaN or infinite\) at 0\.250 s"),
        (-np.inf, r"not finite \(NaN or infinite\) at 0\.250 s"),
        (1e30, r"a sample of 1e\+30 at 0\.250 s is beyond any sound"),
    ],
)
@pytest.mark.parametrize("name", ["source", "mixture"])
def test_a_pair_that_is_no_sound_is_refused(tmp_path, name, value, reason):
    pair = pair_paths(tmp_path, 0, 0)
    for path in (pair.source, pair.mixture):
        write_wav(path, np.zeros(NUM_SAMPLES), RATE)
    bad = np.zeros(NUM_SAMPLES)
    bad[2000] = value
    write_wav(getattr(pair, name), bad, RATE)
    with pytest.raises(ValueError, match=f"class_id=0,index=000,{name}.wav: .*{reason}"):
        read_pair(pair, RATE, NUM_SAMPLES)
