"""What is not a published file is refused with the path, the reason and a remedy."""

import os

import pytest
import torch
from safetensors.torch import save_file

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


def own_values(state):
    """Each tensor with values of its own, which safetensors asks for."""
    return {
        key: tensor.clone(memory_format=torch.contiguous_format) for key, tensor in state.items()
    }


def test_published_weights_in_safetensors(tmp_path):
    """The keys stand there without a wrapper; what the file says about itself is ignored."""
    panns, mae = own_values(empty_state("Cnn14")), own_values(empty_state("AudioMAE"))
    panns["fc1.bias"][7] = mae["norm.bias"][7] = 0.25
    encoder = {key: tensor for key, tensor in mae.items() if not key.startswith("decoder_blocks")}
    save_file(panns, tmp_path / "panns.safetensors", {"format": "pt", "model": "another"})
    save_file(encoder, tmp_path / "mae.safetensors")
    assert published.load_panns(tmp_path / "panns.safetensors", Cnn14).fc1.bias[7] == 0.25
    assert published.load_audio_mae(tmp_path / "mae.safetensors").norm.bias[7] == 0.25


def test_safetensors_of_another_network(tmp_path):
    path = tmp_path / "weights.safetensors"
    state = own_values(empty_state("Cnn14"))
    state["extra"] = state.pop("fc1.bias")
    state["fc1.weight"] = state["fc1.weight"][:5].clone()
    state["bn0.weight"] = state["bn0.weight"] > 0
    save_file(state, path)
    with pytest.raises(ValueError) as error:
        published.load(path, Cnn14)
    message = str(error.value)
    assert message.startswith(str(path)) and "Fetch the original file" in message
    for fault in (
        "missing: fc1.bias",
        "unexpected: extra",
        "misshapen: fc1.weight (5, 2048) instead of (2048, 2048)",
        "of another type: bn0.weight bool",
    ):
        assert fault in message


HEADER = b'{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'
VALUES = bytes(24)


@pytest.mark.parametrize(
    ("header", "length", "values"),
    [
        (HEADER, None, VALUES[:-4]),
        (HEADER, None, VALUES + b"more"),
        (HEADER[:20], len(HEADER), b""),
        (HEADER, 2**63, VALUES),
        (HEADER, 10**9, VALUES),
        (HEADER, 0, VALUES),
        (HEADER, len(HEADER) - 1, VALUES),
        (HEADER.replace(b"w", b"\xff"), None, VALUES),
        (HEADER.replace(b"F32", b"F99"), None, VALUES),
        (HEADER.replace(b"F32", b"F64"), None, VALUES),
        (HEADER.replace(b"[2,3]", b"[2,-3]"), None, VALUES),
        (HEADER.replace(b"[2,3]", b"[4611686018427387904,4]"), None, VALUES),
        (HEADER.replace(b"[0,24]", b"[24,0]"), None, VALUES),
        (HEADER.replace(b"[0,24]", b"null"), None, VALUES),
        (b"[1, 2, 3]", None, VALUES),
    ],
)
def test_a_damaged_safetensors_file(tmp_path, header, length, values):
    path = tmp_path / "weights.safetensors"
    length = len(header) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + header + values)
    with pytest.raises(ValueError, match="weights.safetensors is truncated.*fetch it again") as e:
        published.load(path, Cnn14)
    assert "\n" not in str(e.value)


def test_a_whole_safetensors_file(tmp_path):
    """The damaged ones above come from this one."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(len(HEADER).to_bytes(8, "little") + HEADER + VALUES)
    assert torch.equal(read(path)["w"], torch.zeros(2, 3))
