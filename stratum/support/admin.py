"""Where support reads and answers: one conversation a page, the answer in its own field, through the services."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from stratum.lib import clock
from stratum.support import queries, services
from stratum.support.models import Conversation
from stratum.workspaces.admin import ServiceAdmin, actor_of


class AnswerForm(forms.ModelForm):  # type: ignore[type-arg]
    answer = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80}), max_length=services.LONGEST_TEXT, required=False
    )

    class Meta:
        model = Conversation
        fields: list[str] = []


@admin.register(Conversation)
class ConversationAdministration(ServiceAdmin):
    form = AnswerForm
    list_display = ["subject", "workspace", "waits_for_support", "last_at", "closed_at", "created_by"]
    list_filter = ["waits_for_support", ("closed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace", "created_by"]
    search_fields = ["subject", "workspace__name", "workspace__slug", "messages__text"]
    ordering = ["-waits_for_support", "-last_at"]
    readonly_fields = ["workspace", "subject", "created_by", "created_at", "closed_at", "conversation"]
    fields = [*readonly_fields, "answer"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="Conversation")
    def conversation(self, shown: Conversation) -> SafeString:
        rows = ((said.who, said.at.strftime("%Y-%m-%d %H:%M UTC"), said.text) for said in queries.said(shown))
        return format_html_join("", "<p><strong>{}</strong> {}<br>{}</p>", rows)

    def save_model(self, request: HttpRequest, obj: Conversation, form: Any, change: bool) -> None:
        if text := form.cleaned_data.get("answer", "").strip():
            services.answer(conversation=obj, by=actor_of(request), text=text, now=clock.now())
