#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks of whydrop's JSON report for the scenarios; says what is wrong and exits 1.

valid FILE…       the schema, the accounting identity, and that findings and drops agree
finding FILE      exactly the expected finding and no other one of the lab
none FILE         no finding of the lab
fix FILE          prints each command of the finding with `when: now`, as it is run on the host, one per line

serve FIFO        answers such calls for many tests (scenario.sh, check_report): Python takes seconds
                  to start on an emulated machine
"""
import argparse
import contextlib
import functools
import json
import os
import sys
import traceback

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCHEMA = os.path.join(ROOT, "docs", "report.schema.json")


class Wrong(Exception):
    pass


def load(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        # Exactly one object, and no name twice: jsonschema would see only the last one.
        return json.loads(text, object_pairs_hook=unique)
    except ValueError as err:
        raise Wrong(f"{path} is not one JSON object: {err}: {text[:200]!r}") from err


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name twice in {names}")
    return dict(pairs)


def close(schema):
    """A field that the schema does not know is one that is documented nowhere."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for sub in schema.values():
            close(sub)
    elif isinstance(schema, list):
        for sub in schema:
            close(sub)


@functools.cache
def validator():
    try:
        import jsonschema
    except ImportError as err:
        raise Wrong(f"the schema cannot be checked: {err} (scripts/deps test installs it)") from err
    with open(SCHEMA, encoding="utf-8") as file:
        schema = json.load(file)
    # It is a name and no URL; older libraries resolve #/$defs against it.
    schema.pop("$id", None)
    close(schema)
    return jsonschema.Draft202012Validator(schema)


def check_schema(report):
    errors = list(validator().iter_errors(report))
    if errors:
        raise Wrong("schema: " + "; ".join(f"{list(e.absolute_path)}: {e.message[:200]}" for e in errors[:5]))


def check_empty(value, path="report"):
    """What is not known is absent, never an empty string."""
    if value == "":
        raise Wrong(f"{path} is an empty string")
    if isinstance(value, dict):
        for key, sub in value.items():
            # A value of the node that was read is as it is: a sysctl may be empty.
            if key != "value":
                check_empty(sub, f"{path}.{key}")
    elif isinstance(value, list):
        for i, sub in enumerate(value):
            check_empty(sub, f"{path}[{i}]")


def check_accounting(report):
    acc = report["accounting"]
    if acc["seen"] != acc["counted"] + acc["uncounted"] + acc["filtered"]:
        raise Wrong(f"seen != counted + uncounted + filtered: {acc}")
    packets = sum(drop["packets"] for drop in report["drops"])
    if acc["counted"] != packets:
        raise Wrong(f"counted is {acc['counted']}, but drops have {packets} packets: {acc}")
    folded = sum(drop["packets"] for drop in report["drops"] if drop.get("folded"))
    if acc.get("folded", 0) != folded:
        raise Wrong(f"folded is {acc.get('folded', 0)}, but folded drops have {folded} packets: {acc}")


def check_findings(report):
    drops, owner = report["drops"], {}
    if drops != sorted(drops, key=lambda d: -d["packets"]):
        raise Wrong("drops are not sorted, most packets first")
    for finding in report["findings"]:
        what = finding["id"]
        for i in finding.get("drops", []):
            if not 0 <= i < len(drops):
                raise Wrong(f"{what}: no drop has the index {i}")
            if i in owner:
                raise Wrong(f"drop {i} belongs to {owner[i]} and to {what}")
            owner[i] = what
            if drops[i]["class"] != "fault":
                raise Wrong(f"{what} explains drop {i}, which is of class {drops[i]['class']}")
        packets = sum(drops[i]["packets"] for i in finding.get("drops", []))
        if packets != finding["packets"]:
            raise Wrong(f"{what} has {finding['packets']} packets, its drops {packets}")
        for fix in finding["fix"]:
            text = fix.get("text" if fix["when"] == "advice" else "command")
            if not text or not text.strip():
                raise Wrong(f"{what}: a fix says nothing: {fix}")
        if not finding["fix"]:
            raise Wrong(f"{what}: no fix")
        if finding["status"] == "confirmed" and not any(e["agrees"] for e in finding["evidence"]):
            raise Wrong(f"{what} is confirmed by no evidence")
    ids = [finding["id"] for finding in report["findings"]]
    if len(set(ids)) != len(ids):
        raise Wrong(f"a finding's id appears twice: {ids}")
    for i, drop in enumerate(drops):
        if drop["class"] == "fault" and i not in owner:
            raise Wrong(f"drop {i} is of class fault, but no finding has it")


def valid(args):
    for path in args.files:
        report = load(path)
        check_schema(report)
        check_empty(report)
        check_accounting(report)
        check_findings(report)


def brief(finding):
    return "{fault} ({status}) in {where}: {summary}".format(
        where=finding.get("netns", {}).get("name", "?"), **finding)


def of_lab(report, lab):
    """Findings of the lab, and those that do not say where they are."""
    return [f for f in report["findings"] if "netns" not in f or f["netns"]["inode"] in lab]


def expected(report, args):
    for finding in of_lab(report, args.lab):
        if finding["fault"] == args.fault and finding.get("netns", {}).get("inode") == args.inode:
            return finding
    found = [brief(f) for f in report["findings"]] or ["none"]
    drops = [json.dumps(d) for d in report["drops"] if d.get("netns", {}).get("inode") in args.lab]
    raise Wrong("\n  ".join([f"no {args.fault} in {args.name}; findings:", *found,
                             "drops of the lab:", *drops[:12]]))


def finding(args):
    report = load(args.files[0])
    want = expected(report, args)
    if want["status"] != args.status:
        raise Wrong(f"not {args.status}: {json.dumps(want, indent=1)}")
    if want["netns"].get("name") != args.name:
        raise Wrong(f"netns is named {want['netns']}, not {args.name}")
    said = want["summary"] + "\n" + json.dumps(want["evidence"], ensure_ascii=False)
    for word in args.mention:
        if word not in said:
            raise Wrong(f"neither summary nor evidence mentions {word!r}: {said}")
    others = [brief(f) for f in of_lab(report, args.lab) if f is not want]
    if others:
        raise Wrong("\n  ".join(["not the only finding; the others:", *others]))


def none(args):
    report = load(args.files[0])
    found = [json.dumps(f) for f in of_lab(report, args.lab)]
    if found:
        raise Wrong("\n  ".join(["findings where there should be none:", *found]))


def fix(args):
    for step in expected(load(args.files[0]), args)["fix"]:
        if step["when"] == "now":
            if "\n" in step["command"]:
                raise Wrong(f"a command of several lines: {step}")
            if "run" not in step:
                raise Wrong(f"no way to run it: {step}")
            print(step["run"])


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=("valid", "finding", "none", "fix", "serve"))
    parser.add_argument("files", nargs="+")
    parser.add_argument("--fault")
    parser.add_argument("--status")
    parser.add_argument("--inode", type=int, help="the netns that the finding must name")
    parser.add_argument("--name", help="the name of that netns")
    parser.add_argument("--mention", action="append", default=[], help="in the summary or the evidence")
    parser.add_argument("--lab", type=lambda s: [int(i) for i in s.split()], default=[],
                        help="inodes of the lab's namespaces")
    return parser.parse_args(argv)


def answer(argv):
    """The exit code; what is to be said goes to stdout and stderr."""
    try:
        args = parse(argv)
        globals()[args.check](args)
    except Wrong as err:
        print(f"{argv[0]}: {err}", file=sys.stderr)
        return 1
    except SystemExit as err:
        return err.code
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def serve(args):
    """A line for each call: a folder with `request` (arguments, each ended by NUL), and a FIFO `reply`
    that takes the exit code when `out` and `err` are written."""
    validator()
    # Also for writing: without a test at the other end it is not at its end.
    with open(args.files[0], "r+b", buffering=0) as fifo:
        for line in iter(fifo.readline, b""):
            where = os.fsdecode(line.rstrip(b"\n"))
            with open(f"{where}/request", encoding="utf-8") as file:
                argv = file.read().split("\0")[:-1]
            with open(f"{where}/out", "w", encoding="utf-8") as out, \
                    open(f"{where}/err", "w", encoding="utf-8") as err, \
                    contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = answer(argv)
            try:
                # Not in the way of others if the test is gone.
                reply = os.open(f"{where}/reply", os.O_WRONLY | os.O_NONBLOCK)
                os.write(reply, f"{status}\n".encode())
                os.close(reply)
            except OSError:
                pass


if __name__ == "__main__":
    sys.exit(answer(sys.argv[1:]))
