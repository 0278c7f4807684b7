"""The views, on the emulators: the functions run as they will when they are deployed.

A view is compared as a whole: when you add a field to it, add it here as well.
"""

SECONDS = 60  # at most; the first event has to start a process of the function


def test_a_city_is_shown_with_its_country(firestore_client, eventually):
    country = firestore_client.document("countries/no")
    country.set({"name": "Norway"})
    firestore_client.document("cities/oslo").set({"name": "Oslo", "country": country})
    view = firestore_client.document("cityViews/oslo")

    eventually(lambda: view.get().to_dict() == {"title": "Oslo, Norway"}, deadline=SECONDS)

    country.update({"name": "Noreg"})
    eventually(lambda: view.get().to_dict() == {"title": "Oslo, Noreg"}, deadline=SECONDS)
