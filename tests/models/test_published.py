"""What is not a published file is refused with the path, the reason and a remedy."""

import os

import pytest
import torch

from tests.helpers.reference_weights import empty_state
from uss.models import published
from uss.models.checkpoint_file import read
from uss.models.panns import Cnn14


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("new_format", [True, False])
def test_a_pickle_with_a_payload_does_not_run(tmp_path, new_format):
    victim, bomb = tmp_path / "victim", tmp_path / "weights.pth"
    content = {"model": empty_state("Cnn14"), "args": Payload(f"touch {victim}")}
    torch.save(content, bomb, _use_new_zipfile_serialization=new_format)
    with pytest.raises(ValueError, match="system.*could run code.*save its state dict"):
        published.load(bomb, Cnn14)
    assert not victim.exists()
    torch.load(bomb, weights_only=False)  # the payload is live: only the loader stopped it
    assert victim.exists()


@pytest.mark.parametrize("kept", [0, 5, 4000])
def test_a_truncated_file(tmp_path, kept):
    path = tmp_path / "weights.pth"
    torch.save({"model": {"a": torch.zeros(2000)}}, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="truncated.*fetch it again"):
        published.load(path)


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="nowhere.pth: no such file"):
        published.load(tmp_path / "nowhere.pth")


def test_a_file_of_another_model(tmp_path):
    torch.save({"model": torch.nn.Linear(2, 2).state_dict()}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="none of a PANNs network.*it holds weight, bias"):
        published.load(tmp_path / "weights.pth")


def test_missing_unexpected_and_transposed_keys_are_listed_together(tmp_path):
    state = empty_state("Cnn14")
    state["fc_audioset.weight"] = state["fc_audioset.weight"].T
    state["extra"] = state.pop("fc1.bias")
    torch.save({"model": state}, tmp_path / "weights.pth")
    with pytest.raises(ValueError) as error:
        published.load(tmp_path / "weights.pth", Cnn14)
    message = str(error.value)
    assert "missing: fc1.bias" in message
    assert "unexpected: extra" in message
    assert "misshapen: fc_audioset.weight (2048, 527) instead of (527, 2048)" in message


@pytest.mark.parametrize(
    "table", ["logmel_extractor.melW", "spectrogram_extractor.stft.conv_real.weight"]
)
def test_another_front_end_is_refused(tmp_path, table):
    state = empty_state("Cnn14")
    state[table] = state[table] * 1.001
    torch.save({"model": state}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=f"table {table} is not ours"):
        published.load(tmp_path / "weights.pth", Cnn14)


def test_safetensors(tmp_path):
    """The format of timm's port: a JSON header and plain values."""
    values = torch.arange(6, dtype=torch.float32)
    header = b'{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"__metadata__":{}}'
    header += b" " * (-len(header) % 8)
    content = len(header).to_bytes(8, "little") + header + values.numpy().tobytes()
    (tmp_path / "file").write_bytes(content)
    assert torch.equal(read(tmp_path / "file")["w"], values.view(2, 3))
    (tmp_path / "file").write_bytes(content[:-4])
    with pytest.raises(ValueError, match="truncated"):
        read(tmp_path / "file")
