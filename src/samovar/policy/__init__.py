"""IAM's policy language: documents to compiled rules, and who may do what (facts/iam.md §4-§6).

Pure: no state, no clock, no I/O. Services hold their documents and check them here; the gateway asks for decisions.

    grammar     text -> Document, or what AWS says is wrong with it
    pattern     wildcards and policy variables; ARNs field by field
    conditions  the operators
    rules       Documents compiled: which statement says what about a request
    principals  who a Principal element means
    decision    explicit deny, identity, resource, boundary, session, the other account; and AWS's words for a refusal
"""
