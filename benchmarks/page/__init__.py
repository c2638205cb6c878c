"""Figures of the web page: the real page in headless Chromium, a real labeler, a real store."""
