"""Floor 3: carries events to functions and targets, durably and in the background.

`queue` keeps work until it is done, whatever happens to the server; `invocations` are the asynchronous invocations of
functions, `outbox` everything else that has to arrive somewhere, `targets` how each kind of target is called, `journal`
what became of each attempt.
Rule: nothing is acknowledged before it is committed; delivered is what the target has acknowledged, at least once.
"""
