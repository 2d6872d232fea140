"""Downloads from a real local HTTP server."""

import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from textrnn.errors import UserError
from training import fetch as fetching
from training.download import download
from training.fetch import DATASETS, RemoteDataset, RemoteFile, fetch


class Files(BaseHTTPRequestHandler):
    """Serves `files`. It can close the connection early, ignore ranges, or fail."""

    files: dict[str, bytes]
    break_after: int | None
    ranges: bool
    requested_ranges: list[str | None]

    def do_GET(self):
        self.requested_ranges.append(self.headers["range"])
        data = self.files.get(self.path.lstrip("/"))
        if data is None:
            self.send_error(404)
            return
        begin = 0
        if self.headers["range"] and self.ranges:
            begin = int(self.headers["range"].removeprefix("bytes=").removesuffix("-"))
            if begin >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if begin else 200)
        self.send_header("content-length", str(len(data) - begin))
        self.end_headers()
        end = len(data) if self.break_after is None else begin + self.break_after
        self.wfile.write(data[begin:end])

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server():
    class Handler(Files):
        files = {}
        break_after = None
        ranges = True
        requested_ranges = []
        url = ""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{http.server_port}"
    yield Handler
    http.shutdown()
    http.server_close()


DATA = bytes(range(256)) * 5000


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_is_resumed(server, tmp_path, ranges):
    """Fails if received bytes are discarded, duplicated or treated as the whole file."""
    server.files["f.bin"] = DATA
    server.break_after, server.ranges = 300_000, ranges
    path = tmp_path / "f.bin"
    with pytest.raises(UserError, match="closed after 300000 of 1280000 bytes"):
        download(f"{server.url}/f.bin", path, digest(DATA))
    assert not path.exists()
    server.break_after = None
    download(f"{server.url}/f.bin", path, digest(DATA))
    assert path.read_bytes() == DATA
    assert server.requested_ranges == [None, "bytes=300000-"]
    download(f"{server.url}/f.bin", path, digest(DATA))
    assert len(server.requested_ranges) == 2, "the file exists: no request is sent"


def test_a_whole_partial_file_is_accepted(server, tmp_path):
    server.files["f.bin"] = DATA
    (tmp_path / "f.bin.partial").write_bytes(DATA)
    download(f"{server.url}/f.bin", tmp_path / "f.bin", digest(DATA))
    assert (tmp_path / "f.bin").read_bytes() == DATA


def test_the_wrong_file_is_refused(server, tmp_path):
    server.files["f.bin"] = b"<html>sorry</html>"
    with pytest.raises(UserError, match="is not the expected file"):
        download(f"{server.url}/f.bin", tmp_path / "f.bin", digest(DATA))
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_fails_is_one_clear_error(server, tmp_path):
    with pytest.raises(UserError, match="Not Found"):
        download(f"{server.url}/f.bin", tmp_path / "f.bin")
    with pytest.raises(UserError, match="cannot be downloaded"):
        download("http://127.0.0.1:1/f.bin", tmp_path / "f.bin")


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_reviews_become_tables(server, tmp_path, monkeypatch):
    """The layout of the real archive. Fails if reviews are unsorted, mixed up or cut at tabs, or if
    test reviews are included."""
    members = {f"aclImdb/train/pos/{i}_{9}.txt": f"good\t{i}\x85".encode() for i in (10, 2, 0)}
    members |= {"aclImdb/train/neg/0_1.txt": b"bad\n", "aclImdb/train/unsup/0_0.txt": b"who knows"}
    members |= {"aclImdb/test/pos/0_9.txt": b"secret", "aclImdb/train/urls_pos.txt": b"u1\nu2\n"}
    server.files["aclImdb_v1.tar.gz"] = tarred(members)
    real = DATASETS["imdb"]
    small = RemoteDataset(
        (RemoteFile(real.remotes[0].url, digest(server.files["aclImdb_v1.tar.gz"])),),
        real.lay_out,
        {"train.pos.tsv.gz": 3, "train.neg.tsv.gz": 1},
    )
    monkeypatch.setitem(DATASETS, "imdb", small)
    folder = fetch("imdb", tmp_path, mirror=server.url)
    text = gzip.decompress((folder / "train.pos.tsv.gz").read_bytes()).decode()
    assert text == "0\t9\tgood 0\x85\n2\t9\tgood 2\x85\n10\t9\tgood 10\x85\n"
    assert gzip.decompress((folder / "train.urls_pos.txt.gz").read_bytes()) == b"u1\nu2\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".downloads", "imdb"]
    with pytest.raises(UserError, match="exists already"):
        fetch("imdb", tmp_path, mirror=server.url)


def test_zip_and_plain_files(server, tmp_path, monkeypatch):
    server.files["SST-2.zip"] = zipped({"SST-2/train.tsv": "h\na\n", "SST-2/dev.tsv": "h\n"})
    real = DATASETS["sst2"]
    remote = RemoteFile(real.remotes[0].url)
    monkeypatch.setitem(DATASETS, "sst2", RemoteDataset((remote,), real.lay_out, {"train.tsv": 2}))
    assert (fetch("sst2", tmp_path, mirror=server.url) / "train.tsv").read_text() == "h\na\n"
    for name in ("train.tsv", "dev.tsv", "emotions.txt"):
        server.files[name] = b"x\n"
    goemotions = RemoteDataset(DATASETS["goemotions"].remotes, DATASETS["goemotions"].lay_out, {})
    monkeypatch.setitem(DATASETS, "goemotions", goemotions)
    folder = fetch("goemotions", tmp_path, mirror=server.url)
    assert (folder / "original_labels.txt").read_text() == "x\n"


def test_unexpected_files_are_rejected(server, tmp_path, monkeypatch):
    """Fails if a folder appears that recipes would accept as the data set."""
    server.files["SST-2.zip"] = b"no zip"
    remote = RemoteFile(DATASETS["sst2"].remotes[0].url)
    lay_out = DATASETS["sst2"].lay_out
    monkeypatch.setitem(DATASETS, "sst2", RemoteDataset((remote,), lay_out, {"train.tsv": 2}))
    with pytest.raises(UserError, match="the download is malformed"):
        fetch("sst2", tmp_path, mirror=server.url)
    (tmp_path / ".downloads" / "sst2" / "SST-2.zip").unlink()
    server.files["SST-2.zip"] = zipped({"SST-2/train.tsv": "h\n", "SST-2/dev.tsv": "h\n"})
    with pytest.raises(UserError, match=r"train\.tsv has 1 lines, expected 2"):
        fetch("sst2", tmp_path, mirror=server.url)
    assert not (tmp_path / "sst2").exists()
    with pytest.raises(UserError, match="no data set 'x'; there are goemotions, imdb"):
        fetch("x", tmp_path)


def test_every_source_is_over_https_or_checked():
    for name, dataset in fetching.DATASETS.items():
        for remote in dataset.remotes:
            assert remote.url.startswith("https://"), name
        assert dataset.lines, name
