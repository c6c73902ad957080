"""Who may do what to which resource: AWS's evaluation of resource-based policies, without I/O."""
