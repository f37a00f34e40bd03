"""Clusters whose jobs are processes of this machine, with the APIs of Kubernetes, Ray and Slurm in front (standard library
only). What they answer has the shape of what the real ones answered (`conformance/vectors/executors`, and Kubernetes'
reference of `batch/v1`); what they do not know they refuse, so that a wrong request does not pass.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import _pods

TOKEN = "a-token-of-the-cluster"


class Job:
    """A process, as a container or a batch script would run: with its own variables and nothing else."""

    def __init__(self, name, argv, env, folder, given):
        self.name, self.given, self.created = name, given, time.time()
        self.output = folder / f"{name}.log"
        base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)}
        with open(self.output, "wb") as log:
            try:
                self.process = subprocess.Popen(
                    argv,
                    env={**base, **env},
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                log.write(str(error).encode())
                self.process = subprocess.Popen(["sh", "-c", "exit 127"], start_new_session=True)
        self.stopped = False

    @property
    def code(self):
        return self.process.poll()

    def stop(self, grace=5):
        """SIGTERM, and SIGKILL after the grace; does not wait."""
        if self.code is not None:
            return
        self.stopped = True

        def end():
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self.process.pid, number)
                    self.process.wait(timeout=grace)
                    return
                except subprocess.TimeoutExpired:
                    pass
                except ProcessLookupError:
                    return

        threading.Thread(target=end, daemon=True).start()


class Refused(Exception):
    def __init__(self, status, body):
        self.status, self.body = status, body


class Cluster:
    """`away`: nobody answers. `deaf`: what is posted is done, but the answer is lost."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mlwright-cluster-"))
        self.jobs, self.calls = {}, []
        self.away = self.deaf = False
        self.lock = threading.Lock()
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length)
                if cluster.away:
                    self.close_connection = True
                    return
                path, _, query = self.path.partition("?")
                asked = {key: value[0] for key, value in urllib.parse.parse_qs(query).items()}
                with cluster.lock:
                    cluster.calls.append((self.command, path))
                    try:
                        body = json.loads(text) if text else None
                        status, said = cluster.answer(self.command, path, asked, body, self.headers)
                    except Refused as error:
                        status, said = error.status, error.body
                if cluster.deaf and self.command == "POST":
                    self.close_connection = True
                    return
                data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain" if isinstance(said, str) else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        for job in self.jobs.values():
            job.stop(1)
        self.server.shutdown()

    def count(self):
        return len(self.jobs)

    def ended(self, name):
        job = self.find(name)
        return job is None or job.code is not None

    def find(self, name):
        return self.jobs.get(name)


class Kubernetes(Cluster):
    """`batch/v1` Jobs with one pod each, as far as an executor needs them. Fields that it does not know are refused.
    `images`: what is known of images that are tasks themselves."""

    images = {}
    secrets = {}
    claims = {}
    CLAIMS = re.compile(r"/api/v1/namespaces/work/persistentvolumeclaims(?:/([a-z0-9.-]+))?")
    SECRETS = re.compile(r"/api/v1/namespaces/work/secrets")
    JOBS = re.compile(r"/apis/batch/v1/namespaces/work/jobs(?:/([a-z0-9-]+))?")
    PODS = re.compile(r"/api/v1/namespaces/work/pods(?:/([a-z0-9-]+)/log)?")
    JOB_SPEC = {"backoffLimit", "completions", "parallelism", "ttlSecondsAfterFinished", "template"}
    POD_SPEC = {
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "automountServiceAccountToken",
        "containers",
        "nodeSelector",
        "tolerations",
        "affinity",
        "imagePullSecrets",
        "volumes",
        "initContainers",
    }
    CONTAINER = {"name", "image", "command", "args", "env", "resources", "imagePullPolicy", "volumeMounts", "securityContext"}

    def status(self, code, reason, message):
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message}
        raise Refused(code, {**body, "metadata": {}, "code": code})

    def known(self, what, given, wanted):
        unknown = set(given) - wanted
        if unknown:
            self.status(400, "BadRequest", f"{what}: unknown field {sorted(unknown)}")

    def answer(self, method, path, asked, body, headers):
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            self.status(401, "Unauthorized", "Unauthorized")
        found, pods = self.JOBS.fullmatch(path), self.PODS.fullmatch(path)
        claim = self.CLAIMS.fullmatch(path)
        if claim:
            return self.claim(method, claim[1], body)
        if self.SECRETS.fullmatch(path) and method == "POST":
            return 201, self.keep(body)
        if found and method == "POST" and not found[1]:
            return 201, self.create(body)
        if found and found[1] and method in ("GET", "DELETE"):
            job = self.jobs.get(found[1])
            if job is None:
                self.status(404, "NotFound", f'jobs.batch "{found[1]}" not found')
            if method == "DELETE":
                if asked.get("propagationPolicy") not in ("Background", "Foreground"):
                    self.status(400, "BadRequest", "pods would be orphaned")
                job.stop(job.given["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])
                self.gone = getattr(self, "gone", {})
                self.gone[found[1]] = self.jobs.pop(found[1])
                self.secrets = {name: kept for name, kept in self.secrets.items() if name != found[1]}
                return 200, {"kind": "Status", "status": "Success", "details": {"name": found[1], "kind": "jobs"}}
            return 200, self.job(job)
        if pods and method == "GET":
            if pods[1]:
                job = self.jobs.get(pods[1][: -len("-x7k2p")])
                if job is None:
                    self.status(404, "NotFound", f'pods "{pods[1]}" not found')
                return 200, self.log(job, asked)
            name = asked.get("labelSelector", "").partition("job-name=")[2]
            items = [self.pod(job) for job in self.jobs.values() if job.name == name]
            return 200, {"kind": "PodList", "apiVersion": "v1", "items": items}
        self.status(404, "NotFound", f"the server could not find the requested resource: {method} {path}")

    def log(self, job, asked):
        if not isinstance(job, _pods.Pod):
            return job.output.read_text(errors="replace")
        container = job.find(asked.get("container"))
        if container is None:
            self.status(400, "BadRequest", f"a container name must be specified for pod {job.name}-x7k2p")
        if "waiting" in container.state:
            self.status(400, "BadRequest", f'container "{container.name}" in pod "{job.name}-x7k2p" is waiting to start')
        text = container.log(asked)
        if text is None:
            self.status(400, "BadRequest", f"sinceTime: {asked['sinceTime']}")
        return text

    def claim(self, method, name, body):
        if method == "POST":
            assert body["kind"] == "PersistentVolumeClaim" and body["spec"]["accessModes"], body
            name = body["metadata"]["name"]
            if name in self.claims:
                self.status(409, "AlreadyExists", f'persistentvolumeclaims "{name}" already exists')
            self.claims = {**self.claims, name: body}
            return 201, body
        if name not in self.claims:
            self.status(404, "NotFound", f'persistentvolumeclaims "{name}" not found')
        found = self.claims[name]
        if method == "DELETE":
            self.claims = {other: kept for other, kept in self.claims.items() if other != name}
        return 200, found

    def keep(self, body):
        assert body["apiVersion"] == "v1" and body["kind"] == "Secret" and body["type"] == "Opaque", body
        name, (owner,) = body["metadata"]["name"], body["metadata"]["ownerReferences"]
        if owner["uid"] != self.jobs[owner["name"]].uid:
            self.status(422, "Invalid", f"ownerReferences: {owner}")
        if name in self.secrets:
            self.status(409, "AlreadyExists", f'secrets "{name}" already exists')
        self.secrets = {**self.secrets, name: body}
        return body

    def create(self, body):
        assert body["apiVersion"] == "batch/v1" and body["kind"] == "Job", body
        name, spec = body["metadata"]["name"], body["spec"]
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
            self.status(422, "Invalid", f"{name} is no name")
        if name in self.jobs:
            self.status(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        pod = spec["template"]["spec"]
        self.known("spec", spec, self.JOB_SPEC)
        self.known("pod", pod, self.POD_SPEC)
        (container, *_) = containers = [*pod["containers"], *pod.get("initContainers", [])]
        for each in containers:
            self.known("container", each, self.CONTAINER)
        if len({each["name"] for each in containers}) < len(containers):
            self.status(422, "Invalid", "two containers have the same name")
        for labels in (body["metadata"]["labels"], spec["template"]["metadata"]["labels"]):
            for value in labels.values():
                if not re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", value):
                    self.status(422, "Invalid", f"{value} is no label")
        if pod["restartPolicy"] != "Never":
            self.status(422, "Invalid", "a task is not to be started again by the cluster")
        named = {volume["name"] for volume in pod.get("volumes", [])}
        for each in containers:
            for amounts in each.get("resources", {}).values():
                for amount in amounts.values():
                    if not re.fullmatch(r"[0-9]+(m|Mi)?", amount):
                        self.status(422, "Invalid", f"{amount} is no quantity")
            for mount in each.get("volumeMounts", []):
                if mount["name"] not in named:
                    self.status(422, "Invalid", f"volumeMounts: Not found: {mount['name']}")
        if len(containers) > 1:
            self.jobs[name] = _pods.Pod(name, body, self.folder, lambda: self.secrets, self.images)
            return self.job(self.jobs[name])
        # What a value is taken from is not there: its variable stays away, as an optional one would.
        env = {item["name"]: item["value"] for item in container["env"] if "value" in item}
        self.jobs[name] = Job(name, container["command"], env, self.folder, body)
        return self.job(self.jobs[name])

    def job(self, job):
        status = {"active": 1, "startTime": "2026-11-26T00:00:00Z"}
        if job.code is not None:
            kind = "Complete" if job.code == 0 else "Failed"
            status = {"conditions": [{"type": kind, "status": "True"}], "succeeded": int(job.code == 0)}
            if job.code != 0:
                message = "Job has reached the specified backoff limit"
                status["conditions"][0].update(reason="BackoffLimitExceeded", message=message)
        uid = getattr(job, "uid", "5f0c1f3e-0000-4000-8000-000000000000")
        return {**job.given, "metadata": {**job.given["metadata"], "uid": uid}, "status": status}

    def pod(self, job):
        metadata = {"name": f"{job.name}-x7k2p", "namespace": "work", "labels": {"job-name": job.name}}
        if isinstance(job, _pods.Pod):
            return {"metadata": metadata, "status": job.status()}
        state = {"running": {"startedAt": "2026-11-26T00:00:00Z"}}
        phase = "Running"
        if job.code is not None:
            reason = "Completed" if job.code == 0 else "Error"
            phase = "Succeeded" if job.code == 0 else "Failed"
            state = {"terminated": {"exitCode": job.code, "reason": reason}}
        statuses = [{"name": "task", "state": state}]
        if job.given["spec"]["template"]["spec"]["containers"][0]["image"] == "no/such image":
            phase, statuses = "Pending", [{"state": {"waiting": {"reason": "InvalidImageName", "message": "bad name"}}}]
        return {"metadata": metadata, "status": {"phase": phase, "containerStatuses": statuses}}


class Ray(Cluster):
    """The Jobs API of Ray 2.60, by the recorded exchanges."""

    JOB = re.compile(r"/api/jobs/([A-Za-z0-9_-]+)(/stop|/logs)?")
    BODY = {"entrypoint", "submission_id", "runtime_env", "metadata", "entrypoint_num_cpus", "entrypoint_num_gpus"}
    BODY |= {"entrypoint_memory", "entrypoint_resources"}

    def answer(self, method, path, asked, body, headers):
        if path == "/api/jobs/" and method == "POST":
            unknown = set(body) - self.BODY
            if unknown:
                raise Refused(400, f"TypeError: unexpected keyword argument {sorted(unknown)}")
            name = body["submission_id"]
            if name in self.jobs:
                text = f"ValueError: Job with submission_id {name} already exists. Please use a different submission_id.\n"
                raise Refused(500, "Traceback (most recent call last):\n" + text)
            env = body["runtime_env"]["env_vars"]
            assert all(isinstance(value, str) for value in [*env.values(), *body["metadata"].values()]), body
            self.jobs[name] = Job(name, ["sh", "-c", body["entrypoint"]], env, self.folder, body)
            return 200, {"job_id": name, "submission_id": name}
        found = self.JOB.fullmatch(path)
        if not found:
            raise Refused(404, "404: Not Found")
        job = self.jobs.get(found[1])
        if job is None:
            raise Refused(404, f"Job {found[1]} does not exist")
        if found[2] == "/stop" and method == "POST":
            running = job.code is None
            # RAY_JOB_STOP_WAIT_TIME_S.
            job.stop(3)
            return 200, {"stopped": running}
        if found[2] == "/logs" and method == "GET":
            return 200, {"logs": job.output.read_text(errors="replace")}
        if method != "GET":
            raise Refused(405, "405: Method Not Allowed")
        status, message, kind = "RUNNING", "Job is currently running.", None
        if job.code is not None:
            status, message = "SUCCEEDED", "Job finished successfully."
            if job.stopped:
                status, message = "STOPPED", "Job was intentionally stopped."
            elif job.code != 0:
                status, kind = "FAILED", "JOB_ENTRYPOINT_COMMAND_ERROR"
                message = f"Job entrypoint command failed with exit code {job.code}, last available logs"
        details = {"type": "SUBMISSION", "job_id": None, "submission_id": job.name, "driver_info": None}
        details.update(status=status, message=message, error_type=kind, entrypoint=job.given["entrypoint"])
        return 200, {**details, "start_time": int(job.created * 1000), "driver_exit_code": job.code}


class Slurm(Cluster):
    """slurmrestd 22.05 with openapi/v0.0.38, by the recorded exchanges."""

    JOB = re.compile(r"/slurm/v0\.0\.38/job/(\d+)")
    META = {"plugin": {"type": "openapi/v0.0.38"}, "Slurm": {"release": "22.05.8"}}
    KEYS = {"name", "comment", "partition", "tasks", "cpus_per_task", "time_limit", "current_working_directory"}
    KEYS |= {"standard_output", "standard_error", "environment", "requeue", "memory_per_node", "tres_per_job"}

    def fail(self, status, error, number):
        errors = [{"error": error, "error_code": number}]
        raise Refused(status, {"meta": self.META, "errors": errors})

    def answer(self, method, path, asked, body, headers):
        if headers.get("X-SLURM-USER-NAME") != "worker" or headers.get("X-SLURM-USER-TOKEN") != TOKEN:
            raise Refused(401, "Authentication failure")
        good = {"meta": self.META, "errors": []}
        if path == "/slurm/v0.0.38/jobs" and method == "GET":
            return 200, {**good, "jobs": [self.job(number, job) for number, job in self.jobs.items()]}
        if path == "/slurm/v0.0.38/job/submit" and method == "POST":
            wanted = body["job"]
            unknown = set(wanted) - self.KEYS
            if unknown or not body["script"].startswith("#!"):
                self.fail(500, f"Unknown key {sorted(unknown)}", 9202)
            number = str(len(self.jobs) + 1)
            script = self.folder / f"job{number}"
            script.write_text(body["script"])
            script.chmod(0o700)
            self.jobs[number] = Job(f"slurm-{number}", [str(script)], wanted["environment"], self.folder, wanted)
            return 200, {**good, "job_id": int(number), "step_id": "BATCH", "job_submit_user_msg": ""}
        found = self.JOB.fullmatch(path)
        if not found:
            raise Refused(404, "Not found")
        job = self.jobs.get(found[1])
        if job is None:
            self.fail(500, "Invalid job id specified", 2017)
        if method == "DELETE":
            job.stop(5)
            return 200, good
        return 200, {**good, "jobs": [self.job(found[1], job)]}

    def job(self, number, job):
        state = "RUNNING"
        if job.code is not None:
            state = "CANCELLED" if job.stopped else "COMPLETED" if job.code == 0 else "FAILED"
        code = 0 if job.code is None else job.code << 8
        reason = "NonZeroExitCode" if state == "FAILED" else "None"
        known = {"job_id": int(number), "name": job.given["name"], "job_state": state, "exit_code": code}
        return {**known, "state_reason": reason, "comment": job.given.get("comment", "")}

    def find(self, name):
        return next((job for job in self.jobs.values() if job.given["name"] == name), None)
