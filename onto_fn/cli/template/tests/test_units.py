"""Test the views without emulators, on given documents.

The test compares whole documents. When you add a field to a view, add it here as well.
"""

from models import City, Country
from views import CityView

from onto_fn.testing import build


def test_a_title_names_the_city_and_its_country():
    norway = Country(doc_id="no", name="Norway")
    oslo = City(doc_id="oslo", name="Oslo", country=norway.doc_ref)

    views = build(CityView, "oslo", [norway, oslo])

    assert views == {"cityViews/oslo": {"title": "Oslo, Norway"}}
