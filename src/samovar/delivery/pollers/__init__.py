"""One poller per kind of event source: it fetches records, has a function run with them, and tells the source."""
