"""Views that everybody may read and watch."""

from onto_fn import App, DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import public
from onto_fn.api import Api, Streams


class Score(DomainModel, collection="scores"):
    number: int


class ScoreStore(Store):
    score = root(Score)


class ScorePage(ViewModel[ScoreStore], path="scorePages/{score_id}", read=public()):
    number: int = mirror("score.number")


app = App([ScorePage], api=Api(views=[ScorePage], streams=Streams(own_function=False)))
app.export(globals())
