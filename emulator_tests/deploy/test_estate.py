"""A deploy in which everything is out of the ordinary, recorded."""


def test_estate(estate) -> None:
    for r in estate.deployment.requests._requests:
        print(r)
    print(estate.deployment.output)
    import json

    for n, f in estate.project.functions.items():
        print(json.dumps(f, indent=1))
    assert 0
