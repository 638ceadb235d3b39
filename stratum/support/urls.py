"""Routes of help."""

from stratum.lib.routes import route
from stratum.support import views

urlpatterns = [
    route("dashboard/help", views.help_page, name="help"),
    route("dashboard/help/<uuid:conversation_id>", views.conversation, name="conversation"),
    route("dashboard/help/<uuid:conversation_id>/close", views.conversation_close, name="conversation_close"),
]
