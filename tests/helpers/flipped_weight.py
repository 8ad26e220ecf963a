"""What a disk or memory does to a file now and then."""

import struct
import zipfile
from pathlib import Path


def flip_a_weight(path: Path) -> None:
    """Flip one bit amid the largest tensor of a file of torch.save. (Half of a small file is
    padding, where a bit changes nothing.)"""
    with zipfile.ZipFile(path) as content:
        member = max(content.infolist(), key=lambda info: info.file_size)
    whole = bytearray(path.read_bytes())
    name, extra = struct.unpack_from("<2H", whole, member.header_offset + 26)
    start = member.header_offset + 30 + name + extra
    whole[start + member.file_size // 2] ^= 4
    path.write_bytes(whole)
