"""Routes of help."""

from stratum.lib.routes import route
from stratum.support import api, views

API = "api/v1/support/conversations"

urlpatterns = [
    route(API, api.ConversationListApi.as_view(), "api_conversation_list"),
    route(f"{API}/<uuid:conversation_id>", api.ConversationApi.as_view(), "api_conversation"),
    route(f"{API}/<uuid:conversation_id>/messages", api.ConversationReplyApi.as_view(), "api_conversation_reply"),
    route(f"{API}/<uuid:conversation_id>/close", api.ConversationCloseApi.as_view(), "api_conversation_close"),
    route("dashboard/help", views.help_page, name="help"),
    route("dashboard/help/<uuid:conversation_id>", views.conversation, name="conversation"),
    route("dashboard/help/<uuid:conversation_id>/close", views.conversation_close, name="conversation_close"),
]
