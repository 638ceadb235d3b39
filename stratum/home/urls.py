"""The first page."""

from stratum.home import views
from stratum.lib.routes import route

urlpatterns = [route("dashboard/", views.home, name="home"), route("", views.front_door)]
