"""What looks like something else: domains like protected ones, names like those of protected people."""
