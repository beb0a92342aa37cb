"""`predict` by native code: bits of a row in any batch, changes of the model, threads, errors."""

import copy
import pickle
import threading

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import ShapeError, nn, optim
from glassgrad.training import forward
from glassgrad.training.forward import Refused, Way, answers, forward_of
from layers import LAYERS, contract, example, shape

random = np.random.default_rng(0)
COUNTS = 1, 2, 7, 16, 17, 65, 300


def mlp(*sizes, activation=nn.ReLU):
    gg.manual_seed(1)
    pairs = list(zip(sizes, sizes[1:]))
    layers = [part for n, m in pairs for part in (nn.Linear(n, m), activation())]
    return nn.Sequential(*layers[:-1])


def normal(*sizes):
    return random.standard_normal(sizes).astype("f")


def way_of(model):
    """How the last rows went."""
    return list(forward_of(model).ways.values())[-1]


def assert_same(model, X, kind=Way):
    """Each row has the same bits alone and in batches of many sizes, at any place."""
    whole = gg.predict(model, X)
    assert isinstance(way_of(model), kind)
    for count in COUNTS:
        for first in {0, 3, len(X) - count}:
            rows = slice(max(first, 0), max(first, 0) + count)
            found = gg.predict(model, X[rows], batch_size=int(random.integers(1, 400)))
            assert found.tobytes() == whole[rows].tobytes(), f"rows {rows}"
    return whole


@pytest.fixture
def blocks_at_once(monkeypatch):
    """Blocks of rows are compiled for the first two rows."""
    monkeypatch.setattr(forward, "SPENT", -1)


@pytest.mark.usefixtures("blocks_at_once")
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.Softplus])
@pytest.mark.parametrize(
    "sizes", [(1, 1), (4, 10, 5, 3), (10, 100, 2), (17, 33, 16), (784, 40, 10)]
)
def test_dense_networks(sizes, activation):
    model = mlp(*sizes, activation=activation)
    X = normal(400, sizes[0])
    found = assert_same(model, X)
    exact = copy.deepcopy(model).double().eval()(gg.from_numpy(X.astype("d"))).detach().numpy()
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6)
    assert way_of(model).many is not None


def rows_for(layer, lengths):
    """Ninety rows of inputs that fit the layer's contract."""
    sizes = {name: value for name, value in vars(layer).items() if type(value) is int}
    sizes |= {"batch": 90, **lengths}
    left = contract(type(layer))[0]
    kinds = [(kind, shape(text, sizes, (90,))) for _, kind, text in left]
    return [random.integers(0, 2, n) if kind == "int64" else normal(*n) for kind, n in kinds]


SAME = {"AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "FeatureAlphaDropout", "Identity"}
WHOLE = {"EmbeddingBag", "MaxUnpool1d", "MaxUnpool2d"}  # take no rows of single arrays
POOLS = {"AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "MaxPool1d", "MaxPool2d"}


@pytest.mark.usefixtures("blocks_at_once")
@pytest.mark.parametrize("name", [n for n in LAYERS if not n.endswith("Loss") and n not in WHOLE])
def test_layers(name):
    layer, lengths = example(name)
    inputs = rows_for(layer, lengths)

    def predicted(first, count):
        part = tuple(x[first : first + count] for x in inputs)
        return gg.predict(layer, part if len(part) > 1 else part[0])

    whole = predicted(0, 90)
    assert name in SAME | POOLS or isinstance(way_of(layer), Way)
    for first, count in ((0, 1), (5, 1), (3, 7), (60, 30), (89, 1)):
        assert predicted(first, count).tobytes() == whole[first : first + count].tobytes()


class Attention(nn.Module):
    """Softmax of products between the places of a row, and a residual sum."""

    def __init__(self):
        self.query, self.key, self.value = (nn.Linear(6, 6) for _ in range(3))
        self.norm = nn.LayerNorm(6)

    def forward(self, x):
        weights = (self.query(x) @ self.key(x).transpose(1, 2) / 6**0.5).softmax(-1)
        return self.norm(x + weights @ self.value(x)).mean(1)


class Words(nn.Module):
    def __init__(self):
        self.table, self.last = nn.Embedding(50, 20), nn.Linear(20, 3)

    def forward(self, x):
        return self.last(self.table(x).mean(1)).log_softmax(-1)


@pytest.mark.usefixtures("blocks_at_once")
def test_attention():
    gg.manual_seed(2)
    assert_same(Attention(), normal(350, 5, 6))


@pytest.mark.usefixtures("blocks_at_once")
def test_words():
    gg.manual_seed(2)
    model, X = Words(), random.integers(0, 50, (350, 7))
    assert_same(model, X)
    X[200, 3] = 50
    with pytest.raises(IndexError, match="50"):
        gg.predict(model, X)
    with pytest.raises(IndexError, match="50"):
        gg.predict(model, X[200:201])


@pytest.mark.usefixtures("blocks_at_once")
def test_convolutions_and_batch_statistics():
    gg.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(6, 17, 3, stride=2), nn.GELU(), nn.Flatten(), nn.Linear(17, 10), nn.Softmax(1),
    )  # fmt: skip
    model(gg.from_numpy(normal(64, 2, 6, 6)))  # statistics of its own
    assert_same(model, normal(350, 2, 6, 6))


@pytest.mark.usefixtures("blocks_at_once")
def test_double_and_half_precision():
    for change in ("double", "half"):
        model = getattr(mlp(20, 33, 3), change)()
        assert_same(model, normal(350, 20).astype({"double": "d", "half": "e"}[change]))


def test_a_row_is_what_a_row_of_evaluate_and_validation_is():
    model, X = mlp(9, 20, 3), normal(301, 9)
    whole, seen = gg.predict(model, X), []

    def look(labels, outputs):
        seen.append(outputs.tobytes())
        return 0.0

    labels = np.zeros(301, int)
    for size in (1, 10, 300, 5000):
        gg.evaluate(model, (X, labels), loss="cross_entropy", metrics=[look], batch_size=size)
    for engine in ("auto", "native"):
        gg.fit(
            model, (X[:20], labels[:20]), validation=(X, labels), metrics=[look], epochs=1,
            optimizer=optim.SGD(model.parameters(), 0.0), loss="cross_entropy", verbose=False,
            engine=engine, batch_size=10,
        )  # fmt: skip
    assert {bits for bits in seen if len(bits) == whole.nbytes} == {whole.tobytes()}
    assert len(seen) == 8


def test_rows_by_numpy_where_there_is_no_native_code(monkeypatch):
    monkeypatch.setattr(forward, "NativeRows", None)
    assert_same(mlp(12, 40, 3), normal(350, 12), kind=Refused)
    assert_same(Attention(), normal(350, 5, 6), kind=Refused)


class Places(nn.Module):
    """Not only of a row: of where it stands."""

    def forward(self, x):
        return x * gg.arange(x.shape[0]).float()[:, None]


class Ranks(nn.Module):
    """Python asks how many rows there are."""

    def forward(self, x):
        return x * 2 if x.shape[0] > 5 else x * 3


@pytest.mark.parametrize("make", [Places, Ranks])
def test_rows_that_depend_on_others_are_seen(make):
    model, X = make(), normal(20, 4)
    assert gg.predict(model, X).tobytes() == model(gg.from_numpy(X)).numpy().tobytes()
    assert gg.predict(model, X[:3]).tobytes() == model(gg.from_numpy(X[:3])).numpy().tobytes()
    assert isinstance(way_of(model), Refused)
    assert not way_of(model).apart


# ---- one row


@pytest.mark.parametrize("kind", ["f", "d", "e", "i", "B", "?"])
@pytest.mark.parametrize("features", [False, True])
def test_a_row_at_once(monkeypatch, kind, features):
    model, X = mlp(10, 30, 2), (3 * normal(8, 10)).astype(kind)
    whole, used = gg.predict(model, X), []
    monkeypatch.setattr(forward, "answers", lambda *a: used.append(1) or answers(*a))
    for number in range(8):
        row = X[number] if features else X[number : number + 1]
        found = gg.predict(model, row)
        assert found.shape == ((2,) if features else (1, 2))
        assert found.dtype == whole.dtype
        assert found.tobytes() == whole[number].tobytes()
        assert found.flags.owndata
        assert found.flags.writeable
    assert len(used) == 1


def test_forms_of_a_row():
    model = mlp(10, 30, 2)
    wide = normal(6, 20)
    row = wide[2:3, ::2]
    expected = gg.predict(model, np.ascontiguousarray(row))
    locked = row.copy()
    locked.flags.writeable = False
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(row)
    for given in (
        row,
        row,
        locked,
        locked,
        row.tolist(),
        frame,
        row.astype(">f4"),
        np.asfortranarray(row),
    ):
        assert gg.predict(model, given).tobytes() == expected.tobytes()
    assert gg.predict(model, gg.from_numpy(row)).numpy().tobytes() == expected.tobytes()
    with pytest.raises(TypeError, match="inputs are numbers"):
        gg.predict(model, row.astype(str))
    row[0, 3] = np.nan
    assert np.isnan(gg.predict(model, row)).all()
    assert gg.predict(model, row[:, ::-1]).shape == (1, 2)


def test_a_row_of_another_width_is_refused_with_the_right_one():
    model = mlp(10, 30, 2)
    gg.predict(model, normal(1, 10))
    for wrong in (normal(1, 9), normal(9), normal(3, 11)):
        with pytest.raises(ShapeError, match="takes inputs of 10 features"):
            gg.predict(model, wrong)
    assert gg.predict(model, normal(1, 10)).shape == (1, 2)


# ---- changes


def fresh(model, row):
    """The outputs of a copy that nothing is known of."""
    return gg.predict(copy.deepcopy(model), row)


def written(model):
    model[0].weight.detach().numpy()[1, 2] += 1


def through_data(model):
    model[0].weight.data = gg.from_numpy(normal(30, 10))


def transposed(model):
    model[0].weight.data = gg.from_numpy(normal(10, 30)).T


def transposed_twice(model):
    transposed(model)
    gg.predict(model, ROW)
    model[0].weight.detach().numpy()[...] *= 2


def loaded(model):
    model.load_state_dict(mlp(10, 30, 2, activation=nn.Tanh).state_dict())
    model.load_state_dict({k: v * 0.5 for k, v in model.state_dict().items()})


def stepped(model):
    optimizer = optim.SGD(model.parameters(), 0.1)
    model(gg.from_numpy(normal(4, 10))).sum().backward()
    optimizer.step()


def replaced(model):
    model[1] = nn.Tanh()


def grown(model):
    model.append(nn.Linear(2, 5))


def reset(model):
    model[1] = nn.LeakyReLU(0.1)
    gg.predict(model, ROW)
    model[1].negative_slope = 0.7


def reparametrised(model):
    model[2].bias = None


def filled(model):
    with gg.no_grad():
        model[2].bias.fill_(7.0)


def widened(model):
    model.double()


def trained(model):
    model.train()
    model[1] = nn.Dropout(0.5)
    gg.predict(model, ROW)
    model.eval()


ROW = normal(1, 10)
CHANGES = [
    written, through_data, transposed, transposed_twice, loaded, stepped, replaced, grown, reset,
    reparametrised, filled, widened, trained,
]  # fmt: skip


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_seen_at_once(change, training, features):
    model, row = mlp(10, 30, 2).train(training), ROW[0] if features else ROW
    for _ in range(3):
        before = gg.predict(model, row)
    change(model)
    for _ in range(3):
        found = gg.predict(model, row)
        assert found.tobytes() == fresh(model, row).tobytes()
    assert found.tobytes() != before.tobytes()
    many = gg.predict(model, np.repeat(ROW, 70, 0))
    assert many[5].tobytes() == found.tobytes()


SCALE = 2.0


class Scaled(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(10, 2)

    def forward(self, x):
        return self.layer(x) * SCALE


def test_a_global_of_the_users_is_seen(monkeypatch):
    model = Scaled()
    before = gg.predict(model, ROW), gg.predict(model, ROW)
    monkeypatch.setitem(globals(), "SCALE", 4.0)
    np.testing.assert_array_equal(gg.predict(model, ROW), 2 * before[1])


def test_modes_do_not_matter_and_stay():
    model = nn.Sequential(nn.Linear(10, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    expected = gg.predict(model, ROW)
    for part in (model, model[1], model[2]):
        part.eval()
        modes = [m.training for m in model.modules()]
        for _ in range(2):
            assert gg.predict(model, ROW).tobytes() == expected.tobytes()
        assert [m.training for m in model.modules()] == modes


def test_copies_and_files_know_nothing_of_it(tmp_path):
    model = mlp(10, 30, 2)
    expected = gg.predict(model, ROW)
    gg.save(model, tmp_path / "model.safetensors")
    copies = (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
        gg.load(tmp_path / "model.safetensors"),
    )
    for other in copies:
        assert not forward_of(other).ways
        assert gg.predict(other, ROW).tobytes() == expected.tobytes()
        with gg.no_grad():
            other[0].weight.zero_()
        assert gg.predict(other, ROW).tobytes() != expected.tobytes()
    assert gg.predict(model, ROW).tobytes() == expected.tobytes()


def test_inside_a_compiled_step_the_model_is_traced():
    model = mlp(10, 30, 2)
    gg.predict(model, ROW)
    with pytest.raises(gg.TraceError):
        gg.compile(lambda x: gg.predict(model, x.numpy()))(gg.from_numpy(ROW))


@pytest.mark.usefixtures("blocks_at_once")
def test_threads_with_one_model():
    model, X = mlp(40, 60, 3), normal(500, 40)
    expected, wrong = gg.predict(copy.deepcopy(model), X), []

    def work(start):
        for k in range(300):
            n = (start + 7 * k) % 400
            found = gg.predict(model, X[n : n + 1])
            many = gg.predict(model, X[n : n + 1 + k % 90])
            if found[0].tobytes() != expected[n].tobytes():
                wrong.append(n)
            if many.tobytes() != expected[n : n + 1 + k % 90].tobytes():
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(13 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
