"""The routes of the web server, a module for each part of the page."""
