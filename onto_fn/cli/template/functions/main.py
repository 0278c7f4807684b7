"""The app: what is in it becomes Firebase functions."""

from views import CityView

from onto_fn import App, ViewMediator

app = App([ViewMediator(CityView)])
app.export(globals())
