"""`artsim train classifier`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from artsim.commands.common import DeviceOption, expected_errors, parse_columns, say
from artsim.commands.evaluate.common import FormatOption, show_report
from artsim.commands.train.common import RestartOption, SeedOption, going_on_later

NETWORKS = "Networks (mobilenetv2, recurrent)"
TEST = "Test and abstention"

SourcesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="SOURCE...", help="Folders of pictures, or manifests, with labels."),
]
ByOption = Annotated[
    str, typer.Option(metavar="FIELD", help="What is learned: style, artist, genre, extra.NAME.")
]
KindOption = Annotated[
    Literal["linear", "mobilenetv2", "recurrent"],
    typer.Option(
        help="A linear head on a frozen encoder; MobileNetV2 fine-tuned; or a recurrent network "
        "over the picture's parts."
    ),
]
OutOption = Annotated[
    Path, typer.Option("--out", "-o", file_okay=False, metavar="DIR", help="Its folder.")
]
EncoderOption = Annotated[
    str, typer.Option("--encoder", "-e", help="The frozen encoder (linear, recurrent).")
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="File of weights of the encoder, or of ImageNet for mobilenetv2.",
    ),
]
FromScratchOption = Annotated[
    bool,
    typer.Option(
        "--from-scratch",
        help="Begin mobilenetv2 with random weights instead of ImageNet's.",
        rich_help_panel=NETWORKS,
    ),
]
EpochsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Passes over the works.",
        show_default="20 (mobilenetv2), 40 (recurrent)",
        rich_help_panel=NETWORKS,
    ),
]
BatchSizeOption = Annotated[
    int | None,
    typer.Option(
        min=2,
        help="Works a step.",
        show_default="32 (mobilenetv2), 64 (recurrent)",
        rich_help_panel=NETWORKS,
    ),
]
LearningRateOption = Annotated[
    float | None,
    typer.Option(
        min=1e-9,
        help="Of Adam at the beginning; it falls to a tenth twice.",
        show_default="5e-4 (mobilenetv2), 1e-3 (recurrent)",
        rich_help_panel=NETWORKS,
    ),
]
SplitOption = Annotated[
    Literal["random", "artist"],
    typer.Option(
        help="Test on works at random, as published figures are, or on artists never seen.",
        rich_help_panel=TEST,
    ),
]
TestShareOption = Annotated[
    float,
    typer.Option(min=0.01, max=0.9, help="Share put aside for the test.", rich_help_panel=TEST),
]
MinWorksOption = Annotated[
    int, typer.Option(min=5, help="Leave out classes with fewer works.", rich_help_panel=TEST)
]
PrecisionOption = Annotated[
    float,
    typer.Option(
        min=0.01,
        max=0.99,
        help="Abstain below the probability from which on so many answers are right.",
        rich_help_panel=TEST,
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        file_okay=False,
        help="Folder for vectors, which several trainings may share.",
        show_default="DIR/vectors",
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Column of a field, as for ingest."),
]


def classifier(
    sources: SourcesArgument,
    by: ByOption,
    out: OutOption,
    kind: KindOption = "linear",
    encoder: EncoderOption = "builtin",
    weights: WeightsOption = None,
    from_scratch: FromScratchOption = False,
    epochs: EpochsOption = None,
    batch_size: BatchSizeOption = None,
    learning_rate: LearningRateOption = None,
    split: SplitOption = "random",
    test_share: TestShareOption = 0.2,
    min_works: MinWorksOption = 10,
    precision: PrecisionOption = 0.8,
    cache: CacheOption = None,
    column_map: MapOption = None,
    seed: SeedOption = 0,
    restart: RestartOption = False,
    device: DeviceOption = "auto",
    output_format: FormatOption = "table",
) -> None:
    """Train a classifier of style, artist, genre or any other field; classify uses it.

    A run that was interrupted goes on where it was when the command is given again.

    Example: artsim train classifier pictures --by style --out styles
    """
    columns = parse_columns(column_map or [])
    with expected_errors():
        from artsim.render.progress import make_progress
        from artsim.render.training_report import classifier_report
        from artsim.training.classifier.options import ClassifierOptions
        from artsim.training.classifier.task import train_classifier

        options = ClassifierOptions(
            by=by,
            kind=kind,
            encoder=encoder,
            weights=weights,
            from_scratch=from_scratch,
            split=split,
            test_share=test_share,
            min_works=min_works,
            precision=precision,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            device=device,
            restart=restart,
            cache=cache,
        )
        with going_on_later():
            outcome = train_classifier(
                sources, out, options, column_map=columns, progress=make_progress()
            )
        # The folder is the training's own.
        show_report(classifier_report(outcome), output_format, out, overwrite=True)
        say(f"Classifier: {out}. Use it: artsim classify IMAGE --model {out}")
