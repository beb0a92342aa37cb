"""The options of the command line: their names and what `--help` says of them."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ..data.tables.answers import TASKS
from .settings import ACTIVATIONS, OPTIMIZERS

NETWORK, TRAINING, TABLE, RESULT = "Network", "Training", "Table", "Result"

Data = Annotated[str, Argument(metavar="DATA", help="A CSV or Parquet file; - is standard input.")]
Model = Annotated[Path, Argument(help="A model file that train or gg.save wrote.", metavar="MODEL")]

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
    Option(
        metavar="NAME", rich_help_panel=TABLE,
        help="The encoding of the text, such as latin-1. (Default: found.)",
    ),
]  # fmt: skip
Separator = Annotated[
    str | None,
    Option(
        metavar="CHARACTER", rich_help_panel=TABLE,
        help="What stands between fields, such as ';'. (Default: found.)",
    ),
]  # fmt: skip

Hidden = Annotated[
    str,
    Option(
        metavar="UNITS", rich_help_panel=NETWORK,
        help="Units of each hidden layer; none for a linear model.",
    ),
]  # fmt: skip
Activation = Annotated[
    str,
    Option(
        metavar="LAYER", rich_help_panel=NETWORK,
        help=f"Between layers: {', '.join(ACTIVATIONS)}.",
    ),
]  # fmt: skip
Dropout = Annotated[
    float,
    Option(
        metavar="SHARE", rich_help_panel=NETWORK,
        help="Share of hidden units dropped in each update.",
    ),
]  # fmt: skip

Optimizer = Annotated[
    str,
    Option(
        metavar="RULE", rich_help_panel=TRAINING,
        help=f"The update rule: {', '.join(OPTIMIZERS)}.",
    ),
]  # fmt: skip
LearningRate = Annotated[
    float | None,
    Option(
        "--learning-rate", "--lr", metavar="RATE", rich_help_panel=TRAINING,
        help="The size of the steps. (Default: by the optimizer, 0.001 for adam.)",
    ),
]  # fmt: skip
BatchSize = Annotated[
    int | None,
    Option(
        metavar="ROWS", rich_help_panel=TRAINING,
        help="Rows for each update. (Default: 16 to 1024, by the number of rows.)",
    ),
]  # fmt: skip
Epochs = Annotated[
    int | None,
    Option(
        metavar="NUMBER", rich_help_panel=TRAINING,
        help="Most passes over the rows. (Default: 200; fewer for more than 10,000 rows.)",
    ),
]  # fmt: skip
Iterations = Annotated[
    int | None,
    Option(
        "--iterations", "-N", metavar="NUMBER", rich_help_panel=TRAINING,
        help="Most updates. (Default: as many as the epochs have.)",
    ),
]  # fmt: skip
Epsilon = Annotated[
    float | None,
    Option(
        metavar="CHANGE", rich_help_panel=TRAINING,
        help="Stop when the loss changes by at most this from one epoch to the next.",
    ),
]  # fmt: skip
Patience = Annotated[
    int | None,
    Option(
        metavar="EPOCHS", rich_help_panel=TRAINING,
        help="Stop after so many epochs without a better validation loss. "
        "(Default: 20; fewer for more than 10,000 rows.)",
    ),
]  # fmt: skip
L1 = Annotated[
    float,
    Option(
        "--l1", metavar="STRENGTH", rich_help_panel=TRAINING,
        help="Penalty on absolute weights, which makes some of them 0.",
    ),
]  # fmt: skip
L2 = Annotated[
    float,
    Option(
        "--l2", metavar="STRENGTH", rich_help_panel=TRAINING,
        help="Penalty on squared weights (weight decay).",
    ),
]  # fmt: skip
Seed = Annotated[
    int,
    Option(
        metavar="NUMBER", rich_help_panel=TRAINING,
        help="Of the split, the first weights and the shuffling.",
    ),
]  # fmt: skip

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
Picture = Annotated[
    Path | None,
    Option(
        metavar="PATH",
        help="The diagram: .svg, .png or .pdf. (Default: the name of MODEL, .network.svg, "
        "beside it; a file there that show has not written stays.)",
    ),
]  # fmt: skip
InputShape = Annotated[
    str | None,
    Option(metavar="SIZES", help="Of one row, as in 1,28,28. (Default: told by the layers.)"),
]
