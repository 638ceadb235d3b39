"""Meta Marketing API: https://developers.facebook.com/docs/marketing-api"""
