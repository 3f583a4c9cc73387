"""What API Gateway and load balancers do to a web request on its way to a target, in whichever service it was set up.

Each piece is used by more than one service; what belongs to one alone lives there. Services fill the front with the
APIs that are theirs, and `app` hands in who runs functions.
"""
