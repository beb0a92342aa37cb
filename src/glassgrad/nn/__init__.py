"""Layers, losses and what belongs to them: names, arguments and defaults are PyTorch's."""

from . import functional, init, utils
from .activations import *
from .architecture import build, describe
from .checks import check
from .classics import AppendOne, Maxout, McCullochPitts, Perceptron, PrependZero, Sign, Step
from .containers import ModuleDict, ModuleList, Sequential
from .convolution import *
from .distances import *
from .dropout import *
from .embedding import *
from .flatten import Flatten, Unflatten
from .images import *
from .linear import Bilinear, Identity, Linear
from .losses import *
from .module import Module
from .normalization import *
from .padding import *
from .parameter import Buffer, Parameter
from .parameter_containers import ParameterDict, ParameterList
from .pooling import *
from .standardize import Standardize
