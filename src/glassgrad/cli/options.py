"""The options of the command line: their names and what `--help` says of them."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ..data.tables.answers import TASKS
from .settings import ACTIVATIONS, OPTIMIZERS

NETWORK, TRAINING, TABLE, RESULT = "Network", "Training", "Table", "Result"

Data = Annotated[str, Argument(metavar="DATA", help="A CSV or Parquet file; - is standard input.")]
Model = Annotated[Path, Argument(help="A model file that train wrote.", metavar="MODEL")]

Target = Annotated[
    list[str],
    Option(
        "--target", "-t", metavar="COLUMN", rich_help_panel=TABLE,
        help="The column to predict; several for several labels, or several numbers.",
    ),
]  # fmt: skip
Task = Annotated[
    str | None,
    Option(
        metavar="TASK", rich_help_panel=TABLE,
        help=f"What the target is: {', '.join(TASKS)} for [0, 1]. (Default: found from it.)",
    ),
]  # fmt: skip
Validation = Annotated[
    str,
    Option(
        metavar="FRACTION|FILE", rich_help_panel=TABLE,
        help="Rows to validate on: a share of DATA, or a table of their own; 0 for none.",
    ),
]  # fmt: skip
Ignore = Annotated[
    list[str], Option(metavar="COLUMN", help="A column to leave out.", rich_help_panel=TABLE)
]
Category = Annotated[
    list[str],
    Option(
        metavar="COLUMN", rich_help_panel=TABLE,
        help="A column whose numbers are names of categories.",
    ),
]  # fmt: skip
Encoding = Annotated[
    str | None,
    Option(help="Of the text, such as latin-1. (Default: found.)", rich_help_panel=TABLE),
]
Separator = Annotated[
    str | None,
    Option(help="Between fields, such as ';'. (Default: found.)", rich_help_panel=TABLE),
]

Hidden = Annotated[
    str,
    Option(
        metavar="UNITS", rich_help_panel=NETWORK,
        help="Units of each hidden layer; none for a linear model.",
    ),
]  # fmt: skip
Activation = Annotated[
    str, Option(help=f"Between layers: {', '.join(ACTIVATIONS)}.", rich_help_panel=NETWORK)
]
Dropout = Annotated[
    float, Option(help="Share of hidden units dropped in each update.", rich_help_panel=NETWORK)
]

Optimizer = Annotated[
    str, Option(help=f"The update rule: {', '.join(OPTIMIZERS)}.", rich_help_panel=TRAINING)
]
LearningRate = Annotated[
    float | None,
    Option(
        "--learning-rate", "--lr", rich_help_panel=TRAINING,
        help="The size of the steps. (Default: by the optimizer, 0.001 for adam.)",
    ),
]  # fmt: skip
BatchSize = Annotated[
    int | None,
    Option(
        help="Rows for each update. (Default: by the number of rows.)", rich_help_panel=TRAINING
    ),
]
Epochs = Annotated[int, Option(help="Most passes over the rows.", rich_help_panel=TRAINING)]
Iterations = Annotated[
    int | None,
    Option(
        "--iterations", "-N", rich_help_panel=TRAINING,
        help="Most updates. (Default: as many as the epochs have.)",
    ),
]  # fmt: skip
Epsilon = Annotated[
    float | None,
    Option(
        rich_help_panel=TRAINING,
        help="Stop when the loss changes by at most this from one epoch to the next.",
    ),
]
Patience = Annotated[
    int,
    Option(
        rich_help_panel=TRAINING,
        help="Stop after so many epochs without a better validation loss.",
    ),
]
L1 = Annotated[float, Option("--l1", help="Penalty on absolute weights.", rich_help_panel=TRAINING)]
L2 = Annotated[float, Option("--l2", help="Penalty on squared weights.", rich_help_panel=TRAINING)]
Seed = Annotated[
    int,
    Option(help="Of the split, the first weights and the shuffling.", rich_help_panel=TRAINING),
]

ModelOut = Annotated[
    Path | None,
    Option(
        "--out", "-o", metavar="MODEL", rich_help_panel=RESULT,
        help="The model file; the learning curve goes beside it. "
        "(Default: the name of DATA, .safetensors, in this folder.)",
    ),
]  # fmt: skip
TableOut = Annotated[
    Path | None,
    Option("--out", "-o", metavar="CSV", help="The file to write. (Default: standard output.)"),
]
