"""Tools for developers: the installer of the virtual environment and the generator of docs/."""
