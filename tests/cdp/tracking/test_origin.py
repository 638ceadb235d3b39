"""Platform, device and campaign, derived once when an event arrives."""

import time

import pytest

from tests.cdp.tracking.story import accepted, track

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36"
GALAXY_TAB = "Mozilla/5.0 (Linux; Android 13; SM-X710) AppleWebKit/537.36 Chrome/124.0 Safari/537.36"
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Version/16.6 Mobile/15E148 Safari/604.1"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0 Safari/537.36"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"
TELEVISION = "Mozilla/5.0 (Linux; Android 11; BRAVIA 4K) AppleWebKit/537.36 Chrome/90 Safari/537.36"


def page(**fields):
    return accepted(track(context={"page": fields}))


def landing(query):
    return page(url=f"https://shop.example/?{query}", search=f"?{query}", referrer="")


class TestPlatform:
    @pytest.mark.parametrize(
        ("query", "platform"),
        [
            ("utm_source=facebook", "meta"),
            ("utm_source=ig", "meta"),
            ("utm_source=Instagram", "meta"),
            ("utm_source=google", "google"),
            ("utm_source=TikTok", "tiktok"),
            ("utm_source=bing", "microsoft"),
            ("utm_source=linkedin", "linkedin"),
            ("fbclid=IwAR0", "meta"),
            ("gclid=Cj0K", "google"),
            ("gbraid=1", "google"),
            ("wbraid=1", "google"),
            ("ttclid=E.C.P", "tiktok"),
            ("msclkid=9", "microsoft"),
            ("li_fat_id=5", "linkedin"),
            ("a=1&gclid=x#top", "google"),
        ],
    )
    def test_from_the_landing_page(self, query, platform):
        assert landing(query).platform == platform

    def test_a_known_source_is_believed_before_a_click_id(self):
        assert landing("utm_source=tiktok&gclid=1").platform == "tiktok"

    def test_a_click_id_is_believed_before_an_unknown_source(self):
        assert landing("utm_source=spring-mailing&gclid=1").platform == "google"

    def test_an_unknown_source_stands_for_itself(self):
        assert landing("utm_source=Newsletter").platform == "newsletter"

    def test_the_sdks_own_campaign_is_believed_first(self):
        context = {"campaign": {"source": "google"}, "page": {"search": "?fbclid=1"}}
        assert accepted(track(context=context)).platform == "google"

    def test_two_click_ids_always_give_the_same_answer(self):
        assert landing("gclid=1&fbclid=2").platform == landing("fbclid=2&gclid=1").platform == "meta"

    @pytest.mark.parametrize(
        ("referrer", "platform"),
        [
            ("https://www.google.com/", "google"),
            ("https://www.google.co.uk/search?q=x", "google"),
            ("https://l.facebook.com/l.php?u=x", "meta"),
            ("https://www.instagram.com/", "meta"),
            ("https://t.co/abc", "x"),
            ("http://lnkd.in/x", "linkedin"),
            ("https://www.tiktok.com/@x", "tiktok"),
            ("https://www.bing.com:443/search", "microsoft"),
            ("android-app://com.google.android.googlequicksearchbox/", "google"),
            ("android-app://com.instagram.android/", "meta"),
            ("https://accounts.google.com/signin", None),
            ("https://google.com.evil.example/", None),
            ("https://notfacebook.com/", None),
            ("https://blog.example/why-google.com", None),
            ("not an address", None),
            ("", None),
        ],
    )
    def test_from_the_referrer(self, referrer, platform):
        assert page(url="https://shop.example/", referrer=referrer).platform == platform

    def test_from_properties_as_page_calls_send_them(self):
        assert accepted(track(properties={"url": "https://shop.example/?gclid=1"})).platform == "google"
        assert accepted(track(properties={"referrer": "https://www.tiktok.com/"})).platform == "tiktok"
        assert accepted(track(properties={"gclid": "Cj0"})).platform == "google"
        assert accepted(track(properties={"utm_source": "FB"})).platform == "meta"
        assert accepted(track(properties={"gclid": ""})).platform is None

    @pytest.mark.parametrize(
        "context",
        [
            {},
            {"page": None, "campaign": []},
            {"page": "https://x/?gclid=1"},
            {"page": {"url": 7, "search": ["?gclid=1"], "referrer": {"url": 5}}},
            {"campaign": {"source": None, "name": {}}},
            {"campaign": {"source": True, "name": ["x"]}},
            {"page": {"url": "https://shop.example/utm_source=google"}},
        ],
    )
    def test_odd_contexts_give_no_answer(self, context):
        message = accepted(track(context=context))
        assert (message.platform, message.campaign) == (None, None)


class TestCampaign:
    def test_from_the_context(self):
        assert accepted(track(context={"campaign": {"name": " Summer Sale "}})).campaign == "Summer Sale"
        assert accepted(track(context={"campaign": {"name": 2026}})).campaign == "2026"

    def test_from_the_address(self):
        assert landing("utm_campaign=Summer+Sale%20%E2%98%80").campaign == "Summer Sale ☀"

    def test_from_properties(self):
        assert accepted(track(properties={"utm_campaign": "spring"})).campaign == "spring"

    def test_a_coded_nul_does_not_slip_into_a_text_column(self):
        message = landing("utm_campaign=a%00b&utm_source=c%00d")
        assert (message.campaign, message.platform) == (None, None)

    def test_broken_coding_is_replaced(self):
        assert landing("utm_campaign=%FF%ZZ").campaign == "\ufffd%ZZ"

    def test_long_names_are_cut(self):
        assert len(landing("utm_campaign=" + "x" * 1_000).campaign or "") == 255


class TestDevice:
    @pytest.mark.parametrize(
        ("agent", "device"),
        [
            (IPHONE, "mobile"),
            (PIXEL, "mobile"),
            (GALAXY_TAB, "tablet"),
            (IPAD, "tablet"),
            (MAC, "desktop"),
            (WINDOWS, "desktop"),
            (LINUX, "desktop"),
            (TELEVISION, None),
            ("analytics-python/2.4.0", None),
            ("", None),
            (17, None),
        ],
    )
    def test_from_the_user_agent(self, agent, device):
        assert accepted(track(context={"userAgent": agent})).device == device

    @pytest.mark.parametrize(
        ("context", "device"),
        [
            ({"device": {"type": "Mobile"}}, "mobile"),
            ({"device": {"type": "ios"}}, "mobile"),
            ({"device": {"type": "ios", "model": "iPad13,4"}}, "tablet"),
            ({"device": {"type": "android"}}, "mobile"),
            ({"device": {"type": "tablet"}}, "tablet"),
            ({"device": {"type": "Desktop"}}, "desktop"),
            ({"device": {"type": "fridge"}, "userAgent": MAC}, "desktop"),
            ({"device": "phone"}, None),
            ({"userAgentData": {"mobile": True}}, "mobile"),
            ({"userAgentData": {"mobile": False}}, "desktop"),
            ({"userAgentData": {"mobile": "no"}}, None),
            ({"os": {"name": "Android"}}, "mobile"),
            ({"os": {"name": 4}}, None),
        ],
    )
    def test_from_the_context(self, context, device):
        assert accepted(track(context=context)).device == device

    @pytest.mark.parametrize("piece", ["silk", "android", "cfnetwork", "iphone smart"])
    def test_a_hostile_agent_costs_no_time(self, piece):
        agent = (piece * 2_000)[:8_000]
        started = time.perf_counter()
        accepted(track(context={"userAgent": agent, "page": {"url": "?" + agent, "referrer": "http://" + agent}}))
        assert time.perf_counter() - started < 0.2
