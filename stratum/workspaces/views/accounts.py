"""Logging in and out, signing up, passwords, and choosing a workspace."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.auth.forms import SetPasswordForm
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from stratum.lib import clock
from stratum.lib.forms import show
from stratum.lib.refusal import Missing, NotAllowed, Refusal
from stratum.workspaces import access, forms, plans, queries, services
from stratum.workspaces.models import Invitation, User
from stratum.workspaces.services import security

BACKEND = "django.contrib.auth.backends.ModelBackend"

log_out = access.public(auth.LogoutView.as_view())

password_change = access.signed_in(
    auth.PasswordChangeView.as_view(
        template_name="registration/password_change.html", success_url=reverse_lazy("password_changed")
    )
)
password_reset = access.public(
    auth.PasswordResetView.as_view(
        template_name="registration/password_reset.html",
        email_template_name="registration/password_reset_email.txt",
        subject_template_name="registration/password_reset_subject.txt",
        extra_email_context={"base_url": settings.BASE_URL.rstrip("/")},
    )
)
password_reset_done = access.public(
    auth.PasswordResetDoneView.as_view(template_name="registration/password_reset_sent.html")
)


class NewPassword(auth.PasswordResetConfirmView):
    """The mailed link's form, which also ends the lock after wrong passwords: the log-in page promises so."""

    template_name = "registration/password_reset_new.html"

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        answer = super().form_valid(form)
        services.unlock(email=form.user.email)
        return answer


password_reset_confirm = access.public(NewPassword.as_view())
password_reset_complete = access.public(
    auth.PasswordResetCompleteView.as_view(template_name="registration/password_reset_complete.html")
)


@access.public
def admin_login(request: HttpRequest) -> HttpResponse:
    """Admin has no login of its own: one door, one throttle."""
    if request.user.is_authenticated:
        raise NotAllowed("staff_only", "Administration is for staff. Log out and in again with a staff account.")
    return redirect(f"{reverse('login')}?{urlencode({'next': request.GET.get('next', '/admin/')})}")


@access.signed_in
def password_changed(request: access.SignedInRequest) -> HttpResponse:
    security.follow_session(request, request.user)
    key = request.session.session_key or ""
    security.end_other_sessions(user=request.user, session_key=key, now=request.now)
    messages.success(request, "Your password was changed. Other sessions of yours are logged out.")
    return redirect("home")


@access.public
@sensitive_post_parameters("password")
@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    form = forms.SignUpForm(request.POST or None)
    if form.is_valid():
        try:
            member = services.sign_up(**form.cleaned_data, now=clock.now())
        except Refusal as refusal:
            show(form, refusal)
        else:
            login(request, member.user, BACKEND)
            return redirect("home")
    return render(request, "workspaces/signup.html", {"form": form}, status=_status(form))


@access.public
def pricing(request: HttpRequest) -> HttpResponse:
    rows = [(name, [flag in plan.features for plan in plans.PLANS.values()]) for flag, name in plans.FEATURES.items()]
    limits = [(name, [plan.limit(meter) for plan in plans.PLANS.values()]) for meter, (name, _) in plans.METERS.items()]
    context = {"plans": plans.PLANS.values(), "features": rows, "limits": limits}
    return render(request, "workspaces/plan/pricing.html", context)


@access.public
@sensitive_post_parameters("password")
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """A signed-in person accepts with a click; anybody else gets an account for the invited address."""
    invited = queries.invitation(token, now=clock.now())
    if isinstance(request.user, User):
        return _accept(request, request.user, token, invited)
    form = forms.JoinForm(request.POST or None)
    has_account = queries.user(invited.email) is not None
    if form.is_valid() and not has_account:
        try:
            member = services.join(token=token, **form.cleaned_data, now=clock.now())
        except Refusal as refusal:
            show(form, refusal)
        else:
            login(request, member.user, BACKEND)
            return _enter(request, member.workspace.slug)
    context = {"invitation": invited, "form": form, "has_account": has_account}
    return render(request, "workspaces/invitation.html", context, status=_status(form))


def _accept(request: HttpRequest, user: User, token: str, invited: Invitation) -> HttpResponse:
    if request.method == "POST":
        member = services.accept_invitation(token=token, user=user, now=clock.now())
        return _enter(request, member.workspace.slug)
    return render(request, "workspaces/invitation.html", {"invitation": invited})


@access.signed_in
def new_workspace(request: access.SignedInRequest) -> HttpResponse:
    form = forms.NewWorkspaceForm(request.POST or None)
    if form.is_valid():
        try:
            workspace = services.create_workspace(**form.cleaned_data, owner=request.user, now=request.now)
        except Refusal as refusal:
            show(form, refusal)
        else:
            return _enter(request, workspace.slug)
    is_homeless = not access.memberships_of(request.user)
    context = {"form": form, "zones": forms.zone_names(), "is_homeless": is_homeless}
    return render(request, "workspaces/new.html", context, status=_status(form))


@access.signed_in
@require_POST
def switch_workspace(request: access.SignedInRequest) -> HttpResponse:
    slug = request.POST.get("workspace", "")
    if slug not in {member.workspace.slug for member in access.memberships_of(request.user)}:
        raise Missing
    return _enter(request, slug)


def _enter(request: HttpRequest, slug: str) -> HttpResponse:
    request.session["workspace"] = slug
    return redirect("home")


def _status(form: Form) -> int:
    return 422 if form.is_bound and form.errors else 200
