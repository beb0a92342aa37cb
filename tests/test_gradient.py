"""Reverse mode over the graph: order, sums, long chains, memory, and what PyTorch refuses."""

import gc
import threading
import tracemalloc

import numpy as np
import pytest

import glassgrad as gg


def leaf(*values):
    return gg.tensor(values, dtype=gg.float64, requires_grad=True)


def test_a_node_used_twice_gets_the_sum():
    x = leaf(3.0)
    y = x * x
    (y * y + y).sum().backward()
    assert x.grad.tolist() == [4 * 27 + 2 * 3.0]


def test_each_node_is_visited_once_in_a_ladder_of_doublings():
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y  # 2^60 paths
    y.sum().backward()
    assert x.grad.tolist() == [2.0**60]


def test_a_chain_of_100_000_operations_differentiates_and_is_freed():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1e-5
    y.sum().backward()
    assert x.grad.tolist() == [1.0]
    del y
    gc.collect()


def test_memory_is_flat_over_10_000_steps():
    w = gg.randn(4, 3, requires_grad=True)
    x = gg.randn(8, 3)

    def step():
        w.grad = None
        (x @ w.T).relu().sum().backward()
        with gg.no_grad():
            w.sub_(0.001 * w.grad)

    gc.collect()
    gc.disable()  # nothing may wait for the collector of cycles
    try:
        tracemalloc.start()
        for _ in range(4000):  # NumPy's own store of small buffers fills
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10_000):
            step()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 20_000


def test_gradients_add_up_until_they_are_zeroed():
    x = leaf(2.0)
    for times in (1, 2, 3):
        (x * x).sum().backward()
        assert x.grad.tolist() == [4.0 * times]
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0]


def test_two_leaves_never_share_the_array_of_a_gradient():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).backward(gg.ones(2, dtype=gg.float64))
    a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0]


def test_the_seed_is_not_shared_either():
    a, seed = leaf(1.0), gg.ones(1, dtype=gg.float64)
    (a + 0).backward(seed)
    seed.zero_()
    assert a.grad.tolist() == [1.0]


def test_backward_needs_one_number_or_a_seed():
    with pytest.raises(RuntimeError, match=r"f64\[2\].*backward\(gradient\)"):
        (leaf(1.0, 2.0) * 2).backward()
    with pytest.raises(RuntimeError, match="same shape, not f64"):
        (leaf(1.0, 2.0) * 2).backward(gg.ones(3, dtype=gg.float64))
    with pytest.raises(RuntimeError, match="does not depend on a leaf"):
        gg.ones(1).backward()


def test_a_second_pass_through_one_graph_is_refused_unless_it_was_kept():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12.0]


def test_a_second_pass_that_reads_no_value_is_fine():
    x = leaf(2.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0]


def test_a_leaf_that_was_written_after_its_use_is_refused():
    x, w = leaf(2.0), leaf(3.0)
    y = (x * w).sum()
    with gg.no_grad():
        w -= 1
    with pytest.raises(RuntimeError, match="changed in place after it was used"):
        y.backward()


def test_a_write_to_a_view_counts_as_a_write_to_its_leaf():
    w = leaf(3.0, 4.0)
    y = w.square().sum()
    with gg.no_grad():
        w[0] = 7.0
        w[1:].mul_(2)
    assert w.tolist() == [7.0, 8.0]
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_write_that_no_rule_needs_is_allowed():
    x = leaf(2.0)
    y = (x + 1).sum()
    with gg.no_grad():
        x.zero_()
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_a_view_taken_before_the_write_is_refused_as_well():
    x, w = (gg.ones(n, 2, dtype=gg.float64, requires_grad=True) for n in (1, 3))
    flipped = w.flip(0)
    y = (x @ flipped.T).sum()
    with gg.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_writes_into_leaves_that_require_a_gradient_need_no_grad():
    w = leaf(1.0)
    with pytest.raises(RuntimeError, match="with gg.no_grad"):
        w -= 0.5
    with pytest.raises(RuntimeError, match="with gg.no_grad"):
        w[0] = 2
    with gg.no_grad():
        w -= 0.5
    assert w.tolist() == [0.5] and w.requires_grad


def test_computed_values_do_not_change():
    y = leaf(1.0, 2.0) * 2
    kept = y
    y += 1  # the name goes to a new node
    assert y.tolist() == [3.0, 5.0] and kept.tolist() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="index_put"):
        y[0] = 5
    with pytest.raises(RuntimeError, match="computed by mul"):
        kept.zero_()


def test_a_value_with_a_gradient_is_not_written_into_a_plain_tensor():
    x, w = gg.zeros(2, dtype=gg.float64), leaf(1.0)
    with pytest.raises(RuntimeError, match="the gradient would be lost"):
        x[0] = w[0]


def test_hooks_see_and_replace_gradients_of_nodes_and_leaves():
    x = leaf(1.0, 2.0)
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    handle = x.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert seen == [[1.0, 1.0]] and x.grad.tolist() == [30.0, 30.0]
    handle.remove()
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_computed_node_keeps_its_gradient_when_asked():
    x = leaf(2.0)
    y, z = x * 3, x * 4
    y.retain_grad()
    (y * y + z).sum().backward()
    assert y.grad.tolist() == [12.0] and z.grad is None


def test_backward_to_chosen_inputs_leaves_the_others_alone():
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    (y * y).sum().backward(inputs=[w, y])
    assert x.grad is None and w.grad.tolist() == [24.0] and y.grad.tolist() == [12.0]


def test_an_initial_node_makes_the_whole_graph_keep_its_gradients():
    x, w = gg.InitialNode([[1.0, 2.0]]), gg.InitialNode([[3.0], [-4.0]])
    a = gg.mm(x, w)
    j = gg.logistic_loss(a, gg.tensor([1.0], dtype=gg.float64))
    j.backward()
    slope = -1 / (1 + np.exp(-5.0))
    assert j.value.item() == pytest.approx(np.log1p(np.exp(5.0)))
    assert a.grad.value.item() == pytest.approx(slope)
    np.testing.assert_allclose(w.grad, slope * np.array([[1.0], [2.0]]))
    np.testing.assert_allclose(x.grad, slope * np.array([[3.0, -4.0]]))
    assert isinstance(j.operation, gg.Operation)


def test_without_initial_nodes_a_vector_still_needs_a_seed():
    gg.InitialNode([1.0])
    with pytest.raises(RuntimeError, match="one number"):
        (leaf(1.0, 2.0) * 1).backward()


class Cube(gg.Operation):
    def forward(self, x):
        return x**3

    def gradient(self, g, y, x):
        return (3 * x * x * g,)


def test_a_users_operation_works_to_second_order():
    x = leaf(2.0, -1.0)
    y = Cube()(x)
    assert y.tolist() == [8.0, -1.0] and y.operation.name == "Cube"
    (g,) = gg.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [12.0, 3.0]
    g.sum().backward()
    assert x.grad.tolist() == [12.0, -6.0]


def test_a_users_operation_says_what_is_missing():
    class Bare(gg.Operation):
        def forward(self, x):
            return x * 1

    with pytest.raises(NotImplementedError, match="Bare has no gradient"):
        Bare()(leaf(1.0)).sum().backward()
    with pytest.raises(TypeError, match="wrap arrays by gg.tensor"):
        Cube()(np.ones(2))


def test_the_grad_mode_belongs_to_the_thread():
    seen = []
    with gg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(gg.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not gg.is_grad_enabled()
    assert seen == [True] and gg.is_grad_enabled()


def test_grad_modes_nest_decorate_and_survive_errors():
    @gg.no_grad()
    def quiet(x):
        with gg.enable_grad():
            assert (x * 2).requires_grad
        return x * 2

    x = leaf(1.0)
    assert not quiet(x).requires_grad
    with pytest.raises(KeyError), gg.no_grad():
        raise KeyError
    assert gg.is_grad_enabled()
    gg.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    with gg.set_grad_enabled(True):
        assert (x * 2).requires_grad
    gg.set_grad_enabled(True)


def test_inference_mode_is_no_grad():
    x = leaf(1.0)
    with gg.inference_mode():
        assert not (x * 2).requires_grad
    with gg.inference_mode(False):
        assert (x * 2).requires_grad

    @gg.inference_mode
    def bare(x):
        return x * 2

    @gg.inference_mode()
    def called(x):
        return x * 2

    assert not bare(x).requires_grad
    assert not called(x).requires_grad
    assert gg.is_grad_enabled()


def test_integers_and_truth_values_never_require_gradients():
    x = leaf(1.5, -2.0)
    assert not (x > 0).requires_grad and not x.long().requires_grad and not x.argmax().requires_grad
    with pytest.raises(RuntimeError, match="only real numbers have gradients"):
        gg.tensor([1, 2], requires_grad=True)


# ---- what stands in `grad`


def test_the_grad_of_a_computed_tensor_is_none_with_a_warning():
    x = gg.tensor([1.0], requires_grad=True)
    y = x * 2
    y.sum().backward()
    with pytest.warns(UserWarning, match=r"f32\[1\] was computed by mul: call retain_grad\(\)"):
        assert y.grad is None
    z = x * 3
    z.retain_grad()
    z.sum().backward()
    assert (z.grad.tolist(), x.grad.tolist()) == ([1.0], [5.0])


@pytest.mark.parametrize(
    "gradient, error, text",
    [
        (gg.ones(1), RuntimeError, "the gradient of f32[2] is none of f32[1]"),
        (gg.ones(2, dtype=gg.float64), RuntimeError, "the gradient of f32[2] is none of f64[2]"),
        (3.0, TypeError, "a gradient is a tensor or None, not a float"),
    ],
)
def test_a_gradient_that_does_not_fit_is_refused(gradient, error, text):
    x = gg.ones(2, requires_grad=True)
    with pytest.raises(error) as raised:
        x.grad = gradient
    assert text in str(raised.value)
    x.grad = gg.ones(2)
    x.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
