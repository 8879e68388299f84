"""What goes wrong for the person at the keyboard; `cli` prints it as one line and ends with a code above 0."""


class ToolError(Exception):
    """A tool can't do what was asked; the message is one line that says what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
