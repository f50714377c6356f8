from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim.files import local_path


@settings(max_examples=40)
@given(
    st.lists(
        st.text(
            st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1
        ).filter(lambda part: part not in {".", ".."}),
        min_size=1,
        max_size=4,
    )
)
def test_a_path_survives_its_address(parts: list[str]) -> None:
    path = Path("/", *parts)
    assert local_path(path.as_uri()) == path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c.jpg", Path("/a/b c.jpg")),
        ("file://localhost/a.jpg", Path("/a.jpg")),
        ("file:/a.jpg", Path("/a.jpg")),
        ("file:///C:/art/a.jpg", Path("C:/art/a.jpg")),
        ("file:///A%3A/a.jpg", Path("/A:/a.jpg")),
        ("/plain/100%.jpg", Path("/plain/100%.jpg")),
        ("C:\\art\\a.jpg", Path("C:\\art\\a.jpg")),
        ("https://example.org/a.jpg", None),
        ("s3://bucket/a.jpg", None),
        ("file://server/share/a.jpg", None),
        ("file:///a%00b.jpg", None),
        ("http://[broken/a.jpg", None),
    ],
)
def test_local_path(uri: str, path: Path | None) -> None:
    assert local_path(uri) == path
