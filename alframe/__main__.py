"""``python -m alframe``."""

from alframe.app.cli import main

if __name__ == "__main__":  # worker processes import this module again where processes are spawned
    main()
