"""Reading a zip: whose permissions count, how much it may hold, and that nothing escapes from it."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from agentcore_lab.codezip import package as packages
from agentcore_lab.codezip.code import Rejected
from agentcore_lab.codezip.package import open_package
from agentcore_lab.testing.code import zipped


def written(tmp_path: Path, content: bytes) -> Path:
    """A file of this content."""
    path = tmp_path / "package.zip"
    path.write_bytes(content)
    return path


def with_member(name: str, content: bytes, kind: int) -> bytes:
    """A zip of one member that is a link, say."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        member = zipfile.ZipInfo(name)
        member.external_attr = (kind | 0o644) << 16
        archive.writestr(member, content)
    return packed.getvalue()


def unpacked(tmp_path: Path, content: bytes) -> Path:
    """The folder a zip was unpacked in."""
    folder = tmp_path / "task"
    folder.mkdir()
    with open_package(written(tmp_path, content)) as package:
        package.unpack(folder)
    return folder


def test_files_keep_content_and_permissions(tmp_path: Path) -> None:
    """What the zip says is what lies there; the owner may read whatever it says."""
    folder = unpacked(tmp_path, zipped({"main.py": "one", "lib/tool": b"\x00two"}, mode=0o555))
    assert (folder / "main.py").read_text() == "one"
    assert (folder / "lib/tool").read_bytes() == b"\x00two"
    assert stat.S_IMODE((folder / "lib/tool").stat().st_mode) == 0o755


def test_a_zip_without_permissions_gets_ordinary_ones(tmp_path: Path) -> None:
    """Windows' zips know none."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        member = zipfile.ZipInfo("main.py")
        member.create_system, member.external_attr = 0, 0x20
        archive.writestr(member, "one")
    with open_package(written(tmp_path, packed.getvalue())) as package:
        assert package.mode("main.py") == 0o644
        assert package.mode("other.py") is None


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_the_last_counts(tmp_path: Path) -> None:
    """The starter toolkit writes packages first and the agent's own files over them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", "a package's")
        archive.writestr("main.py", "the agent's")
    assert (unpacked(tmp_path, packed.getvalue()) / "main.py").read_text() == "the agent's"


@pytest.mark.parametrize("name", ["../main.py", "/etc/passwd", "lib/../../main.py"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is unpacked."""
    with (
        pytest.raises(Rejected, match="leads out of it"),
        open_package(written(tmp_path, zipped({name: "evil"}))),
    ):
        pass


def test_a_link_stays_inside(tmp_path: Path) -> None:
    """node_modules/.bin is full of them."""
    folder = unpacked(tmp_path, with_member("bin/tool", b"../lib/tool.js", stat.S_IFLNK))
    assert (folder / "bin/tool").readlink() == Path("../lib/tool.js")


@pytest.mark.parametrize("target", [b"/etc", b"../../etc"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, target: bytes) -> None:
    """Absolute or relative."""
    with pytest.raises(Rejected, match="leads out of it"):
        unpacked(tmp_path, with_member("bin/tool", target, stat.S_IFLNK))


def test_links_that_lead_out_together_are_refused(tmp_path: Path) -> None:
    """Each of them ends inside when it is read alone."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("lib/main.py", "")
        for name, target in (("lib/up", ".."), ("out", "lib/up/../..")):
            link = zipfile.ZipInfo(name)
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, target)
    with pytest.raises(Rejected, match="leads out of it"):
        unpacked(tmp_path, packed.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """A link and a file below it: the folder the file makes is in the link's way."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("out")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "lib")
        archive.writestr("out/evil", "evil")
    with pytest.raises(Rejected, match="could not be unpacked"):
        unpacked(tmp_path, packed.getvalue())


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 and then nothing"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    """With a word on what to upload."""
    with pytest.raises(Rejected, match="not a valid ZIP file"), open_package(written(tmp_path, content)):
        pass


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    """Its checksums tell."""
    content = zipped({"main.py": "print('hello')" * 100})
    at = content.index(b"main.py") + 12
    with pytest.raises(Rejected, match="could not be unpacked"):
        unpacked(tmp_path, content[:at] + b"\xff\xff\xff" + content[at + 3 :])


def test_more_than_may_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the zip's directory says, and by what comes out of it if that lies."""
    monkeypatch.setattr(packages, "MAX_UNZIPPED_BYTES", 1000)
    content = zipped({"main.py": "x" * 1001})
    with pytest.raises(Rejected, match="maximum uncompressed size"):
        unpacked(tmp_path, content)
    lying = content.replace((1001).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (tmp_path / "task").rmdir()
    with pytest.raises(Rejected, match=r"maximum uncompressed size|could not be unpacked"):
        unpacked(tmp_path, lying)
