from .helper import x


class Model:
    pass
