"""What an installation has besides the command: its manual pages, and the completion of bash, zsh and fish.

All of it is made from the command's own argparse parser (`commands`), so that nothing is written twice. Each form is a
pure function of that; `__main__` writes the files, for the build.
"""
