"""Reports that are broken on purpose, each in one place."""

import copy

WRONG = {"no": ["such", "value"]}


def places(value, path=()):
    """Every place in a report; of a list the first element alone."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1] if isinstance(value, list) else [])
    for name, one in inner:
        yield from places(one, (*path, name))


def at(value, path):
    for name in path:
        value = value[name]
    return value


def changed(report, path, value):
    """The report with another value in a place."""
    report = copy.deepcopy(report)
    at(report, path[:-1])[path[-1]] = value
    return report


def lacking(report, path):
    """The report without what is in a place."""
    report = copy.deepcopy(report)
    del at(report, path[:-1])[path[-1]]
    return report


def renamed(report, path):
    """The report with another name for the field in a place."""
    report = copy.deepcopy(report)
    holder = at(report, path[:-1])
    holder[f"{path[-1]}s"] = holder.pop(path[-1])
    return report


def of_json(report):
    """Every field away, of another name, and of another type."""
    for path in places(report):
        if isinstance(path[-1], str):
            yield f"without {path}", lacking(report, path)
            yield f"{path} renamed", renamed(report, path)
        yield f"{path} of another type", changed(report, path, WRONG)


def of_sarif(report):
    """The schema leaves out little of what we write; the rest is a choice."""
    run, result = ("runs", 0), ("runs", 0, "results", 0)
    place = (*result, "locations", 0, "physicalLocation")
    for path in [("version",), run + ("tool",), result + ("message",), result + ("message", "text")]:
        yield f"without {path}", lacking(report, path)
    for path in places(report):
        if isinstance(path[-1], str) and "properties" not in path:
            yield f"{path} renamed", renamed(report, path)
            yield f"{path} of another type", changed(report, path, WRONG)
    for path, value in [
        (("version",), "2.0.0"),
        (result + ("level",), "fatal"),
        (result + ("ruleIndex",), 99),
        (result + ("ruleIndex",), "0"),
        (place + ("artifactLocation", "uri"), "a b\\c"),
        (place + ("region",), {"startLine": 0}),
        (place + ("region",), {"byteOffset": "17"}),
        (run + ("columnKind",), "bytes"),
    ]:
        yield f"{path} is {value}", changed(report, path, value)


def of_junit(report):
    """Elements and attributes that the form does not have, and wrong counts."""
    for tag, name, value in [
        ("testsuite", "tests", None),
        ("testsuite", "tests", "99"),
        ("testsuite", "failures", "99"),
        ("testsuite", "rule", "KA05"),
        ("testcase", "name", None),
        ("failure", "level", "error"),
    ]:
        broken = copy.deepcopy(report)
        element = next(broken.iter(tag))
        if value is None:
            del element.attrib[name]
        else:
            element.set(name, value)
        yield f"{name} of {tag} is {value}", broken
    broken = copy.deepcopy(report)
    next(broken.iter("failure")).tag = "finding"
    yield "failure renamed", broken
