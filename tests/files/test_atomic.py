"""Devices and pipes are written to, never replaced by a file of the same name."""

import os
import stat
import threading

import pytest

from glassgrad import files
from glassgrad.files import FileError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="devices and pipes are POSIX's")


def test_a_pipe_is_written_to(tmp_path):
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with files.replacing(pipe) as stream:
        stream.write(b"predictions")
    reader.join(10)
    assert received == [b"predictions"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_link_to_a_device_stays_one(tmp_path):
    """By way of a link in a folder of its own, so that a failure costs no device."""
    link = tmp_path / "nowhere"
    link.symlink_to("/dev/null")
    if os.geteuid() == 0 and not files.atomic.is_stream(link):
        pytest.fail("would replace /dev/null")
    with files.replacing(link) as stream:
        stream.write(b"x")
    assert link.is_symlink()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_device_is_said():
    def write():
        with files.replacing("/dev/full") as stream:
            stream.write(b"x")

    assert files.atomic.is_stream("/dev/full")
    with pytest.raises(FileError, match="/dev/full cannot be written: no space left on device"):
        write()
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
