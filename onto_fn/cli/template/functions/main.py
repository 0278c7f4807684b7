"""The app: what is in it becomes Firebase functions."""

from views import CityView

from onto_fn import App

app = App([CityView])
app.export(globals())
