import os
import subprocess
import time

import pytest

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


def test_processor_time_of_this_process_is_what_python_says():
    before = time.process_time()
    read = read_cpu_seconds(os.getpid())
    assert before <= read <= time.process_time()


def test_processor_time_of_another_process_is_finer_than_a_tick_of_the_kernel():
    seconds, end = 0.0, time.monotonic() + 10
    with subprocess.Popen(["sleep", "20"]) as process:
        while not seconds and time.monotonic() < end:  # it may not have begun to run
            seconds = read_cpu_seconds(process.pid)
        process.kill()
    assert seconds > 0
    assert seconds != round(seconds * os.sysconf("SC_CLK_TCK")) / os.sysconf("SC_CLK_TCK")


def test_a_process_that_is_gone_has_no_processor_time():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with pytest.raises(ProcessLookupError):
        read_cpu_seconds(process.pid)


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
