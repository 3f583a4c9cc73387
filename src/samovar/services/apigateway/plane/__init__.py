"""What a deployed API does with a web request, from its stage to the answer.

    routes       path -> resource
    compiled     a Definition made ready once per deployment: routes, methods, authorizers, templates
    stages       which deployment answers now: stage, canary, variables, method settings
    exchange     one request on its way, and what `$context` knows of it
    site         the order of the steps, and the one place where a Refusal becomes an answer
    refusals     gateway responses
    entering     authorizers, resource policy, API keys, throttles, quotas
    validation   required parameters, bodies
    mapping      parameters and templates, both ways
    lambda_      AWS_PROXY and AWS integrations of functions
    http, mock, actions     the other integrations

An exchange goes from step to step without a task, unless a step has to wait for somebody.
"""
