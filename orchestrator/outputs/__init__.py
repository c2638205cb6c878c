"""What a run leaves for people: tables, a plot, the curated data set, folders of links, a report.

Arrays and paths come in, files come out; nothing here speaks to a service.
"""
