"""Test the views on the emulators, which run the functions as in production.

The test compares whole documents. When you add a field to a view, add it here as well.
"""

SECONDS = 60  # the maximum; the first event has to start the function's process


def test_a_city_is_shown_with_its_country(firestore_client, eventually):
    country = firestore_client.document("countries/no")
    country.set({"name": "Norway"})
    firestore_client.document("cities/oslo").set({"name": "Oslo", "country": country})
    view = firestore_client.document("cityViews/oslo")

    eventually(lambda: view.get().to_dict() == {"title": "Oslo, Norway"}, deadline=SECONDS)

    country.update({"name": "Noreg"})
    eventually(lambda: view.get().to_dict() == {"title": "Oslo, Noreg"}, deadline=SECONDS)
