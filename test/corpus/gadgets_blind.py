"""Makes gadgets-blind/: pickles whose loading, or the obvious next step, runs or reaches what no weights need.

They were written without a look at the scanner, from knowledge of pickle and of the libraries that load it. Nothing
here is loaded: every pickle is assembled. Payloads are inert.
"""
import re

import asm
import boxes
from corpus import Part
from gadgets_blind_calls import CALLS
from gadgets_blind_shapes import SHAPES

PYTHON_2_MODULES = {"__builtin__", "commands", "popen2", "cPickle", "urllib", "urllib2"}
EXTENSIONS = ["pkl", "bin", "pt", "pth", "pickle", "ckpt", "joblib", "dat", "pkl", "model"]


def main():
    part = Part("gadgets-blind", "gadget", expect="not-clean", blind=True, madeBy="hand")
    for index, (family, module, name, arguments, note) in enumerate(CALLS):
        style = style_of(index, module, name)
        data, extension = STYLES[style](module, name, arguments), EXTENSIONS[index % len(EXTENSIONS)]
        if style in ("zip", "legacy"):
            extension = "pt"
        slug = re.sub(r"[^A-Za-z0-9_]+", "-", f"{module}-{name}").strip("-").lower()
        part.add(f"{family}-{slug}.{extension}", data, family=family, note=f"{module}.{name}: {note} ({style})")
    for family, name, data, note in SHAPES:
        part.add(f"{family}-{name}", data, family=family, note=note)
    part.close()


def style_of(index, module, name):
    if module.split(".")[0] in PYTHON_2_MODULES:
        return ["p0", "p2", "inst"][index % 3]  # mapped to the names of Python 3 only below protocol 3
    if "." in name:
        return ["p4", "p5", "p4-global", "p4-popped"][index % 4]  # dotted names resolve only from protocol 4 on
    styles = [style for style in STYLES if name[:1].isupper() or not style.startswith("newobj")]
    return styles[index % len(styles)]


def p0(module, name, arguments):
    return asm.program(asm.old_call(module, name, *arguments), 0)


def p1(module, name, arguments):
    body = asm.code(asm.named(module, name), asm.MARK, *map(asm.value_1, arguments), asm.TUPLE, asm.REDUCE)
    return asm.program(body, 1)


def p2(module, name, arguments):
    return asm.program(asm.call(asm.named(module, name), *arguments), 2)


def p3(module, name, arguments):
    return asm.program(asm.memo(asm.call(asm.memo(asm.named(module, name), 0), *arguments), 1), 3)


def p4(module, name, arguments):
    return asm.program(asm.call(asm.stack_named(module, name), *arguments), 4)


def p4_global(module, name, arguments):
    return asm.program(asm.call(asm.named(module, name), *arguments), 4)


def p5(module, name, arguments):
    """The names come out of the memo."""
    names = asm.code(asm.text(name), asm.MEMOIZE, asm.POP, asm.text(module), asm.MEMOIZE, asm.POP)
    function = asm.code(names, asm.get(1), asm.get(0), asm.STACK_GLOBAL)
    return asm.program(asm.call(function, *arguments), 5)


def p4_popped(module, name, arguments):
    """What remains is a harmless dictionary."""
    return asm.program(asm.first(asm.value({"weight": 1.0}), asm.call(asm.stack_named(module, name), *arguments)), 4)


def inst(module, name, arguments):
    body = asm.code(asm.MARK, *map(asm.old_value, arguments), b"i", module.encode(), b"\n", name.encode(), b"\n")
    return asm.program(body, 0)


def obj(module, name, arguments):
    return asm.program(asm.obj(asm.named(module, name), *arguments), 2)


def newobj(module, name, arguments):
    return asm.program(asm.newobj(asm.named(module, name), *arguments), 2)


def newobj_ex(module, name, arguments):
    return asm.program(asm.newobj_ex(asm.stack_named(module, name), tuple(arguments), {}), 4)


def in_state(module, name, arguments):
    """One value of a state dictionary among others."""
    call = asm.call(asm.named(module, name), *arguments)
    return asm.program(asm.value({"epoch": 3, "lr": 0.1, "note": call, "names": ["a", "b"]}), 2)


def no_proto(module, name, arguments):
    """No PROTO at all: the opcodes are taken as they come."""
    return asm.call(asm.stack_named(module, name), *arguments) + asm.STOP


def in_zip(module, name, arguments):
    return boxes.torch_zip(p2(module, name, arguments))


def in_legacy(module, name, arguments):
    return boxes.legacy(p2(module, name, arguments))


STYLES = {
    "p0": p0,
    "p2": p2,
    "p4": p4,
    "zip": in_zip,
    "inst": inst,
    "p5": p5,
    "obj": obj,
    "newobj": newobj,
    "in-state": in_state,
    "p1": p1,
    "no-proto": no_proto,
    "p4-popped": p4_popped,
    "newobj-ex": newobj_ex,
    "legacy": in_legacy,
    "p4-global": p4_global,
    "p3": p3,
}

if __name__ == "__main__":
    main()
