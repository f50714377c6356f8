"""The questions of one user, asked again: sheets to be looked at, and what the words say of them.

    python -m benchmarks.quality_users DATA --home HOME --sheets FOLDER [--gallery NAME ...]

15 paintings, ten painted faces and five photographs of people are searched for in galleries that
lack them, which the first run makes below HOME from the folders `paintings`, `nga` and `lfw` of
DATA. Each gets a sheet of its ten nearest and a row of a table: how many are near and very near,
where the list falls off, and of photographs how many of the person's other three come first.
Who is alike nobody but a person can say. At last, what is no painting is searched for in those
galleries and in the others of HOME that are named: none may be near to anything.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from artsim.catalog.kinds import DEFAULT_ENCODER, FACES, PAINTINGS, Kind
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.render.sheet import write_sheet
from artsim.search.answer import Answer, find_similar
from artsim.search.models import Models
from artsim.search.question import ImageQuery, PixelsQuery
from artsim.store.gallery import open_gallery
from benchmarks.no_paintings import plain_no_paintings
from benchmarks.quality_judge import table

WHOLES: Final[dict[str, str]] = {
    "Redon, White Pegasus": "paintings/images/Symbolism__odilon-redon_white-pegasus.jpg",
    "Van Gogh, Langlois bridge": "paintings/images/"
    "Japonism__vincent-van-gogh_the-langlois-bridge-at-arles-with-women-washing-1888.jpg",
    "Kuniyoshi, Tiger": "paintings/images/Ukiyo-e__utagawa-kuniyoshi_tiger-1.jpg",
    "De Blaas, Young beauty": "paintings/images/Academicism__eugene-de-blaas_a-young-beauty-1.jpg",
    "Corot, Fontainebleau": "paintings/images/"
    "Realism__camille-corot_forest-of-fontainebleau-1846.jpg",
    "Correggio, Young man": "paintings/images/"
    "HighRenaissance__correggio_portrait-of-a-young-man.jpg",
    "Caillebotte, Pond": "paintings/images/"
    "Impressionism__gustave-caillebotte_yerres-on-the-pond-water-lilies.jpg",
    "Chardin, Instruments": "paintings/images/"
    "Rococo__jean-baptiste-simeon-chardin_the-instruments-of-music-calendar-1767.jpg",
    "Vermeer, Red hat": "nga/images/60.jpg",
    "Memling, Veronica": "nga/images/41659.jpg",
    "Vermeer, Woman with a balance": "nga/images/1236.jpg",
    "Van der Ast, Fruit": "nga/images/76207.jpg",
    "Peale, Rebecca White": "nga/images/195347.jpg",
    "Holbein (attributed), Red cap": "nga/images/46120.jpg",
    "Martino di Bartolomeo, Madonna": "nga/images/37634.jpg",
}

FACES_PAINTED: Final[dict[str, str]] = {
    "Poussin, Self-portrait of 1650": "paintings/images/"
    "Classicism__nicolas-poussin_self-portrait-1650.jpg",
    "Whistler, Self-portrait": "paintings/images/"
    "Tonalism__james-mcneill-whistler_gold-and-brown-aka-self-portrait.jpg",
    "Holbein, Jakob Meyer": "paintings/images/"
    "NorthernRenaissance__hans-holbein-the-younger_portrait-of-jakob-meyer-zum-hasen-1516.jpg",
    "Reynolds, Samuel Johnson": "paintings/images/Rococo__joshua-reynolds_samuel-johnson-1757.jpg",
    "Levitzky, Vorontsova": "paintings/images/"
    "Rococo__dmitry-levitzky_portrait-of-countess-n-f-vorontsova.jpg",
    "Bouguereau, Girl crocheting": "paintings/images/"
    "Realism__william-adolphe-bouguereau_portrait-of-a-young-girl-crocheting-1889.jpg",
    "Lotto, Man with gloves": "paintings/images/"
    "HighRenaissance__lorenzo-lotto_portrait-of-a-gentleman-with-gloves.jpg",
    "De Blaas, Young beauty": WHOLES["De Blaas, Young beauty"],
    "Vermeer, Red hat": WHOLES["Vermeer, Red hat"],
    "Peale, Rebecca White": WHOLES["Peale, Rebecca White"],
}

PEOPLE: Final = ("Angelina Jolie", "Colin Powell", "Hu Jintao", "Venus Williams", "Muhammad Ali")
"""Each by their first photograph; of everybody the three after it are in the gallery."""

_TALL: Final = 200
"""Least height of a person, in pixels, in works whose faces are searched."""


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a folder's list, with the whole path of each picture."""
    folder = folder.resolve()
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "filename": str(folder / row["filename"])} for row in csv.DictReader(file)]


def tallest(row: dict[str, str]) -> float:
    """Return the height of the tallest person in a painting."""
    boxes = [list(map(float, box.split(":"))) for box in row["person_boxes"].split(";") if box]
    return max((box[3] - box[1] for box in boxes), default=0.0)


def chosen_works(data: Path) -> dict[str, list[dict[str, str]]]:
    """Return what is in each of the three galleries, which lack the queries."""
    asked = {str((data / name).resolve()) for name in (*WHOLES.values(), *FACES_PAINTED.values())}
    paintings = [row for row in rows_of(data / "paintings") if row["filename"] not in asked]
    people = [row for row in rows_of(data / "lfw") if row["image_index"] in {"2", "3", "4"}]
    return {
        "users-works": paintings,
        "users-faces": [row for row in paintings if tallest(row) >= _TALL],
        "users-people": people,
    }


def fill(home: Path, name: str, rows: list[dict[str, str]]) -> None:
    """Ingest a gallery, of links to the pictures."""
    folder = home / f"{name}-pictures"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            picture = Path(row["filename"])
            link = folder / picture.name
            link.unlink(missing_ok=True)
            link.symlink_to(picture)
            writer.writerow({**row, "filename": picture.name})
    with open_gallery(home=home, name=name) as gallery:
        ingest_paintings(gallery, folder, IngestOptions(faces=name != "users-works", workers=1))


def told(answer: Answer) -> list[str]:
    """Return the best score, how many hits have each word, and where the list falls off."""
    words = [hit.verdict.word for hit in answer.hits if hit.verdict]
    best = answer.hits[0]
    counts = [str(words.count(word)) for word in ("same picture", "very near", "near")]
    return [f"{best.score:.2f}, {best.verdict}", *counts, str(answer.falls_off or "")]


def ask(
    home: Path,
    name: str,
    pictures: dict[str, Path],
    sheets: Path,
    models: Models,
    **how: Any,
) -> Iterator[tuple[str, Answer]]:
    """Search for each picture in a gallery, and write its sheet."""
    with open_gallery(home=home, name=name) as gallery:
        for number, (title, path) in enumerate(pictures.items(), 1):
            answer = find_similar(gallery, ImageQuery(path), models=models, **how)
            page = sheets / f"{sheets.name}-{number:02}.png"
            write_sheet(answer, page, title=title, overwrite=True)
            yield title, answer


def ask_everything(data: Path, home: Path, sheets: Path, models: Models) -> None:
    """Print a table for whole pictures, painted faces, faces painted alike, and people."""
    photographs = {f"{p}, 1": f"lfw/images/{p.replace(' ', '_')}_0001.jpg" for p in PEOPLE}
    asked: dict[str, tuple[str, dict[str, str], Kind, Sequence[str]]] = {
        "wholes": ("users-works", WHOLES, PAINTINGS, ()),
        "faces": ("users-faces", FACES_PAINTED, FACES, ()),
        "alike": ("users-faces", FACES_PAINTED, FACES, (DEFAULT_ENCODER,)),
        "people": ("users-people", photographs, FACES, ()),
    }
    works = chosen_works(data)
    for name, (gallery, files, kind, encoders) in asked.items():
        fill(home, gallery, works[gallery])
        folder = sheets / name
        folder.mkdir(parents=True, exist_ok=True)
        pictures = {title: data / file for title, file in files.items()}
        rows = []
        for title, answer in ask(
            home, gallery, pictures, folder, models, kind=kind, encoders=encoders
        ):
            rows.append([title, *told(answer)])
            if name == "people":
                first = [hit.payload["extra"]["person"] for hit in answer.hits[:3]]
                rows[-1].append(f"{first.count(title.removesuffix(', 1'))} of 3")
        heads = [name, "best", "same picture", "very near", "near", "falls off after"]
        print(
            table([*heads, *["found first"][: len(rows[0]) - len(heads)]], rows),
            end="\n\n",
            flush=True,
        )


def ask_for_nothing(data: Path, home: Path, names: Sequence[str], models: Models) -> None:
    """Print the best score and word of what is no painting, in each gallery."""
    pictures = {
        name: np.asarray(image.convert("RGB")) for name, image in plain_no_paintings().items()
    }
    with Image.open(data / "lfw/images/Angelina_Jolie_0001.jpg") as photograph:
        pictures["photograph"] = np.asarray(photograph.convert("RGB"))
    rows = [[name] for name in pictures]
    for name in names:
        with open_gallery(home=home, name=name) as gallery:
            for row, pixels in zip(rows, pictures.values(), strict=True):
                best = find_similar(gallery, PixelsQuery(pixels), models=models).hits[0]
                row.append(f"{best.score:.2f} {best.verdict.word if best.verdict else ''}")
    print(table(["no painting", *names], rows))


def main() -> None:
    """Make what is missing of the galleries, and ask."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--sheets", type=Path, required=True)
    parser.add_argument("--gallery", nargs="*", default=[])
    args = parser.parse_args()
    models = Models()
    ask_everything(args.data, args.home, args.sheets, models)
    ask_for_nothing(args.data, args.home, ["users-works", *args.gallery], models)


if __name__ == "__main__":
    main()
