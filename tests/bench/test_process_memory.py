import os
import time

from bench.process_memory import read_cpu_seconds, read_memory, read_voluntary_switches

ROLLUP = """\
00400000-7ffd9f9f3000 ---p 00000000 00:00 0                              [rollup]
Rss:              204800 kB
Pss:              150000 kB
Pss_Dirty:        100000 kB
Shared_Clean:      60000 kB
Private_Clean:     20000 kB
Private_Dirty:    124800 kB
"""


def test_the_three_counts_are_read_from_the_rollup(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "smaps_rollup").write_text(ROLLUP)
    memory = read_memory(7, proc=tmp_path)
    assert memory.resident_bytes == 204_800 * 1024
    assert memory.proportional_bytes == 150_000 * 1024
    assert memory.private_bytes == 144_800 * 1024


def test_this_process_holds_more_than_it_has_to_itself():
    memory = read_memory(os.getpid())
    assert memory.resident_bytes >= memory.proportional_bytes >= memory.private_bytes > 0


def test_a_name_with_spaces_and_brackets_does_not_shift_the_fields(tmp_path):
    (tmp_path / "7").mkdir()
    fields = " ".join(["S", *["0"] * 10, "150", "50", *["0"] * 30])
    (tmp_path / "7" / "stat").write_text(f"7 (a) b (c) {fields}\n")
    assert read_cpu_seconds(7, proc=tmp_path) == 200 / os.sysconf("SC_CLK_TCK")


def test_processor_time_of_this_process_is_what_python_says():
    assert abs(read_cpu_seconds(os.getpid()) - time.process_time()) < 1


def test_waiting_is_counted_over_all_threads(tmp_path):
    for thread, count in (("7", 5), ("8", 6)):
        (tmp_path / "7" / "task" / thread).mkdir(parents=True)
        status = f"Name:\ta\nvoluntary_ctxt_switches:\t{count}\nnonvoluntary_ctxt_switches:\t90\n"
        (tmp_path / "7" / "task" / thread / "status").write_text(status)
    assert read_voluntary_switches(7, proc=tmp_path) == 11


def test_a_process_that_sleeps_has_waited():
    before = read_voluntary_switches(os.getpid())
    for _ in range(10):
        time.sleep(0.001)
    assert read_voluntary_switches(os.getpid()) >= before + 10
