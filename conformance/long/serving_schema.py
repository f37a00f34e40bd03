"""schemathesis over the Open Inference Protocol's own OpenAPI document: python serving_schema.py <mlwright binary>

MLWRIGHT_SCHEMATHESIS names an environment with `schemathesis`, MLWRIGHT_OIP_SPEC the file `open_inference_rest.yaml` of
github.com/kserve/open-inference-protocol. Requests are made from the document, right ones and wrong ones; no answer may be a
failure of the server, and each that the document describes must have its form.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from _server import Checks, Server, deploy

FOLDER = Path(tempfile.mkdtemp(prefix="mlw-schema-"))
EXAMPLES = int(os.environ.get("MLWRIGHT_EXAMPLES", "300"))


def document():
    """The official document, with names that exist for its models, beside any text."""
    import yaml

    text = Path(os.environ["MLWRIGHT_OIP_SPEC"]).read_text()
    # Its templates are written as in a shell: `${MODEL_NAME}`.
    spec = yaml.safe_load(re.sub(r"\$\{(\w+)\}", r"{\1}", text))
    for path in spec["paths"].values():
        for parameter in path.get("parameters", []):
            known = ["cancer", "mixed", "nobody"] if parameter["name"] == "MODEL_NAME" else ["1", "7"]
            parameter["schema"] = {"type": "string", "enum": known}
    schemas = spec["components"]["schemas"]
    # Any text is a name to the document; here half of them are names that the models know.
    names = {"anyOf": [{"type": "string", "enum": ["X", "label", "probabilities"]}, {"type": "string"}]}
    types = {"anyOf": [{"type": "string", "enum": ["FP32", "FP64", "INT64", "BOOL", "BYTES", "UINT8", "FP16"]}, {"type": "string"}]}
    for tensor in ("request_input", "request_output"):
        schemas[tensor]["properties"]["name"] = names
    schemas["request_input"]["properties"]["datatype"] = types
    schemas["inference_request"].pop("x-examples", None)
    # What else may be answered, in the form that the document gives errors.
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/metadata_model_error_response"}}}}
    for path in spec["paths"].values():
        for method, operation in path.items():
            if method in ("get", "post"):
                for status in ("400", "404", "413", "415"):
                    operation["responses"].setdefault(status, {"description": "an error", **error})
    file = FOLDER / "oip.json"
    file.write_text(json.dumps(spec))
    return file


def main():
    checks = Checks()
    server = Server(sys.argv[1], FOLDER / "data")
    server.start()
    deploy(server, "cancer", "cancer_logreg.onnx")
    deploy(server, "mixed", "cancer_columns.onnx")
    program = Path(os.environ["MLWRIGHT_SCHEMATHESIS"]) / "bin" / "schemathesis"
    wanted = "not_a_server_error,content_type_conformance,response_schema_conformance,response_headers_conformance"
    words = [program, "run", document(), "--url", server.url, "--checks", wanted, "--max-examples", EXAMPLES]
    words += ["--seed", 1, "--mode", "all", "--phases", "examples,coverage,fuzzing", "--no-color", "--request-timeout", 20]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=FOLDER)
    checks.check(done.returncode == 0, f"schemathesis finds nothing in {EXAMPLES} examples of each operation", done.stdout[-6000:] + done.stderr[-2000:])
    for line in done.stdout.splitlines():
        if "generated" in line or "passed" in line:
            print(f"# {line.strip()}")
    status, answer = server.ask("GET", "/v2/models/cancer/ready")
    checks.check(status == 200, "the server answers as before", str(answer))
    server.stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
    checks.close()


if __name__ == "__main__":
    main()
