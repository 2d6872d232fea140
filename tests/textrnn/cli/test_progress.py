from types import SimpleNamespace

from textrnn.cli import progress
from textrnn.io.journal import JournalProgress


def test_progress_lines_without_a_terminal(capsys, monkeypatch):
    """Fails if a long job in a pipeline is silent, or its rate counts rows of an earlier run."""
    monkeypatch.setattr(progress, "LINE_INTERVAL", -1)
    ticks = iter([0.0, 0.0, 10.0])
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    with progress.ScoringProgress() as shown:
        shown(JournalProgress(job={}, records=1000))
        shown(JournalProgress(job={}, records=1500, bad=2))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "1,500 rows  50 rows/s  2 bad"
