from textrnn.runtime import room_for_programs


def proc(root, most, maps):
    (root / "sys/vm").mkdir(parents=True)
    (root / "sys/vm/max_map_count").write_text(f"{most}\n")
    (root / "self").mkdir()
    (root / "self/maps").write_text("7f00-7f01 r-xp\n" * maps)
    return root


def test_half_of_the_memory_maps_are_kept_free(tmp_path):
    """Fails if a server goes on to compile until the kernel gives it no more, which ends it."""
    assert room_for_programs(proc(tmp_path / "few", 1000, 499))
    assert not room_for_programs(proc(tmp_path / "many", 1000, 500))
    assert room_for_programs(tmp_path / "nothing"), "there is no limit to be read"


def test_this_process_has_room():
    assert room_for_programs()
