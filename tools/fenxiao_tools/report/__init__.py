"""The report: what the platform looks like now, as one HTML file that needs nothing else.

`data` says what a report shows and `sources` reads it from Kafka and PostgreSQL; `charts` draws with plotly, `page`
sets it all into the template; `words` puts numbers into sentences, for the terminal too.
"""
