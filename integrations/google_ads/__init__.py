"""Google Ads API over REST: https://developers.google.com/google-ads/api/rest/overview"""
