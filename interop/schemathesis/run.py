"""Drives a running server with the published OpenAPI document, unmodified, for the operations that are built.

    python run.py --document clerk-bapi-2026-05-12.yml --operations operations.json

VERGER_URL and VERGER_SECRET_KEY name the server. Ends with 0 when every check held and every operation was brought to
a success at least once. The cases are the same in every run: Schemathesis is in its deterministic mode, and `hooks.py`
decides from a case alone whether to change it.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
VERSION = "2026-05-12"

# Schemathesis' own checks, then ours (hooks.py). Not among them: `status_code_conformance`, since the document leaves
# out the 422 of some operations that answer it, and `negative_data_rejection`, since unknown keys are ignored and null
# is taken for absent by rule. `refusals_have_the_documented_shape` covers what the first would have.
CHECKS = [
    "not_a_server_error",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "ignored_auth",
    "only_200_is_success",
    "content_type_is_exact",
    "refusals_have_the_documented_shape",
    "built_operations_are_enabled",
]

# What succeeds only with a secret that a browser holds, which this API gives nobody.
NEEDS_A_BROWSER = {"RefreshSession", "VerifyClient"}

# The next case must not depend on what the server answered to the last one: the ids in it are others in every run.
CONFIGURATION = """
[phases.examples]
extra-data-sources = { responses = false }

[phases.coverage]
extra-data-sources = { responses = false }

[phases.fuzzing]
extra-data-sources = { responses = false }
"""


def required(variable):
    value = os.environ.get(variable)
    if not value:
        sys.exit(
            f"{variable} is not set: this needs a running server. Run `cargo xtask interop schemathesis`, or start "
            "`verger dev --ephemeral` and set VERGER_URL and VERGER_SECRET_KEY to what it prints."
        )
    return value


def require_agreement(operations, url):
    """The list says what the server says in its own document, so that a new operation cannot be forgotten here."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/openapi.json", timeout=10) as response:
        paths = json.load(response)["paths"]
    # What is ours alone is not in the published document.
    served = {
        operation["operationId"]
        for path, item in paths.items()
        if path.startswith("/v1/")
        for operation in item.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    if served != set(operations):
        sys.exit(
            f"operations.json and the server's /openapi.json differ: only in the list: "
            f"{sorted(set(operations) - served)}, only in the server: {sorted(served - set(operations))}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--document", required=True, type=pathlib.Path, help="the published OpenAPI document")
    parser.add_argument(
        "--operations",
        type=pathlib.Path,
        default=HERE / "operations.json",
        help="a JSON file with the operation ids that are built",
    )
    parser.add_argument("--max-examples", type=int, default=40, help="random cases per operation")
    arguments = parser.parse_args()
    url, secret_key = required("VERGER_URL").rstrip("/"), required("VERGER_SECRET_KEY")
    operations = json.loads(arguments.operations.read_text())
    require_agreement(operations, url)

    # In a folder of its own, so that no configuration from elsewhere is picked up and nothing is left behind.
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "schemathesis.toml").write_text(CONFIGURATION)
        tally_file = pathlib.Path(folder) / "tally.json"
        command = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            str(arguments.document.resolve()),
            "--url",
            f"{url}/v1",
            "--header",
            f"Authorization: Bearer {secret_key}",
            "--header",
            f"Clerk-API-Version: {VERSION}",
            "--checks",
            ",".join(CHECKS),
            "--phases",
            "examples,coverage,fuzzing",
            "--mode",
            "all",
            "--max-examples",
            str(arguments.max_examples),
            "--generation-deterministic",
            "--suppress-health-check",
            "all",
            "--workers",
            "1",
            "--request-timeout",
            "10",
            "--continue-on-failure",
            "--warnings",
            "off",
            "--no-color",
        ]
        for operation in operations:
            command += ["--include-operation-id", operation]
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Schemathesis walks over sets; with a fixed seed it does so in the same order every time.
            "PYTHONHASHSEED": "0",
            "SCHEMATHESIS_HOOKS": "hooks",
            "VERGER_INTEROP_TALLY": str(tally_file),
        }
        code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        if not tally_file.exists():
            sys.exit(f"Schemathesis ended with {code} before it sent anything")
        tally = json.loads(tally_file.read_text())

    print("\noperation                   cases  answers")
    failed = set(tally["failed"])
    for operation in operations:
        statuses = tally["answers"].get(operation, {})
        answers = "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        if not {"200", "204"} & set(statuses) and operation not in NEEDS_A_BROWSER:
            answers += "  never brought to a success"
            failed.add(operation)
        mark = "FAILED " if operation in failed else ""
        print(f"{operation:<26} {sum(statuses.values()):>6}  {mark}{answers}")
    if code and not failed:
        print(f"Schemathesis itself failed with {code}")
    print(f"{len(operations) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if code or failed else 0)


if __name__ == "__main__":
    main()
