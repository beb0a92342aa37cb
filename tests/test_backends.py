"""The first lines of many programs: which device there is, and everything repeatable."""

import pytest

import glassgrad as gg

DEVICES = {
    "cuda": lambda t: "cuda" if t.cuda.is_available() else "cpu",
    "mps": lambda t: "mps" if t.backends.mps.is_available() else "cpu",
    "built": lambda t: t.backends.mps.is_built() or t.backends.cuda.is_built(),
    "cudnn": lambda t: t.backends.cudnn.is_available(),
    "accelerator": lambda t: t.accelerator.is_available(),
    "current": lambda t: t.accelerator.current_accelerator(check_available=True),
    "count": lambda t: t.cuda.device_count() + t.accelerator.device_count(),
}


@pytest.mark.parametrize("name", DEVICES)
def test_there_is_no_other_device(name):
    assert DEVICES[name](gg) in ("cpu", False, None, 0)


def test_like_pytorch_on_a_machine_without_accelerators():
    torch = pytest.importorskip("torch")
    if torch.accelerator.is_available():
        pytest.skip("there is an accelerator")
    for question in DEVICES.values():
        assert question(gg) == question(torch)


def test_seeds_and_switches_are_accepted():
    gg.manual_seed(1)
    first = gg.rand(3).tolist()
    gg.manual_seed(1)
    gg.cuda.manual_seed(2)
    gg.cuda.manual_seed_all(2)
    gg.cuda.empty_cache()
    gg.backends.cudnn.deterministic = True
    gg.backends.cudnn.benchmark = False
    assert gg.rand(3).tolist() == first
