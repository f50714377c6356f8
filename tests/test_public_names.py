"""The public names: all of them are there, and none loads a model library before it is used."""

import subprocess
import sys

import artsim


def test_every_public_name_is_there() -> None:
    assert len(artsim.__all__) > 80
    for name in artsim.__all__:
        value = getattr(artsim, name)
        assert getattr(value, "__name__", name) == name
        assert name in dir(artsim)


def test_names_for_searching_load_no_model_library() -> None:
    names = "open_gallery, find_similar, Models, Filters, IdQuery, ImageQuery, list_cards"
    heavy = "{'torch', 'onnxruntime', 'qdrant_client', 'matplotlib'} & set(sys.modules)"
    code = f"import sys; from artsim import {names}; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
