"""Layers, losses and what belongs to them: names, arguments and defaults are PyTorch's."""

from . import functional, init, utils
from .architecture import build, describe
from .checks import check
from .classics import AppendOne, Maxout, McCullochPitts, Perceptron, PrependZero, Sign, Step
from .containers import ModuleDict, ModuleList, Sequential
from .flatten import Flatten, Unflatten
from .linear import Bilinear, Identity, Linear
from .module import Module
from .parameter import Buffer, Parameter
from .parameter_containers import ParameterDict, ParameterList
from .standardize import Standardize
