"""/dashboard/account/security: two-factor, sessions, sign-in history; and the second step of logging in."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from stratum.lib import clock, qr, totp
from stratum.lib.forms import show
from stratum.lib.refusal import Invalid
from stratum.workspaces import access, forms, services
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.models import User
from stratum.workspaces.services import security
from stratum.workspaces.views import once

PENDING = "second_step"
PENDING_FOR = timedelta(minutes=5)
BACKEND = "django.contrib.auth.backends.ModelBackend"


class LogIn(auth.LoginView):
    """The password's step. Whoever has two-factor is not logged in by it."""

    template_name = "registration/login.html"
    authentication_form = forms.LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        if not (isinstance(user, User) and security.has_two_factor(user)):
            return super().form_valid(form)
        self.request.session[PENDING] = [user.pk, clock.now().isoformat(), self.get_success_url()]
        return redirect("login_code")


log_in = access.public(LogIn.as_view())


@access.public
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def log_in_code(request: HttpRequest) -> HttpResponse:
    """The code's step, throttled like passwords."""
    user, following = _pending(request)
    if user is None:
        return redirect("login")
    form = forms.CodeForm(request.POST or None)
    if form.is_valid() and _passes(request, user, form):
        login(request, user, BACKEND)
        return redirect(following)
    return render(request, "registration/login_code.html", {"form": form}, status=_status(form))


def _pending(request: HttpRequest) -> tuple[User | None, str]:
    """Who has given the password lately, and where they wanted to go."""
    pk, at, following = request.session.get(PENDING) or (None, "", "")
    if pk is None or clock.now() > datetime.fromisoformat(at) + PENDING_FOR:
        return None, ""
    fine = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    return User.objects.filter(pk=pk, is_active=True).first(), following if fine else "/dashboard/"


def _passes(request: HttpRequest, user: User, form: forms.CodeForm) -> bool:
    now, ip = clock.now(), request.META.get("REMOTE_ADDR") or "0.0.0.0"
    name = f"code:{user.pk}"
    if services.count_login(email=name, ip=ip, now=now):
        form.add_error("code", "Too many wrong codes. Try again in 15 minutes.")
        return False
    try:
        security.check_code(user=user, code=form.cleaned_data["code"], now=now)
    except Invalid as refusal:
        show(form, refusal)
        return False
    services.forgive(email=name, ip=ip)
    return True


@access.page("view")
@never_cache
@require_safe
def security_page(request: MemberRequest) -> HttpResponse:
    return _page(request, forms.CodeForm())


@access.page("view")
@require_POST
def begin(request: MemberRequest) -> HttpResponse:
    security.begin_two_factor(user=request.user)
    return redirect("account_security")


@access.page("view")
@sensitive_post_parameters("code")
@require_POST
def confirm(request: MemberRequest) -> HttpResponse:
    form = forms.CodeForm(request.POST)
    if form.is_valid():
        try:
            codes = security.confirm_two_factor(user=request.user, code=form.cleaned_data["code"], now=request.now)
        except Invalid as refusal:
            show(form, refusal)
        else:
            once.keep(request, "recovery", "\n".join(codes))
            messages.success(request, "Two-factor is on.")
            return redirect("account_security")
    return _page(request, form)


@access.page("view")
@sensitive_post_parameters("code")
@require_POST
def end(request: MemberRequest) -> HttpResponse:
    form = forms.CodeForm(request.POST)
    if form.is_valid() and _passes(request, request.user, form):
        security.end_two_factor_of(user=request.user)
        messages.success(request, "Two-factor is off.")
        return redirect("account_security")
    return _page(request, form)


@access.page("view")
@require_POST
def end_session(request: MemberRequest, sign_in_id: int) -> HttpResponse:
    security.end_session(user=request.user, sign_in_id=sign_in_id, now=request.now)
    messages.success(request, "That session is logged out.")
    return redirect("account_security")


@access.page("view")
@require_POST
def end_others(request: MemberRequest) -> HttpResponse:
    key = request.session.session_key or ""
    ended = security.end_other_sessions(user=request.user, session_key=key, now=request.now)
    messages.success(request, f"{ended} other session{'' if ended == 1 else 's'} logged out.")
    return redirect("account_security")


def _page(request: MemberRequest, form: forms.CodeForm) -> HttpResponse:
    security.follow_session(request, request.user)
    on = security.has_two_factor(request.user)
    secret = None if on else security.secret_of(request.user)
    address = secret and totp.address(secret, account=request.user.email, issuer=security.ISSUER)
    context = {
        "form": form,
        "on": on,
        "secret": secret,
        "address": address,
        "picture": address and qr.draw(address),
        "recovery": once.take(request, "recovery"),
        "sign_ins": security.sign_ins(request.user),
        "session_key": request.session.session_key,
    }
    return render(request, "workspaces/security.html", context, status=_status(form))


def _status(form: forms.CodeForm) -> int:
    return 422 if form.is_bound and form.errors else 200
