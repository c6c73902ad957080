"""How the kit's things look in a notebook without a widget: cards and tables in JupyterLab's own colours."""
