"""Cores from quotas as the kernel writes them, in cgroup v1 and v2."""

import os

import pytest

from service.runtime.cores import available_cores


@pytest.fixture
def eight_allowed(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.mark.parametrize(
    ("cpu_max", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("140000 100000", 1),
        ("10000 100000", 1),
        ("6400000 100000", 8),
        ("nonsense", 8),
    ],
)
def test_a_version_2_quota_bounds_the_cores(eight_allowed, tmp_path, cpu_max, cores):
    write(tmp_path / "cpu.max", cpu_max)
    assert available_cores(tmp_path, tmp_path / "none") == cores


def test_the_tightest_quota_on_the_way_to_the_root_counts(eight_allowed, tmp_path):
    write(tmp_path / "membership", "0::/pod/container\n")
    write(tmp_path / "pod" / "cpu.max", "300000 100000")
    write(tmp_path / "pod" / "container" / "cpu.max", "max 100000")
    assert available_cores(tmp_path, tmp_path / "membership") == 3


def test_a_version_1_quota_bounds_the_cores(eight_allowed, tmp_path):
    write(tmp_path / "membership", "4:cpu,cpuacct:/docker/abc\n7:memory:/docker/abc\n")
    own = tmp_path / "cpu,cpuacct" / "docker" / "abc"
    write(own / "cpu.cfs_quota_us", "250000")
    write(own / "cpu.cfs_period_us", "100000")
    write(tmp_path / "cpu,cpuacct" / "cpu.cfs_quota_us", "-1")
    write(tmp_path / "cpu,cpuacct" / "cpu.cfs_period_us", "100000")
    assert available_cores(tmp_path, tmp_path / "membership") == 3


def test_without_a_quota_the_affinity_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert available_cores(tmp_path, tmp_path / "none") == 1
