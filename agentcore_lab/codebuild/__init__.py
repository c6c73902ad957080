"""CodeBuild for images: a project's buildspec is read, its docker commands are done by the kit's own builder."""
