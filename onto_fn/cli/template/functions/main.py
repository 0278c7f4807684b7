"""The app. It exports the Firebase functions that build its views."""

from views import CityView

from onto_fn import App

app = App([CityView])
app.export(globals())
