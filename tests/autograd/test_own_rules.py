"""A user's rule that gives the wrong gradients is an error that says what it should give."""

import pytest

import glassgrad as gg


class Rule(gg.Operation):
    """The square, with a rule to be tried."""

    def __init__(self, rule):
        self.rule = rule

    def forward(self, *inputs):
        return inputs[0] * inputs[0]

    def gradient(self, g, y, *inputs):
        return self.rule(g, *inputs)


WRONG = [
    (lambda g, x: 2 * x * g, TypeError, r"returns a tuple.*returned a tensor"),
    (lambda g, x: (2 * x * g, None), TypeError, "returned 2 gradients for 1 inputs"),
    (
        lambda g, x: ((2 * x * g).sum(),),
        gg.ShapeError,
        r"gradient 1 is f32\[\], and input 1 is f32",
    ),
    (lambda g, x: (2.0,), TypeError, "gradient 1 is a float"),
]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("rule, error, text", WRONG)
def test_a_wrong_rule_is_named(rule, error, text, compiled):
    x = gg.ones(4, requires_grad=True)

    def step():
        Rule(rule)(x).sum().backward()

    with pytest.raises(error, match=text):
        (gg.compile(step) if compiled else step)()


def test_a_right_rule_is_taken():
    x = gg.ones(4, requires_grad=True)
    Rule(lambda g, x: (2 * x * g,))(x).sum().backward()
    assert x.grad.tolist() == [2.0] * 4
