"""Networks that several tests build twice: once with `glassgrad.nn`, once with `torch.nn`."""

import numpy as np


def small(nn):
    """Layers in layers, a shared one, a buffer and a parameter of its own."""

    class Block(nn.Module):
        def __init__(self, features):
            super().__init__()
            self.first = nn.Linear(features, features)
            self.second = nn.Linear(features, features, bias=False)

        def forward(self, x):
            return self.second(self.first(x).tanh()) + x

    class Net(nn.Module):
        def __init__(self, tensor):
            super().__init__()
            self.scale = nn.Parameter(tensor([2.0]))
            self.register_buffer("shift", tensor([0.5, -0.5, 0.0]))
            self.register_buffer("steps", tensor([0]), persistent=False)
            self.blocks = nn.ModuleList([Block(3), Block(3)])
            self.again = self.blocks[0]
            self.head = nn.Sequential(nn.Identity(), nn.Linear(3, 2))
            self.register_parameter("absent", None)

        def forward(self, x):
            for block in self.blocks:
                x = block(x * self.scale + self.shift)
            return self.head(self.again(x))

    return Net


def with_equal_weights(model, other):
    """Copy the weights of a PyTorch model into ours; both are returned in float64."""
    model, other = model.double(), other.double()
    model.load_state_dict({key: value.numpy() for key, value in other.state_dict().items()})
    return model, other


def close(ours, theirs, tolerance=1e-12):
    """Whether a tensor of ours and one of PyTorch's are equal, in shape and within tolerance."""
    theirs = theirs.detach().numpy()
    assert tuple(ours.shape) == theirs.shape
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=tolerance, atol=tolerance)
    return True
