"""Catalogue dates become intervals, or nothing."""

# ruff: noqa: RUF001 - the dashes and quotes of catalogues are the subject

import csv
import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artsim.catalog.dates import CLOSE_END_YEARS, LATEST_YEAR, OPEN_END_YEARS, YearRange, parse_date

UNDERSTOOD = """
1642 = 1642..1642
(1642) = 1642..1642
[1642?] = 1642..1642
1435? = 1435..1435
c. 1500-25 = 1500..1525
c. 1500–25 = 1500..1525
c. 1500‑25 = 1500..1525
c. 1500—1525 = 1500..1525
1503/1506 = 1503..1506
c. 1503-6 = 1503..1506
1642-43 = 1642..1643
1470/1475-1480 = 1470..1480
ca 1505 = 1505..1505
ca.1505 = 1505..1505
c1505 = 1505..1505
circa 1505 = 1505..1505
about 1505 = 1505..1505
probably 1435 = 1435..1435
dated 1654 = 1654..1654
signed and dated 1654 = 1654..1654
completed 1514 = 1514..1514
begun 1501, finished 1508 = 1501..1508
1598 or 1599 = 1598..1599
1642, 1645 and 1650 = 1642..1650
between 1500 and 1510 = 1500..1510
from 1500 to 1510 = 1500..1510
MDXLII = 1542..1542
1889-06-12 = 1889..1889
1889-06-12T00:00:00Z = 1889..1889
1889-06-12 00:00:00 = 1889..1889
12.06.1889 = 1889..1889
12 June 1889 = 1889..1889
June 12, 1889 = 1889..1889
June 1889 = 1889..1889
May-June 1889 = 1889..1889
12-14 June 1889 = 1889..1889
12 June - 3 July 1889 = 1889..1889
winter 1888-89 = 1888..1889
1880s = 1880..1889
c. 1660s = 1660..1669
early 1880s = 1880..1883
mid-1880s = 1884..1886
late 1880s = 1887..1889
1880s-90s = 1880..1899
1880s and 1890s = 1880..1899
165X = 1650..1659
16XX = 1600..1699
1600s = 1600..1699
17th century = 1600..1699
16th c. = 1500..1599
1st century = 1..99
seventeenth century = 1600..1699
XVII century = 1600..1699
early 17th century = 1600..1633
mid-17th century = 1634..1666
late 17th century = 1667..1699
first half of the 17th century = 1600..1649
17th century, second half = 1650..1699
second quarter of the 17th century = 1625..1649
third quarter 16th century = 1550..1574
last quarter of the 15th century = 1475..1499
last decade of the 15th century = 1490..1499
turn of the 18th century = 1690..1709
17th-18th century = 1600..1799
15th/16th Century = 1400..1599
early to mid-17th century = 1600..1666
mid- to late 17th century = 1634..1699
late 15th or early 16th century = 1467..1533
late 17th-early 18th century = 1667..1733
by the end of the 15th century = 1417..1499
Edo period (1615–1868) = 1615..1868
4th century BC = -399..-300
early 4th century BCE = -399..-366
5th-4th century B.C. = -499..-300
1st century BC = -99..-1
12-9 BC = -12..-9
100 BC - 50 AD = -100..50
A.D. 79 = 79..79
um 1520 = 1520..1520
vers 1650 = 1650..1650
en 1650 = 1650..1650
entre 1500 et 1510 = 1500..1510
von 1500 bis 1510 = 1500..1510
années 1880 = 1880..1889
1880er Jahre = 1880..1889
XVIIe siècle = 1600..1699
XVIIᵉ siècle = 1600..1699
1ère moitié du 19e siècle = 1800..1849
1er quart du XVIIIe siècle = 1700..1724
fin du XVIIIe siècle = 1767..1799
17. Jahrhundert = 1600..1699
17. - 18. Jh. = 1600..1799
2. Hälfte 17. Jh. = 1650..1699
Anfang des 17. Jahrhunderts = 1600..1633
sec. XVI-XVII = 1500..1699
XVII secolo, prima metà = 1600..1649
metà del XVI secolo = 1534..1566
siglo XVII = 1600..1699
s. XVII = 1600..1699
17de eeuw = 1600..1699
eerste helft 17e eeuw = 1600..1649
later 18th century = 1750..1799
earlier 1880s = 1880..1884
17th century or earlier = 1550..1699
late 18th century or later = 1767..1849
?mid 1830s or later = 1834..1886
1902, printed before 1910 = 1902..1910
Begun 1784; completed by 1818 = 1784..1818
1914-21; not later than 1925 = 1914..1925
(1933 (probably before November), printed 1939) = 1933..1939
18th century, after 1713 = 1713..1799
early 19th Century, after 1806 = 1806..1833
17th century, before 1650 = 1600..1650
c. 196? = 1960..1969
19-- = 1900..1999
199u = 1990..1999
?1777, later dated 1779 = 1777..1779
1911-09 = 1911..1911
1905-07 = 1905..1907
1910\\n1911 = 1910..1911
?exhibited 1826 = 1826..1826
Horta de San Joan, summer 1909 = 1909..1909
Paris 1911 = 1911..1911
published 1893 = 1893..1893
1918 (executed 1917) = 1917..1918
1825, reprinted 1874 = 1825..1874
c.1829–33, or later = 1829..1883
8/1959 = 1959..1959
1970$1970-01 = 1970..1970
c. 3000 BCE = -3000..-3000
1190/85 BC = -1190..-1185
100-50 BC = -100..-50
+1889-06-00T00:00:00Z = 1889..1889
-0500-00-00T00:00:00Z = -500..-500
(May 1-9, 1968) = 1968..1968
(March 12-April 1) 1964 = 1964..1964
1926.  (Print executed 1925). = 1925..1926
1560/.. = 1560..1610
a) 1941 = 1941..1941
<1700 = 1650..1700
>1700 = 1700..1750
Edo period (1603-1867), 19th century = 1800..1899
limite 16e siècle 17e siècle = 1590..1609
4e quart du XVe siècle (1475 - 1500) = 1475..1500
seconde moitié du XVIe s. = 1550..1599
2e moitié du XVe s. = 1450..1499
dans les années 1630 = 1630..1639
Fin del siglo XV - Inicio del siglo XVI = 1467..1533
Primer tercio del siglo XVII = 1600..1633
Anterior a 1700 = 1650..1700
1. H. 17. Jh. = 1600..1649
4. V. 15. Jh. = 1475..1499
A. 16. Jh. = 1500..1533
E. 15. Jh. = 1467..1499
+1650-01-01T00:00:00Z/9 = 1650..1650
Céret and Sorgues, summer 1912 = 1912..1912
zw. 1620 und 1630 = 1620..1630
1530er-Jahre = 1530..1539
spätestens 1650 = 1600..1650
nicht vor 1650 = 1650..1700
secc. XVI-XVII = 1500..1699
fine Quattrocento = 1467..1499
primo Cinquecento = 1500..1533
1800-tallet = 1800..1899
gedateerd 1642 = 1642..1642
"""

NOT_UNDERSTOOD = [
    "", " ", "n.d.", "s.d.", "undated", "unknown", "Spring", "March", "0", "99", "9999", "12345",
    "17th", "1650-1600", "1889-13", "-1889", "1642-", "1642 or", "1642 1650", "Ming dynasty",
    "first half", "half 1642", "1642 century", "first quarter 1642", "25th century", "before",
    "not 1642", "15th June", "June 15", "1642 (restored 1990)", "inv. 1642", "100 years ago",
    "after an original of 1590", "1890s-1870s", "iiii secolo", "1642±5", "the", "?", "16th Street",
    "l860s", "Room 1911", "Restored, 1990",
    "1642 1650, 1660", "second half", "later", "or later", "Horta de San Joan",
]  # fmt: skip


def test_a_date_becomes_its_years() -> None:
    right = dict(line.split(" = ") for line in UNDERSTOOD.strip().splitlines())
    read = {text: parse_date(text.replace("\\n", "\n")) for text in right}
    assert {text: f"{y.start}..{y.end}" if y else "" for text, y in read.items()} == right


def test_what_is_no_date_is_not_guessed() -> None:
    assert [text for text in NOT_UNDERSTOOD if parse_date(text)] == []


def test_an_open_end_reaches_a_working_life() -> None:
    before = YearRange(1700 - OPEN_END_YEARS, 1700)
    for text in ("before 1700", "avant 1700", "vor 1700", "prima del 1700", "by 1700", "until 1700",
                 "no later than 1700", "1700 or before", "in or before 1700",
                 "1700 or earlier"):  # fmt: skip
        assert parse_date(text) == before, text
    after = YearRange(1650, 1650 + OPEN_END_YEARS)
    for text in ("after 1650", "après 1650", "nach 1650", "dopo il 1650", "not before 1650",
                 "1650 or later", "post 1650"):  # fmt: skip
        assert parse_date(text) == after, text


def test_a_close_end_and_one_closed_on_both_sides() -> None:
    assert parse_date("shortly after 1650") == YearRange(1650, 1650 + CLOSE_END_YEARS)
    assert parse_date("1650 or shortly after") == YearRange(1650, 1650 + CLOSE_END_YEARS)
    assert parse_date("after 1479, before 1490") == YearRange(1479, 1490)
    assert parse_date("after 1490, before 1479") is None


def test_an_open_end_does_not_reach_into_the_future() -> None:
    this_year = datetime.date.today().year
    assert parse_date("after 2010") == YearRange(2010, this_year)
    assert parse_date("2005, printed later") == YearRange(2005, this_year)
    assert parse_date("after 2090") == YearRange(2090, 2090)


def test_there_is_no_year_zero() -> None:
    assert parse_date("after 20 BC") == YearRange(-20, 31)
    assert parse_date("before AD 20") == YearRange(-31, 20)


years = st.integers(100, LATEST_YEAR)


STYLES = [
    "{0}-{1}", "c. {0}–{1}", "{0}/{1}", "{0} — {1}", "{0} to {1}", "between {0} and {1}",
    "from {0} until {1}", "{0} or {1}", "begun {0}, finished {1}", "ca. {0}/{1} (?)",
    "zwischen {0} und {1}", "{0} à {1}", "dal {0} al {1}", "tussen {0} en {1}",
]  # fmt: skip


@given(pair=st.tuples(years, years))
def test_any_range_comes_back(pair: tuple[int, int]) -> None:
    start, end = sorted(pair)
    for style in STYLES:
        assert parse_date(style.format(start, end)) == YearRange(start, end), style


@given(start=years, data=st.data())
def test_a_shortened_end_keeps_its_century(start: int, data: st.DataObject) -> None:
    end = data.draw(st.integers(start, min(start // 100 * 100 + 99, LATEST_YEAR)))
    assert parse_date(f"{start}-{end % 100:02}") == YearRange(start, end)


@given(century=st.integers(1, 21), many=st.sampled_from([2, 3, 4, 10]))
def test_fractions_tile_their_century(century: int, many: int) -> None:
    name = {2: "half", 3: "third", 4: "quarter", 10: "decade"}[many]
    if many == 3:
        parts = [parse_date(f"{part} {century}th century") for part in ("early", "mid", "late")]
    else:
        ordinals = ["1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th"][:many]
        parts = [parse_date(f"{which} {name} of the {century}th century") for which in ordinals]
    covered = [y for part in parts if part for y in range(part.start, part.end + 1)]
    assert covered == list(range(max(1, 100 * century - 100), 100 * century))


@given(st.text(max_size=300))
@example("1642 " * 100)
@example("-" * 200)
def test_any_text_at_all_gives_an_interval_or_nothing(text: str) -> None:
    found = parse_date(text)
    assert found is None or found.start <= found.end


pieces = st.sampled_from([
    "1642", "1500", "25", "99", "17th", "1880s", "xvii", "century", "c.", "before", "after",
    "by", "or", "and", "-", "/", ",", "early", "late", "mid", "first", "half", "quarter", "of",
    "the", "bc", "ad", "between", "to", "june", "?", "shortly", "not", "turn", "decade", "2.",
    "siècle", "sec.", "um",
])  # fmt: skip


@given(st.lists(pieces, max_size=9))
def test_any_words_of_dates_give_an_interval_or_nothing(words: list[str]) -> None:
    found = parse_date(" ".join(words))
    assert found is None or (found.start <= found.end <= LATEST_YEAR + OPEN_END_YEARS)


def test_an_inverted_range_is_refused() -> None:
    with pytest.raises(ValueError, match="1650 to 1600"):
        YearRange(1650, 1600)


def test_dates_of_the_national_gallery(data) -> None:
    """Its own first year is ours, but where it takes "c. 1669" to begin in 1664."""
    path = data / "nga" / "paintings_with_images.csv"
    with path.open(encoding="utf-8", newline="") as file:
        dated = [row for row in csv.DictReader(file) if row["displaydate"]]
    read = {row["displaydate"]: parse_date(row["displaydate"]) for row in dated}
    assert len(dated) == 17
    assert all(read.values())
    other = [r for r in dated if read[r["displaydate"]].start != int(r["beginyear"])]
    assert [row["displaydate"] for row in other] == ["c. 1669"]
