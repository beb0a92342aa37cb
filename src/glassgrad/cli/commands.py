"""The commands: `glassgrad train`, `predict` and `show`."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options
from .settings import Settings, layers

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    """Print the version and end, if it is asked for."""
    if wanted:
        from .. import __version__

        typer.echo(f"glassgrad {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=print_version, is_eager=True, help="Show the version."),
]


@app.callback()
def glassgrad(version: Version = False) -> None:
    """Train a neural network on a table, predict with it, and look into it."""


@app.command()
def train(
    data: options.Data,
    target: options.Target,
    out: options.ModelOut = None,
    task: options.Task = None,
    validation: options.Validation = "0.2",
    ignore: options.Ignore = [],  # noqa: B006
    category: options.Category = [],  # noqa: B006
    encoding: options.Encoding = None,
    separator: options.Separator = None,
    hidden: options.Hidden = "128,64",
    activation: options.Activation = "relu",
    dropout: options.Dropout = 0.1,
    optimizer: options.Optimizer = "adam",
    learning_rate: options.LearningRate = None,
    batch_size: options.BatchSize = None,
    epochs: options.Epochs = None,
    iterations: options.Iterations = None,
    epsilon: options.Epsilon = None,
    patience: options.Patience = None,
    l1: options.L1 = 0.0,
    l2: options.L2 = 0.001,
    seed: options.Seed = 0,
) -> None:
    """Train a network to predict the target column from the other columns of a table.

    Writes the model and its learning curve. Ctrl-C ends the training and keeps the best so far.
    """
    from .train import Source, run

    settings = Settings(
        layers(hidden), activation, dropout, optimizer, learning_rate, batch_size,
        epochs, iterations, epsilon, patience, l1, l2, seed,
    )  # fmt: skip
    table = Source(data, target, task, validation, ignore, category, encoding, separator)
    run(table, settings, out)


@app.command()
def predict(
    model: options.Model,
    data: options.Data,
    out: options.TableOut = None,
    encoding: options.Encoding = None,
    separator: options.Separator = None,
) -> None:
    """Predict each row of a table and write CSV, in the order of the rows.

    Columns: prediction, and for labels probability_LABEL.
    """
    from .predict import run

    run(model, data, out, encoding, separator)


@app.command()
def show(
    model: options.Model,
    picture: options.Picture = None,
    input_shape: options.InputShape = None,
) -> None:
    """Describe a model: what it takes and gives, its layers, how it was trained, how to use it.

    Counts what is in each layer, writes its formulas, and draws it.

    Of checkpoints and of models with classes of your own it lists the tensors.
    """
    from .show import run

    run(model, picture, input_shape)
