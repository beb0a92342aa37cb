"""From a step in Python to a graph, a readable program, and native code, in this order:

trace     runs the step once without values: a graph
lower     compositions and odd primitives in terms of few
rewrite   rules that make the graph smaller and safer
program   the graph as a Python program that needs only NumPy
plan      which nodes share a loop, what is stored, where and in which order
nest      the one loop nest, in which values are pulled
emit      registers, loops and functions as text of machine code
native    machine code on the user's arrays; epoch, over rows of whole arrays
cache     machine code that is known already
step      what the user calls
"""

from .graph import TraceError
from .step import CompiledStep, compile

__all__ = ["CompiledStep", "TraceError", "compile"]
