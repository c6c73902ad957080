"""AWS's wire protocol, driven by the installed botocore service models: nothing here knows an operation by name.

A request goes ``router`` → ``parse`` → ``validate``; an answer comes back through ``serialize``.
"""
